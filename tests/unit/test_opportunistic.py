"""Fungible jobs on what inference leaves, by example."""

from typing import Any

import pytest

from aryl.model.cluster import Condition
from aryl.model.job import Job
from aryl.model.plan import Plan
from aryl.model.snapshot import Due
from aryl.policy.check import violations
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    conditioned,
    kinds_of,
    lent,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
    preempted,
    reclaimed,
    starts,
    waits,
    where,
)

TEN = make_cluster([8], [8] * 10, factor=1.0)


def decided(
    due: Due = Due.SCHEDULE,
    *,
    queued: tuple[Job, ...] = (),
    running: tuple[Job, ...] = (),
    demand: tuple[float, ...] = (4.0,),
    **state: Any,
) -> Plan:
    """The plan for ten inference servers, or `cluster`; none of it may break a rule."""
    knobs = {"headroom": 0.0, "scheme": "opportunistic", **state.pop("knobs", {})}
    cluster, config = state.pop("cluster", TEN), load_policy(knobs)
    loans = {p.server_id for job in running for p in job.placements if p.pool}
    snapshot = make_snapshot(
        cluster,
        queued=queued,
        running=running,
        loans=[*sorted(loans), *state.pop("vacant", ())],
        demand=demand,
        due=due,
        **state,
    )
    plan = decide(snapshot, config)
    assert violations(snapshot, plan, config.headroom) == []
    return plan


def on_loan(name: str, *servers: int, **changes: Any) -> Job:
    """A fungible job that fills inference servers."""
    spec = make_spec(name, gpus_per_worker=8, workers=len(servers), fungible=True, **changes)
    return make_running(TEN, spec, [base(server, loaned=True) for server in servers])


def test_fungible_jobs_wait_for_inference_gpus_and_all_others_for_training_gpus() -> None:
    full = make_job("full", gpus_per_worker=8)
    next_one = make_job("next", gpus_per_worker=8)
    fungible = make_job("fungible", gpus_per_worker=8, fungible=True)

    plan = decided(queued=(full, next_one, fungible))

    assert {name: where(start) for name, start in starts(plan).items()} == {
        "full": {"train-0001": 1},
        "fungible": {"infer-0001": 1},
    }
    assert list(waits(plan)) == ["next"]


def test_a_server_is_lent_when_a_job_starts_there_and_no_other_is() -> None:
    plan = decided(queued=(make_job("a", workers=12, fungible=True),))

    assert lent(plan) == ["infer-0001", "infer-0002"]
    assert kinds_of(plan.actions) == ["LoanServer", "LoanServer", "StartJob"]


@pytest.mark.parametrize(
    ("demand", "demand_now", "headroom", "fits"),
    [
        pytest.param((9.0, 4.0), None, 0.0, 6, id="what the last bin left"),
        pytest.param((0.0, 4.0), 7.0, 0.0, 3, id="less, if more is needed at this moment"),
        pytest.param((0.0, 4.0), None, 0.2, 4, id="less the headroom"),
    ],
)
def test_as_many_servers_are_lent_as_inference_leaves(
    demand: tuple[float, ...], demand_now: float | None, headroom: float, fits: int
) -> None:
    queued = tuple(make_job(f"job-{n}", gpus_per_worker=8, fungible=True) for n in range(9))

    plan = decided(
        queued=queued, demand=demand, demand_now=demand_now, knobs={"headroom": headroom}
    )

    assert len(lent(plan)) == len(starts(plan)) == fits


def test_servers_on_loan_already_count() -> None:
    running = (on_loan("a", 7, 8), on_loan("b", 9))
    queued = tuple(make_job(f"job-{n}", gpus_per_worker=8, fungible=True) for n in range(9))

    assert lent(decided(queued=queued, running=running)) == [
        "infer-0001",
        "infer-0002",
        "infer-0003",
    ]


def test_servers_that_inference_runs_on_or_that_are_away_are_not_lent() -> None:
    cluster = conditioned(TEN, infer_0001=Condition.BUSY, infer_0002=Condition.AWAY)

    plan = decided(queued=(make_job("a", fungible=True),), cluster=cluster)

    assert lent(plan) == ["infer-0003"]


def test_a_server_goes_back_when_the_last_job_has_left() -> None:
    assert reclaimed(decided(running=(on_loan("a", 1),), vacant=["infer-0002"])) == ["infer-0002"]


@pytest.mark.parametrize(("demand", "servers"), [(8.0, 0), (9.0, 1), (10.0, 2)])
def test_inference_takes_back_what_it_needs_and_no_more(demand: float, servers: int) -> None:
    running = (on_loan("a", 2), on_loan("b", 3), make_running(TEN, make_spec("t"), [base(1)]))

    plan = decided(Due.ORCHESTRATE, running=running, demand=(demand,))

    assert (len(reclaimed(plan)), len(preempted(plan))) == (servers, servers)
    assert "t" not in preempted(plan)


def test_what_a_victim_leaves_goes_back_with_the_server_that_was_needed() -> None:
    plan = decided(Due.ORCHESTRATE, running=(on_loan("wide", 1, 2, 3),), demand=(8.0,))

    assert preempted(plan) == ["wide"]
    assert sorted(reclaimed(plan)) == ["infer-0001", "infer-0002", "infer-0003"]


@pytest.mark.parametrize(
    ("changes", "demand"),
    [
        pytest.param({"preemptions": 3}, (4.0,), id="preempted too often"),
        pytest.param({"workers": 8}, (4.0, 3.0, 5.0), id="more than inference has ever left"),
        pytest.param({"carry_in": True}, (4.0,), id="carried in"),
        pytest.param({}, (), id="nothing is known of demand"),
    ],
)
def test_jobs_that_cannot_count_on_inference_wait_for_training_gpus(
    changes: dict[str, Any], demand: tuple[float, ...]
) -> None:
    cluster = make_cluster([8] * 9, [8] * 10)
    spec = {"gpus_per_worker": 8, "fungible": True}

    plan = decided(queued=(make_job("a", **spec, **changes),), demand=demand, cluster=cluster)

    assert all(server.startswith("train") for server in where(starts(plan)["a"]))
    assert not lent(plan)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"preemptions": 2}, id="preempted twice"),
        pytest.param({"workers": 7}, id="as much as inference has left once"),
    ],
)
def test_other_fungible_jobs_wait_for_inference_gpus_whatever_is_free(
    changes: dict[str, Any],
) -> None:
    cluster = make_cluster([8] * 9, [8] * 10)
    spec = {"gpus_per_worker": 8, "fungible": True}

    plan = decided(queued=(make_job("a", **spec, **changes),), demand=(3.0, 10.0), cluster=cluster)

    assert list(waits(plan)) == ["a"]


def test_a_heterogeneous_job_that_is_not_fungible_has_no_worker_on_inference_servers() -> None:
    half = make_running(TEN, make_spec("half", workers=4, fungible=True), [base(1, 4, loaned=True)])
    mixed = make_job("mixed", workers=12, heterogeneous=True)

    assert list(waits(decided(running=(half,), queued=(mixed,)))) == ["mixed"]


def test_the_head_of_one_queue_does_not_block_the_other() -> None:
    head = make_job("head", workers=9)
    fungible = make_job("fungible", fungible=True, submit_s=1.0)

    plan = decided(queued=(head, fungible), knobs={"ordering": "fifo"})

    assert list(starts(plan)) == ["fungible"]
