"""A decision in the making: what it knows, and that a fork goes its own way."""

import pytest

from aryl.model.plan import ReclaimServer, ResizeJob, Solve
from aryl.model.reason import Reason, ReasonCode, because
from aryl.policy.draft import Draft, flexible_on
from tests.builders import (
    base,
    flexible,
    kinds_of,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
)

WHY: Reason = because(ReasonCode.FITS, gpus=1, place=1)
CLUSTER = make_cluster([8, 8], [8], factor=3.0)


def draft() -> Draft:
    elastic = make_spec("elastic", min_workers=2, max_workers=6)
    runs = make_running(CLUSTER, elastic, [base(1, 2), flexible(1, 1), flexible(2, 2)])
    snapshot = make_snapshot(CLUSTER, running=[runs], loans=["infer-0001"])
    return Draft(snapshot, lambda: 0.0)


def test_a_draft_follows_its_own_actions() -> None:
    plan = draft()
    plan.start(make_job("new", workers=3, max_workers=4), [base(2, 3)], WHY)
    plan.grow("new", [flexible(2, 1)], WHY)
    plan.shrink("elastic", [flexible(1, 1)], WHY)

    assert plan.capacity.now.free[:2] == [6, 2]
    assert plan.holders("train-0001") == ["elastic"]
    assert plan.holders("train-0002") == ["elastic", "new"]
    assert plan.placements("new") == (base(2, 3), flexible(2, 1))
    assert plan.placements("elastic") == (base(1, 2), flexible(2, 2))
    assert [job.id for job in plan.elastic()] == ["elastic", "new"]
    assert plan.holding(plan.job("elastic")).flexible == (2, 0)
    assert flexible_on(plan, "elastic", "train-0002") == 2
    assert kinds_of(plan.actions) == ["StartJob", "ResizeJob", "ResizeJob"]


def test_a_preempted_job_holds_nothing_any_more() -> None:
    plan = draft()
    plan.preempt("elastic", WHY)

    assert plan.capacity.now.free == [8, 8, 8]
    assert plan.holders("train-0001") == []
    assert plan.elastic() == []


def test_shrinking_takes_the_rest_of_a_broken_unit_along() -> None:
    spec = make_spec("job", min_workers=1, max_workers=3, heterogeneous=True)
    held = [base(1, 1), flexible(1, 6, loaned=True)]
    snapshot = make_snapshot(
        CLUSTER, running=[make_running(CLUSTER, spec, held)], loans=["infer-0001"]
    )
    plan = Draft(snapshot, lambda: 0.0)

    plan.shrink("job", [flexible(1, 1, loaned=True)], WHY)

    assert plan.actions == [ResizeJob("job", WHY, remove=(flexible(1, 3, loaned=True),))]
    assert plan.capacity.now.free == [7, 8, 5]


def test_a_fork_and_its_origin_go_their_own_ways() -> None:
    origin = draft()
    origin.start(make_job("new"), [base(2, 1)], WHY)
    fork = origin.fork()

    fork.preempt("elastic", WHY)
    origin.start(make_job("other"), [base(2, 1)], WHY)
    fork.notes.append(WHY)
    fork.note_solve("knapsack", 3, 0.0)

    assert kinds_of(origin.actions) == ["StartJob", "StartJob"]
    assert kinds_of(fork.actions) == ["StartJob", "PreemptJob"]
    assert origin.capacity.now.free == [5, 4, 8]
    assert fork.capacity.now.free == [8, 7, 8]
    assert (origin.notes, origin.solves) == ([], [])
    assert fork.solves == [Solve("knapsack", 3)]


def test_loans_open_and_close() -> None:
    plan = draft()
    plan.reclaim(2, WHY)

    assert plan.actions == [ReclaimServer("infer-0001", WHY)]
    with pytest.raises(AssertionError, match="only a vacant server goes back"):
        plan.reclaim(2, WHY)
