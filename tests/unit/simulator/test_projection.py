"""Projections of small snapshots: what is estimated, what is supposed, and how far they look."""

from typing import Any

import pytest

from aryl.model.cluster import Loan
from aryl.model.errors import BadInput
from aryl.model.job import Job
from aryl.model.reason import ReasonCode
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.registry import load_policy
from simulator.difference import compare
from simulator.projection import Hypothesis, Limits, project
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
)

CLUSTER = make_cluster([8], [8, 8, 8])
CONFIG = load_policy({"headroom": 0.0, "forecaster": "last"})
FULL = make_spec("full", workers=8, duration_s=1_000.0)


def running(job_id: str = "full", **changes: Any) -> Job:
    """A job on the whole training server, since t = 0."""
    spec = make_spec(job_id, workers=8, **({"duration_s": 1_000.0} | changes))
    return make_running(CLUSTER, spec, [base(1, 8)])


def seen(**parts: Any) -> Snapshot:
    given: dict[str, Any] = {"now": 600.0, "due": Due.SCHEDULE}
    return make_snapshot(CLUSTER, **given | parts)


def lent(job_id: str, number: int, **changes: Any) -> Job:
    """A job on the whole n-th inference server."""
    spec = make_spec(job_id, workers=8, fungible=True, **({"duration_s": 5_000.0} | changes))
    return make_running(CLUSTER, spec, [base(number, 8, loaned=True)])


def test_a_queued_job_starts_when_the_estimate_of_the_one_before_it_says_so() -> None:
    late = running(duration_s=9_000.0, estimated_duration_s=1_000.0)
    foreseen = project(seen(running=[late], queued=[make_job("next", workers=8)]), CONFIG)

    assert foreseen.starts == {"next": 1_000.0}
    assert foreseen.finishes == {"full": 1_000.0, "next": 1_100.0}


def test_a_job_that_has_outrun_its_estimate_is_expected_to_do_so_by_as_much_again() -> None:
    late = running(duration_s=9_000.0, estimated_duration_s=500.0)
    foreseen = project(seen(running=[late]), CONFIG)

    assert foreseen.finishes == {"full": 700.0}


def test_a_running_job_whose_speed_is_not_known_yet_has_the_one_it_should_have() -> None:
    fresh = make_running(CLUSTER, FULL, [base(1, 8)], speed=0.0, progress_s=600.0)

    assert project(seen(running=[fresh]), CONFIG).finishes == {"full": 1_600.0}


@pytest.mark.parametrize("estimates", ["given", "learned"])
def test_what_is_believed_of_a_job_is_not_guessed_again(estimates: str) -> None:
    config = load_policy({"headroom": 0.0, "forecaster": "last", "estimates": estimates})
    long = make_spec("a-long", workers=8, duration_s=900.0)
    short = make_spec("short", workers=8, duration_s=100.0)

    foreseen = project(seen(running=[running()]), config, Hypothesis(submits=(long, short)))

    assert foreseen.starts == {"short": 1_000.0, "a-long": 1_100.0}


def test_a_server_on_its_way_back_is_home_again_when_it_is_vacated() -> None:
    config = load_policy({"headroom": 0.0, "forecaster": "last", "vacate_s": 500.0})
    loans = [Loan("infer-0001", 0.0, reclaim_s=400.0)]
    foreseen = project(seen(running=[running()], loans=loans, demand=[0.0, 0.0]), config)

    # at 900 s, when it is back, all three are lent; before, at no look at loans, could it be
    assert foreseen.loans == ((600.0, 0), (900.0, 3))


def test_nothing_is_lent_where_nothing_is_known_of_demand() -> None:
    assert project(seen(running=[running()]), CONFIG).loans == ((600.0, 0),)


def test_a_projection_stops_at_its_horizon() -> None:
    foreseen = project(seen(running=[running()]), CONFIG, limits=Limits(horizon_s=300.0))

    assert (foreseen.now_s, foreseen.until_s) == (600.0, 900.0)
    assert foreseen.finishes == {}
    assert foreseen.courses["full"].sizes == ((600.0, 8),)


def test_a_projection_stops_after_so_many_decisions() -> None:
    queued = [make_job(f"job-{n}", workers=8, duration_s=100.0) for n in range(9)]
    foreseen = project(seen(queued=queued), CONFIG, limits=Limits(cycles=3))

    assert sorted(foreseen.starts.values()) == [600.0, 700.0, 800.0]
    assert foreseen.until_s == 900.0
    assert foreseen.waiting.keys() == {f"job-{n}" for n in range(3, 9)}


def test_lending_lets_a_job_start_that_may_run_there() -> None:
    job = make_job("guest", workers=8, fungible=True)
    base_case = project(seen(running=[running()], queued=[job]), CONFIG)
    supposed = project(seen(running=[running()], queued=[job]), CONFIG, Hypothesis(lend=1))
    difference = compare(base_case, supposed)

    assert (base_case.starts["guest"], supposed.starts["guest"]) == (1_000.0, 600.0)
    assert [(s.job_id, s.delay_s) for s in difference.sooner] == [("guest", -400.0)]
    assert (difference.base.mean_queuing_s, difference.changed.mean_queuing_s) == (200.0, 0.0)


def test_returning_takes_vacant_servers_then_flexible_workers_then_the_cheapest_jobs() -> None:
    elastic = make_spec("elastic", workers=4, max_workers=8, fungible=True, duration_s=5_000.0)
    grown = make_running(CLUSTER, elastic, [base(2, 4, loaned=True), flexible(3, 4, loaned=True)])
    loans = ["infer-0001", "infer-0002", "infer-0003"]
    state = seen(running=[lent("guest", 1), grown], loans=loans, demand=[0.0])

    shrunk, preempted = (project(state, CONFIG, Hypothesis(give_back=n)) for n in (1, 2))

    assert [(c.t_s, c.job_id, c.workers) for c in shrunk.shrunk] == [(600.0, "elastic", 4)]
    assert shrunk.preempted == ()
    assert [(c.job_id, c.reason.code) for c in preempted.preempted] == [
        ("guest", ReasonCode.PREEMPTED_FOR_RECLAIM)
    ]
    assert preempted.loans[:2] == ((600.0, 1), (900.0, 3))


def test_a_job_that_is_supposed_does_not_count_among_those_it_affects() -> None:
    state = seen(running=[running()])
    supposed = Hypothesis(submits=(make_spec("new", workers=8, submit_s=7.0),))
    difference = compare(project(state, CONFIG), project(state, CONFIG, supposed))

    assert difference.submitted["new"].submit_s == 600.0
    assert difference.submitted["new"].start_s == 1_000.0
    assert (difference.delayed, difference.base) == ((), difference.changed)


def test_a_job_that_no_longer_starts_in_sight_is_delayed_by_what_is_seen_at_least() -> None:
    state = seen(running=[running()], queued=[make_job("next", workers=8, duration_s=300.0)])
    limits = Limits(horizon_s=500.0)
    supposed = Hypothesis(submits=(make_spec("new", workers=8, duration_s=200.0),))
    difference = compare(
        project(state, CONFIG, limits=limits), project(state, CONFIG, supposed, limits)
    )

    (late,) = difference.delayed
    assert (late.start_s, late.delay_s) == ((1_000.0, None), 100.0)


@pytest.mark.parametrize(
    ("supposed", "column"),
    [
        pytest.param(Hypothesis(lend=4), "lend", id="more than there are"),
        pytest.param(Hypothesis(lend=-1), "lend", id="below none"),
        pytest.param(Hypothesis(give_back=1), "return", id="none is on loan"),
        pytest.param(Hypothesis(submits=(FULL,)), "submit", id="a job that runs"),
        pytest.param(
            Hypothesis(submits=(make_spec("new"), make_spec("new"))), "submit", id="twins"
        ),
    ],
)
def test_what_can_t_be_is_refused(supposed: Hypothesis, column: str) -> None:
    with pytest.raises(BadInput) as refused:
        project(seen(running=[running()]), CONFIG, supposed)

    assert refused.value.column == column
