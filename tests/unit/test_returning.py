"""Placement and lending with an eye on when on-loan servers go back, by example."""

from typing import Any

import pytest

from aryl.model.demand import DemandHistory
from aryl.model.job import Job
from aryl.model.plan import Plan
from aryl.model.snapshot import Due
from aryl.policy.decide import decide, untimed
from aryl.policy.draft import Draft
from aryl.policy.loanable import loanable_throughout
from aryl.policy.registry import load_policy
from aryl.policy.returning import aware_of_returns
from aryl.policy.rules import rules_of
from tests.builders import (
    base,
    flexible,
    lent,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
    preempted,
    resizes,
    starts,
    where,
)

HOUR_S = 3_600.0
NOW_S = 3 * 24 * HOUR_S  # midnight, after three days
# Inference has five servers. It needs one at night, until six in the morning, and all by day.
NIGHT, DAY = [1.0] * 72, [5.0] * 216
DEMAND = DemandHistory(tuple((NIGHT + DAY) * 3 + NIGHT[:1]), -300.0)
FIVE = make_cluster([8], [8] * 5)
LOANS = [f"infer-000{n}" for n in range(1, 5)]


def planned(*queued: Job, running: list[Job] | None = None, **entries: Any) -> Plan:
    """What is decided at midnight with four servers on loan."""
    snapshot = make_snapshot(
        FIVE,
        queued=queued,
        running=running or [],
        loans=LOANS,
        demand=DEMAND,
        now=NOW_S,
        due=Due.SCHEDULE,
    )
    config = load_policy({"scheme": "aryl+", "headroom": 0, "forecaster": "seasonal"} | entries)
    return decide(snapshot, config)


def lasting(hours: float, **changes: Any) -> Job:
    """A fungible job that fills a server for so many hours on its base workers."""
    return make_job(duration_s=hours * HOUR_S, gpus_per_worker=8, fungible=True, **changes)


def holder(server: int, hours_left: float, gpus: int = 8) -> Job:
    """A job on an on-loan server that ends in so many hours."""
    spec = make_spec(f"holder-{server}", duration_s=hours_left * HOUR_S, gpus_per_worker=gpus)
    return make_running(FIVE, spec, [base(server, loaned=True)], progress_s=NOW_S)


@pytest.mark.parametrize(
    ("hours", "entries", "server"),
    [
        pytest.param(2, {}, "infer-0001", id="it ends before its server goes back"),
        pytest.param(9, {}, "train-0001", id="it would outlive the night"),
        pytest.param(9, {"max_workers": 2}, "train-0001", id="elastic, and it would"),
        pytest.param(2, {"max_workers": 2}, "infer-0001", id="elastic and short"),
        pytest.param(2, {"heterogeneous": True}, "train-0001", id="heterogeneous"),
    ],
)
def test_a_borrower_goes_to_loans_that_outlast_it(
    hours: float, entries: dict[str, Any], server: str
) -> None:
    plan = planned(lasting(hours, **entries))

    assert where(starts(plan)["job"]) == {server: 1}


def test_the_paper_places_a_long_elastic_job_where_it_will_be_preempted() -> None:
    plan = planned(lasting(9, max_workers=2), placement="best-fit")

    assert where(starts(plan)["job"]) == {"infer-0001": 1}


def test_a_job_that_outlives_every_loan_goes_there_last() -> None:
    rigid = make_running(FIVE, make_spec("rigid", gpus_per_worker=8), [base(1)])

    plan = planned(lasting(9), running=[rigid])

    assert where(starts(plan)["job"]) == {"infer-0001": 1}


def test_flexible_workers_make_room_before_a_job_goes_where_it_would_be_preempted() -> None:
    growing = make_spec("growing", duration_s=9e5, min_workers=1, max_workers=8)
    spread = make_spec("spread", duration_s=9e5, max_workers=40, fungible=True)
    on_training = make_running(FIVE, growing, [base(1, 1), flexible(1, 7)])
    on_loans = make_running(
        FIVE,
        spread,
        [base(1, 1, loaned=True), *(flexible(n, 8, loaned=True) for n in (2, 3, 4))],
    )
    half = make_job(duration_s=9 * HOUR_S, gpus_per_worker=4, fungible=True)
    rest = make_running(FIVE, make_spec("rest", gpus_per_worker=7), [base(1, loaned=True)])

    plan = planned(half, running=[on_training, on_loans, rest])

    assert where(starts(plan)["job"]) == {"train-0001": 1}
    assert resizes(plan)[0].job_id == "growing"


# Inference needs one server until three in the morning, and four of five from then on.
MILD = DemandHistory(tuple(([1.0] * 36 + [4.0] * 252) * 3 + [1.0]), -300.0)


def server_in_mild_days(job: Job, *running: Job) -> list[str]:
    """Where a job starts at midnight: a single loan lasts until the next night."""
    snapshot = make_snapshot(
        FIVE,
        queued=[job],
        running=running,
        loans=LOANS,
        demand=MILD,
        now=NOW_S,
        due=Due.SCHEDULE,
    )
    plan = decide(snapshot, load_policy({"scheme": "aryl+", "headroom": 0}))
    return list(where(starts(plan)["job"]))


def test_long_stays_have_as_many_places_as_servers_that_stay() -> None:
    assert server_in_mild_days(lasting(9)) == ["infer-0001"]
    assert server_in_mild_days(lasting(9), holder(3, 12)) == ["train-0001"], "the place is taken"


def test_a_long_elastic_job_grows_on_training_servers() -> None:
    assert server_in_mild_days(lasting(9, max_workers=2)) == ["train-0001"]


def test_a_job_shares_the_server_that_stays_and_none_that_goes_back_before() -> None:
    half = make_job(duration_s=9 * HOUR_S, gpus_per_worker=4, fungible=True)
    sooner, later = holder(1, 8, gpus=4), holder(2, 12, gpus=4)

    assert server_in_mild_days(half, sooner, later) == ["infer-0002"]
    assert server_in_mild_days(half, sooner) == ["infer-0001"]


def test_what_lasts_leaves_inference_the_margin_that_it_has_now() -> None:
    """By night demand is one server or two, as chance has it; by day it is three, without fail."""
    nights = [1.0 + (n * n * 31 % 97) % 2 for n in range(3 * 72)]
    days = [[*nights[n * 72 : (n + 1) * 72], *[3.0] * 216] for n in range(3)]
    demand = [servers for day in days for servers in day]
    history = DemandHistory((*demand, 1.0), -300.0)
    snapshot = make_snapshot(FIVE, demand=history, now=NOW_S)

    config = load_policy({"scheme": "aryl+", "headroom": 0})

    assert loanable_throughout(snapshot, config, 3) == 2, "the nights' chance costs one of four"
    assert loanable_throughout(snapshot, config, 144) < 5 - 3, "and by day as well"


def orchestrated(demand: list[float], *queued: Job, **entries: Any) -> list[str]:
    """The servers that are lent out of five, none on loan yet."""
    snapshot = make_snapshot(
        FIVE,
        queued=queued,
        demand=DemandHistory(tuple(demand), NOW_S - 300.0 * len(demand)),
        now=NOW_S,
        due=Due.ORCHESTRATE,
    )
    config = load_policy({"scheme": "aryl+", "headroom": 0} | entries)
    return lent(decide(snapshot, config))


def test_a_server_that_comes_back_within_the_hour_stays_at_home_while_nobody_waits() -> None:
    before_the_rise = [1.0] * 6 + [3.0] * 270 + [1.0] * 12  # midnight: it rises at half past

    assert len(orchestrated(before_the_rise * 3, hold_home_s=0.0)) == 4
    assert len(orchestrated(before_the_rise * 3)) == 2
    assert len(orchestrated(before_the_rise * 3, lasting(0.1))) == 4, "somebody waits"
    assert len(orchestrated([1.0] * 600)) == 4, "none comes back within the hour"


@pytest.mark.parametrize(
    ("min_run_s", "victim"),
    [
        pytest.param(0.0, "young", id="who has run for less loses less"),
        pytest.param(600.0, "old", id="who was preempted before is spared"),
    ],
)
def test_a_job_is_not_preempted_over_and_over(min_run_s: float, victim: str) -> None:
    def ran(name: str, server: int, done: float, preemptions: int) -> Job:
        spec = make_spec(name, duration_s=9e4, gpus_per_worker=8, fungible=True)
        held, done_by = [base(server, loaned=True)], {"done": done, "progress_s": NOW_S}
        return make_running(FIVE, spec, held, preemptions=preemptions, **done_by)

    snapshot = make_snapshot(
        FIVE,
        running=[ran("young", 1, 60.0, 2), ran("old", 2, 900.0, 0)],
        loans=LOANS[:2],
        demand=[4.0] * 9,
        now=NOW_S,
        due=Due.ORCHESTRATE,
    )
    config = load_policy({"scheme": "aryl+", "headroom": 0, "min_run_s": min_run_s})

    assert preempted(decide(snapshot, config)) == [victim]


@pytest.mark.parametrize(("scheme", "looks_ahead"), [("aryl+", True), ("opportunistic", False)])
def test_nothing_is_foreseen_for_opportunistic_jobs(scheme: str, looks_ahead: bool) -> None:
    config = load_policy({"scheme": scheme, "placement": "return-aware"})
    snapshot = make_snapshot(FIVE, loans=LOANS, demand=DEMAND, now=NOW_S, due=Due.SCHEDULE)
    rules = rules_of(config)

    aware = aware_of_returns(rules, Draft(snapshot, untimed), snapshot, config)

    assert (aware is not rules) == looks_ahead
