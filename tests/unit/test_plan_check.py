"""The checker: a fault of each kind is found in a plan or a snapshot that has it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from aryl.model.cluster import Loan, Pool
from aryl.model.job import Placement, WorkerKind
from aryl.model.plan import (
    Action,
    LoanServer,
    Outlook,
    Plan,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
    Waiting,
)
from aryl.model.reason import Reason, ReasonCode, because
from aryl.model.snapshot import Due
from aryl.policy.check import violations
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
)

WHY: Reason = because(ReasonCode.FITS, gpus=1, place=1)
CLUSTER = make_cluster([8, 8], [8, 8, 8, 8], factor=3.0)
ELASTIC = make_spec("elastic", min_workers=2, max_workers=6, allowed_workers=(2, 4, 6))
LENT = make_spec("lent", min_workers=1, max_workers=2, fungible=True)
RUNNING = [
    make_running(CLUSTER, ELASTIC, [base(1, 2), flexible(1, 2)]),
    make_running(CLUSTER, LENT, [base(1, 3, loaned=True), flexible(2, 3, loaned=True)]),
]
QUEUED = [
    make_job("new", workers=2),
    make_job("mixed", workers=2, heterogeneous=True),
    make_job("fungible", workers=2, fungible=True),
]
SNAPSHOT = make_snapshot(
    CLUSTER,
    running=RUNNING,
    queued=QUEUED,
    loans=[*(f"infer-000{n}" for n in (1, 2)), Loan("infer-0003", 0.0, reclaim_s=990.0)],
    due=Due.SCHEDULE,
)


def start(job_id: str, *placements: Placement) -> StartJob:
    return StartJob(job_id, placements, WHY)


def grow(job_id: str, *add: Placement) -> ResizeJob:
    return ResizeJob(job_id, WHY, add=add)


def shrink(job_id: str, *remove: Placement) -> ResizeJob:
    return ResizeJob(job_id, WHY, remove=remove)


def plan_of(actions: Sequence[Action], **changes: Any) -> Plan:
    """A plan with a reason for every job that it leaves in the queue."""
    started = {a.job_id for a in actions if isinstance(a, StartJob)}
    left = tuple(sorted(SNAPSHOT.queue.jobs.keys() - started))
    waiting = (Waiting(WHY, left),) if left else ()
    parts: dict[str, Any] = {"actions": tuple(actions), "waiting": waiting}
    return Plan(**({"version": SNAPSHOT.version} | parts | changes))


def faults(*actions: Action, headroom: float = 0.0, **changes: Any) -> list[str]:
    return violations(SNAPSHOT, plan_of(actions, **changes), headroom)


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param([], id="nothing"),
        pytest.param([start("new", base(1, 1), base(2, 1))], id="a start on two servers"),
        pytest.param([start("mixed", base(1, 1), base(1, 3, loaned=True))], id="on both types"),
        pytest.param(
            [start("fungible", base(1, 3, loaned=True), base(2, 3, loaned=True))], id="loan"
        ),
        pytest.param([grow("elastic", flexible(2, 2))], id="growth"),
        pytest.param([shrink("elastic", flexible(1, 2))], id="shrinking"),
        pytest.param(
            [shrink("elastic", flexible(1, 2)), start("new", base(1, 2))], id="one for another"
        ),
        pytest.param(
            [shrink("lent", flexible(2, 3, loaned=True)), ReclaimServer("infer-0002", WHY)],
            id="a server that flexible workers leave",
        ),
        pytest.param(
            [LoanServer("infer-0004", WHY), start("fungible", base(4, 6, loaned=True))],
            id="work on a new loan",
        ),
        pytest.param(
            [
                shrink("lent", flexible(2, 3, loaned=True)),
                ReclaimServer("infer-0002", WHY),
                PreemptJob("lent", WHY),
                ReclaimServer("infer-0001", WHY),
            ],
            id="preemption once nothing else is left",
        ),
    ],
)
def test_no_fault_is_found_in(actions: list[Action]) -> None:
    assert faults(*actions) == []


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        pytest.param(
            [start("elastic", base(2, 2))],
            "elastic is started and is not queued",
            id="runs already",
        ),
        pytest.param(
            [start("new", base(1, 2)), start("new", base(2, 2))],
            "new is started and is not queued",
            id="started twice",
        ),
        pytest.param(
            [start("new", base(1, 1), flexible(1, 1))],
            "new starts with workers that are not base workers",
            id="starts with flexible workers",
        ),
        pytest.param(
            [start("new", base(1, 1))], "new holds 1 of its 2 base workers", id="half a gang"
        ),
        pytest.param(
            [start("new", base(1, 3))],
            "new holds 3 workers, which it does not allow",
            id="too many",
        ),
        pytest.param(
            [start("new", base(1, 5))], "train-0001 has 8 GPUs and 9 are held", id="over its GPUs"
        ),
        pytest.param(
            [start("mixed", base(1, 3, loaned=True), base(1, 3, loaned=True))],
            "infer-0001 has 8 GPUs and 9 are held",
            id="given twice",
        ),
        pytest.param(
            [start("new", Placement("infer-0001", Pool.TRAINING, WorkerKind.BASE, 2))],
            "new is given 2 workers on training infer-0001",
            id="wrong pool",
        ),
        pytest.param(
            [start("new", base(1, 2), base(2, 0))], "is given 0 workers on", id="no workers"
        ),
        pytest.param(
            [start("fungible", base(4, 6, loaned=True))],
            "fungible is placed on infer-0004, which is not on loan",
            id="not on loan",
        ),
        pytest.param(
            [start("fungible", base(3, 6, loaned=True))],
            "fungible is placed on infer-0003, which is not on loan",
            id="on its way back",
        ),
        pytest.param(
            [start("new", base(1, 3, loaned=True), base(2, 3, loaned=True))],
            "new holds on-loan GPUs and is neither fungible nor heterogeneous",
            id="can't borrow",
        ),
        pytest.param(
            [start("fungible", base(1, 1), base(1, 3, loaned=True))],
            "fungible holds both GPU types and is not heterogeneous",
            id="both types",
        ),
        pytest.param(
            [start("fungible", base(1, 5, loaned=True), base(2, 2, loaned=True))],
            "fungible holds part of a training worker on loan",
            id="part of a unit",
        ),
        pytest.param(
            [grow("new", flexible(1, 1))], "new is resized and does not run", id="resized in queue"
        ),
        pytest.param(
            [grow("elastic", base(2, 2))], "elastic is resized by base workers", id="base grows"
        ),
        pytest.param(
            [shrink("elastic", base(1, 2))], "elastic is resized by base workers", id="base shrinks"
        ),
        pytest.param(
            [shrink("elastic", base(1, 2))],
            "elastic holds 0 of its 2 base",
            id="below base workers",
        ),
        pytest.param(
            [shrink("elastic", flexible(1, 3))],
            "elastic gives up workers on train-0001 it does not hold",
            id="gives up what it lacks",
        ),
        pytest.param(
            [shrink("elastic", flexible(1, 1))],
            "elastic holds 3 workers, which it does not allow",
            id="a number that is not allowed",
        ),
        pytest.param(
            [grow("elastic", flexible(2, 4))],
            "elastic holds 8 workers, which it",
            id="over maximum",
        ),
        pytest.param(
            [PreemptJob("new", WHY)], "new is preempted and does not run", id="not running"
        ),
        pytest.param(
            [LoanServer("infer-0001", WHY)],
            "infer-0001 is lent and is not at home in the inference pool",
            id="lent twice",
        ),
        pytest.param(
            [LoanServer("train-0001", WHY)], "train-0001 is lent and is not", id="training"
        ),
        pytest.param(
            [ReclaimServer("infer-0002", WHY)], "infer-0002 is returned with 3 GPUs held", id="held"
        ),
        pytest.param(
            [ReclaimServer("infer-0004", WHY)],
            "infer-0004 is asked back and is not on loan",
            id="not lent",
        ),
        pytest.param(
            [ReclaimServer("infer-0003", WHY)],
            "infer-0003 is asked back and is not on loan",
            id="asked back twice",
        ),
        pytest.param(
            [PreemptJob("lent", WHY), ReclaimServer("infer-0001", WHY)],
            "jobs are preempted though infer-0002 hold no base workers",
            id="flexible workers would have done",
        ),
    ],
)
def test_a_fault_is_found(actions: list[Action], sentence: str) -> None:
    assert any(sentence in fault for fault in faults(*actions)), faults(*actions)


def test_a_plan_for_another_version_is_not_looked_at() -> None:
    assert faults(start("new", base(1, 99)), version=8) == [
        "the plan is for version 8, the snapshot is 7"
    ]


@pytest.mark.parametrize(
    ("forecast", "headroom", "is_fault"),
    [(0.0, 0.0, False), (0.5, 0.0, True), (0.0, 0.25, True)],
)
def test_a_loan_leaves_what_is_foreseen_and_the_headroom(
    forecast: float, headroom: float, is_fault: bool
) -> None:
    found = faults(LoanServer("infer-0004", WHY), headroom=headroom, outlook=Outlook(forecast, 4))

    expected = f"1 loans leave inference 0 servers with a forecast of {forecast}"
    assert found == ([expected] if is_fault else [])


@pytest.mark.parametrize(
    "waiting",
    [
        pytest.param((), id="none"),
        pytest.param((Waiting(WHY, ("new", "mixed")),), id="one is left out"),
        pytest.param((Waiting(WHY, ("new", "mixed", "fungible", "new")),), id="one has two"),
        pytest.param((Waiting(WHY, ("new", "mixed", "stranger")),), id="a stranger's"),
        pytest.param(
            (Waiting(WHY, ("new", "fungible", "mixed", "elastic")),), id="a running job's"
        ),
    ],
)
def test_each_waiting_job_has_one_reason(waiting: tuple[Waiting, ...]) -> None:
    assert len(faults(waiting=waiting)) == 1


def test_reasons_are_asked_for_only_where_the_queue_was_looked_at() -> None:
    snapshot = replace(SNAPSHOT, due=Due.ORCHESTRATE)

    assert violations(snapshot, Plan(snapshot.version)) == []
