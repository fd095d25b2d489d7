"""What a look at cluster and queue shows in series."""

from aryl.engine.cycle import CycleReport
from aryl.engine.ports import Outcome, Status
from aryl.model.cluster import Loan
from aryl.model.demand import DemandHistory
from aryl.model.plan import Outlook, Plan, ReclaimServer
from tests.builders import base, make_cluster, make_job, make_running, make_snapshot, make_spec
from tests.unit.metrics.reading import VACANT, Reading, report

# Looks


def test_a_look_shows_gpus_and_servers_as_they_are_used(reading: Reading) -> None:
    cluster = make_cluster((8, 8, 8), (4, 4, 4, 4))
    trains = make_running(cluster, make_spec("a", workers=5), [base(1, 5)])
    borrows = make_running(
        cluster, make_spec("b", workers=3, fungible=True), [base(1, 3, loaned=True)]
    )
    loans = [Loan("infer-0001", 0.0), Loan("infer-0002", 0.0), Loan("infer-0003", 0.0, 990.0)]

    reading.see(make_snapshot(cluster, running=[trains, borrows], loans=loans))

    gpus = {pool: reading.of("pool_gpus", {"pool": pool}) for pool in ("training", "on-loan")}
    assert gpus == {"training": 24, "on-loan": 8}
    used = {pool: reading.of("pool_gpus_used", {"pool": pool}) for pool in gpus}
    assert used == {"training": 5, "on-loan": 3}
    states = ("free", "busy", "inference", "on-loan", "reclaiming")
    servers = [reading.of("pool_servers", {"state": state}) for state in states]
    assert servers == [2, 1, 1, 2, 1]
    assert reading["loans_open"] == 3
    assert reading["running_jobs"] == 2
    assert reading["steps_total"] == 1


def test_a_look_shows_the_queue_and_how_much_of_it_would_fit(reading: Reading) -> None:
    cluster = make_cluster((8, 8))
    queued = [
        *(make_job(f"small-{n}", workers=1, gpus_per_worker=4) for n in range(3)),
        make_job("wide", workers=1, gpus_per_worker=8),
        make_job("huge", workers=3, gpus_per_worker=8),
    ]
    runs = make_running(cluster, make_spec("a", workers=1), [base(1)])

    reading.see(make_snapshot(cluster, queued=queued, running=[runs]))

    assert reading["queue_jobs"] == 5
    assert reading["queue_gpus"] == 3 * 4 + 8 + 24
    assert reading["queue_fitting_jobs"] == 4  # all but the huge one

    full = make_running(cluster, make_spec("b", workers=5), [base(1, 4), base(2, 1)])
    reading.see(make_snapshot(cluster, queued=queued, running=[runs, full]))

    assert reading["queue_fitting_jobs"] == 3  # no server is empty


def test_a_reclaim_takes_from_asking_a_server_back_until_a_look_misses_it(
    reading: Reading,
) -> None:
    cluster = make_cluster((8,), (8, 8))
    asked = Outcome(ReclaimServer("infer-0001", VACANT), Status.DONE)
    reading.metrics.cycled(
        report(make_snapshot(cluster, loans=["infer-0001"]), [asked]), now=1_000.0
    )

    leaving = Loan("infer-0001", 0.0, 1_000.0)
    reading.see(make_snapshot(cluster, loans=[leaving]), now=1_020.0)
    assert reading["reclaim_seconds_count"] == 0
    assert reading["reclaim_oldest_seconds"] == 20.0

    reading.see(make_snapshot(cluster), now=1_030.0)
    assert reading["reclaim_seconds_sum"] == 30.0
    assert reading["reclaim_oldest_seconds"] == 0.0

    reading.see(make_snapshot(cluster), now=1_040.0)
    assert reading["reclaim_seconds_count"] == 1


def test_a_server_that_is_back_at_once_is_timed_by_the_next_look(reading: Reading) -> None:
    cluster = make_cluster((8,), (8,))
    asked = Outcome(ReclaimServer("infer-0001", VACANT), Status.DONE)
    lent = make_snapshot(cluster, loans=["infer-0001"])
    reading.metrics.cycled(report(lent, [asked]), now=1_000.0)

    reading.see(make_snapshot(cluster), now=1_002.0)

    assert reading["reclaim_seconds_sum"] == 2.0


def test_a_reclaim_that_another_scheduler_began_counts_from_its_beginning(
    reading: Reading,
) -> None:
    cluster = make_cluster((8,), (8,))
    reading.see(make_snapshot(cluster, loans=[Loan("infer-0001", 0.0, 400.0)]), now=1_000.0)
    reading.see(make_snapshot(cluster), now=1_010.0)

    assert reading["reclaim_seconds_sum"] == 610.0


def test_what_inference_lacks_adds_up_over_time(reading: Reading) -> None:
    cluster = make_cluster((8,), (8,) * 4)
    lent = make_snapshot(cluster, loans=["infer-0001", "infer-0002"])

    reading.see(lent, now=1_000.0, demand=2.0)
    reading.see(lent, now=1_010.0, demand=3.0)  # one too few, for all of the 10 s so far as known
    assert reading["shortfall_servers"] == 1.0
    assert reading["shortfall_server_seconds_total"] == 10.0

    reading.see(lent, now=1_030.0, demand=2.0)
    assert reading["shortfall_servers"] == 0.0
    assert reading["shortfall_server_seconds_total"] == 10.0
    assert reading["demand_servers"] == 2.0


def test_demand_is_as_old_as_the_end_of_its_newest_bin(reading: Reading) -> None:
    known = DemandHistory((3.0, 4.0), first_s=300.0)

    reading.see(make_snapshot(demand=known), now=1_000.0)

    assert reading["demand_age_seconds"] == 100.0


def forecast(servers: float, now: float) -> CycleReport:
    return report(make_snapshot(now=now), plan=Plan(7, outlook=Outlook(servers, 1)))


def test_a_forecast_is_held_against_the_largest_demand_within_its_lead_time(
    reading: Reading,
) -> None:
    look = make_snapshot(make_cluster((8,), (8,) * 9))
    reading.metrics.cycled(forecast(5.0, 1_000.0), now=1_000.0)
    assert reading["forecast_servers"] == 5.0

    for now, demand in ((1_100.0, 4.0), (1_200.0, 7.0), (1_300.0, 3.0)):
        reading.see(look, now=now, demand=demand)
    assert reading["forecast_error_servers"] == 0.0  # its time is not over

    reading.metrics.cycled(forecast(6.0, 1_300.0), now=1_300.0)
    reading.see(look, now=1_301.0, demand=9.0)
    assert reading["forecast_error_servers"] == 5.0 - 7.0

    reading.see(look, now=1_601.0, demand=2.0)
    assert reading["forecast_error_servers"] == 6.0 - 9.0
