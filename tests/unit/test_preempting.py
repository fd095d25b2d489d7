"""Who takes whose place, by example: shorter jobs under `srtf`, less served ones under `las`."""

from typing import Any

import pytest

from aryl.model.cluster import Cluster, Condition
from aryl.model.job import Job
from aryl.model.plan import Plan, PreemptJob
from aryl.model.snapshot import Due
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    conditioned,
    flexible,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
    preempted,
    starts,
    waits,
    where,
)

NOW_S = 1_000.0
OVERHEAD_S = 63.0


def held(cluster: Cluster, name: str, *places: Any, left_s: float, **changes: Any) -> Job:
    """A job that runs there at its requested size, with so much run time left at `NOW_S`."""
    workers = sum(place.workers for place in places)
    spec = make_spec(name, workers=workers, duration_s=NOW_S + left_s, **changes)
    return make_running(cluster, spec, places)


def planned(
    cluster: Cluster, running: list[Job], queued: list[Job], scheme: str = "srtf", **knobs: Any
) -> Plan:
    loans = [s.id for s in cluster.inference_servers]
    snapshot = make_snapshot(
        cluster, running=running, queued=queued, loans=loans, now=NOW_S, due=Due.SCHEDULE
    )
    return decide(snapshot, load_policy({"scheme": scheme, **knobs}))


def test_a_short_job_takes_the_place_of_a_long_one_which_keeps_its_progress() -> None:
    cluster = make_cluster([4])
    long = held(cluster, "long", base(1, 4), left_s=10_000)

    plan = planned(cluster, [long], [make_job("short", workers=4, duration_s=100)])

    suspension, start = plan.actions
    assert isinstance(suspension, PreemptJob)
    assert (suspension.job_id, suspension.suspends) == ("long", True)
    assert (
        suspension.reason.text
        == "gives way to short, which comes before it, and keeps its progress"
    )
    assert starts(plan)["short"] is start
    assert start.reason.text == "its 4 GPUs fit once 1 jobs behind it are suspended"
    assert not plan.waiting


@pytest.mark.parametrize(
    ("left_s", "run_s", "gives_way"),
    [
        pytest.param(200, 100, True, id="a restart is less than what is spared"),
        pytest.param(163, 100, False, id="a restart is as much as what is spared"),
        pytest.param(100, 200, False, id="the job that waits is the longer one"),
    ],
)
def test_a_place_is_taken_only_where_that_pays_for_the_restart(
    left_s: float, run_s: float, gives_way: bool
) -> None:
    cluster = make_cluster([1])
    running = held(cluster, "running", base(1), left_s=left_s)

    plan = planned(cluster, [running], [make_job("waits", duration_s=run_s)])

    assert preempted(plan) == ["running"] * gives_way


def test_a_job_that_must_restart_itself_counts_that_too() -> None:
    cluster = make_cluster([1])
    running = held(cluster, "running", base(1), left_s=200)

    plan = planned(cluster, [running], [make_job("waits", duration_s=100, preemptions=1)])

    assert not preempted(plan)


def test_a_job_waits_where_gpus_come_free_before_a_suspension_would_pay() -> None:
    cluster = make_cluster([2])
    soon = held(cluster, "soon", base(1), left_s=150)
    long = held(cluster, "long", base(1), left_s=10_000)

    assert not preempted(planned(cluster, [soon, long], [make_job("waits", duration_s=100)]))
    assert preempted(planned(cluster, [soon, long], [make_job("waits", duration_s=80)])) == ["long"]


def test_what_comes_free_soon_counts_once_and_the_first_of_a_shape_starts() -> None:
    cluster = make_cluster([2])
    soon = held(cluster, "soon", base(1), left_s=150)
    long = held(cluster, "long", base(1), left_s=10_000)
    queued = [make_job("first", duration_s=100), make_job("second", duration_s=101)]

    plan = planned(cluster, [soon, long], queued)

    # one of the two would have to wait for `long`, whichever takes the place of `soon`
    assert preempted(plan) == ["long"]
    assert list(starts(plan)) == ["first"]
    assert list(waits(plan)) == ["second"]


@pytest.mark.parametrize(("run_s", "victims"), [(300, ["a", "b"]), (500, [])])
def test_each_suspended_job_loses_the_run_time_and_a_restart(
    run_s: float, victims: list[str]
) -> None:
    cluster = make_cluster([2])
    running = [held(cluster, name, base(1), left_s=1_000) for name in "ab"]

    plan = planned(cluster, running, [make_job("wide", workers=2, duration_s=run_s)])

    assert sorted(preempted(plan)) == victims


def test_one_job_of_the_size_needed_is_suspended_rather_than_many_or_a_larger_one() -> None:
    cluster = make_cluster([4, 4, 8])
    small = [held(cluster, f"small-{n}", base(1), left_s=90_000) for n in range(4)]
    fitting = held(cluster, "fitting", base(2, 4), left_s=50_000)
    large = held(cluster, "large", base(3, 8), left_s=90_000)

    plan = planned(cluster, [*small, fitting, large], [make_job("short", workers=4)])

    assert preempted(plan) == ["fitting"]


def test_among_equals_the_one_with_the_most_left_is_suspended() -> None:
    cluster = make_cluster([3])
    running = [
        held(cluster, name, base(1), left_s=left_s)
        for name, left_s in (("a", 8_000), ("b", 9_000), ("c", 7_000))
    ]

    assert preempted(planned(cluster, running, [make_job("short")])) == ["b"]


def test_nobody_is_suspended_without_whom_the_job_would_fit_as_well() -> None:
    # of the four that are looked at first, those on the first server are of no use
    cluster = make_cluster([4, 4], [])
    cluster_jobs = [
        held(cluster, "a", base(1, 2), left_s=90_000),
        held(cluster, "b", base(2, 2), left_s=80_000),
        held(cluster, "c", base(1, 1), left_s=400, gpus_per_worker=1),
        held(cluster, "d", base(1, 1), left_s=400, gpus_per_worker=1),
        held(cluster, "e", base(2, 2), left_s=70_000),
    ]

    plan = planned(cluster, cluster_jobs, [make_job("wide", gpus_per_worker=4, duration_s=500)])

    assert sorted(preempted(plan)) == ["b", "e"]
    assert where(starts(plan)["wide"]) == {"train-0002": 1}


@pytest.mark.parametrize(
    ("other", "victims"),
    [
        pytest.param({"priority": 1}, [], id="higher priority"),
        pytest.param({"priority": -1}, ["running"], id="lower priority"),
        pytest.param({"heterogeneous": True}, ["running"], id="heterogeneous"),
    ],
)
def test_nobody_gives_way_to_a_job_of_lower_standing(
    other: dict[str, Any], victims: list[str]
) -> None:
    cluster = make_cluster([1])
    running = held(cluster, "running", base(1), left_s=10_000, **other)

    for scheme in ("srtf", "las"):
        plan = planned(cluster, [running], [make_job("short")], scheme, las_limit_gpu_s=10.0)
        assert preempted(plan) == victims


def test_nobody_with_workers_on_a_shut_server_is_suspended() -> None:
    cluster = conditioned(make_cluster([2, 2]), train_0001=Condition.AWAY)
    running = held(cluster, "running", base(1), base(2, 2), left_s=10_000)

    assert not preempted(planned(cluster, [running], [make_job("short")]))


def test_flexible_workers_give_way_before_anybody_is_suspended() -> None:
    cluster = make_cluster([4])
    spec = make_spec("elastic", min_workers=2, max_workers=4, duration_s=90_000)
    elastic = make_running(cluster, spec, [base(1, 2), flexible(1, 2)])

    plan = planned(cluster, [elastic], [make_job("short", workers=2)], scaling="knapsack")

    assert not preempted(plan)
    assert "short" in starts(plan)


@pytest.mark.parametrize(("fungible", "victims"), [(True, ["there"]), (False, [])])
def test_only_fungible_jobs_take_places_on_servers_on_loan(
    fungible: bool, victims: list[str]
) -> None:
    cluster = make_cluster([1], [3], factor=3.0)
    here = held(cluster, "here", base(1), left_s=90_000, priority=1)
    spec = make_spec("there", duration_s=90_000, fungible=True)
    there = make_running(cluster, spec, [base(1, 3, loaned=True)])

    plan = planned(cluster, [here, there], [make_job("short", fungible=fungible)])

    assert preempted(plan) == victims
    if fungible:
        assert where(starts(plan)["short"]) == {"infer-0001": 3}


@pytest.mark.parametrize("preemption", ["remaining-time", "attained-service"])
def test_under_strict_fifo_nobody_is_suspended(preemption: str) -> None:
    cluster = make_cluster([1])
    running = held(cluster, "running", base(1), left_s=10_000)

    plan = planned(cluster, [running], [make_job("short")], "fifo", preemption=preemption)

    assert not preempted(plan)


@pytest.mark.parametrize(
    ("limit_gpu_s", "had_s", "victims"),
    [
        pytest.param(4_000.0, 0.0, ["running"], id="in a lower queue"),
        pytest.param(4_001.0, 0.0, [], id="in the same queue: it has not had enough yet"),
        pytest.param(2_000.0, 600.0, [], id="in the same queue: the one that waits has had enough"),
        pytest.param(2_000.0, 499.0, ["running"], id="the one that waits has had little"),
    ],
)
def test_who_has_had_little_gpu_time_takes_the_place_of_who_has_had_much(
    limit_gpu_s: float, had_s: float, victims: list[str]
) -> None:
    cluster = make_cluster([4])
    running = held(cluster, "running", base(1, 2), left_s=1, gpus_per_worker=2)  # for 1,000 s
    waits_long = make_job("waits", gpus_per_worker=4, done=had_s, preemptions=1, duration_s=9e9)

    plan = planned(cluster, [running], [waits_long], "las", las_limit_gpu_s=limit_gpu_s)

    assert preempted(plan) == victims


def test_with_one_queue_las_serves_by_arrival_and_suspends_nobody() -> None:
    cluster = make_cluster([1])
    running = held(cluster, "running", base(1), left_s=10_000)

    assert not preempted(planned(cluster, [running], [make_job("waits")], "las", las_queues=1))


def test_jobs_of_one_shape_start_in_turn_and_the_rest_waits() -> None:
    cluster = make_cluster([2])
    running = [held(cluster, name, base(1), left_s=90_000) for name in "ab"]
    queued = [make_job(f"waits-{n}", duration_s=100 + n) for n in range(3)]

    plan = planned(cluster, running, queued)

    assert sorted(preempted(plan)) == ["a", "b"]
    assert list(starts(plan)) == ["waits-0", "waits-1"]
    assert list(waits(plan)) == ["waits-2"]
