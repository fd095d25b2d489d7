"""What is decided of servers that are not simply free, by example."""

from collections.abc import Sequence

import pytest

from aryl.model.capacity import Capacity, Group
from aryl.model.cluster import Cluster, Condition
from aryl.model.job import Job, Placement, WorkerKind
from aryl.model.plan import LoanServer, Plan
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Due
from aryl.policy.check import violations
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    conditioned,
    flexible,
    lent,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
    preempted,
    reclaimed,
    resizes,
    starts,
    waits,
    where,
)

OPEN, BUSY, PINNED, AWAY = Condition.OPEN, Condition.BUSY, Condition.PINNED, Condition.AWAY
NAMES = [f"infer-{n:04d}" for n in range(1, 6)]


def pool(*conditions: Condition) -> Cluster:
    """A training server and inference servers in these conditions, with 8 GPUs each."""
    names = (name.replace("-", "_") for name in NAMES)
    return conditioned(
        make_cluster([8], [8] * len(conditions)), **dict(zip(names, conditions, strict=False))
    )


def job(cluster: Cluster, job_id: str, *placements: Placement, **changes: object) -> Job:
    rigid = sum(p.workers for p in placements if p.kind is WorkerKind.BASE) or 1
    fitting = {"min_workers": rigid, "num_gpus": rigid, "fungible": True} | changes
    return make_running(cluster, make_spec(job_id, **fitting), placements)


def orchestrated(
    cluster: Cluster,
    loans: Sequence[int] = (),
    *running: Job,
    demand: Sequence[float] = (0.0,),
    demand_now: float | None = None,
    headroom: float = 0.0,
) -> Plan:
    snapshot = make_snapshot(
        cluster,
        running=running,
        loans=[NAMES[n - 1] for n in loans],
        demand=demand,
        demand_now=demand_now,
        due=Due.ORCHESTRATE,
    )
    plan = decide(snapshot, load_policy({"forecaster": "last", "headroom": headroom}))
    assert violations(snapshot, plan, headroom) == []
    return plan


def test_only_open_servers_are_lent() -> None:
    plan = orchestrated(pool(BUSY, OPEN, AWAY, OPEN))

    assert lent(plan) == ["infer-0002", "infer-0004"]


def test_a_server_that_is_away_is_no_server_of_its_pool() -> None:
    plan = orchestrated(pool(OPEN, OPEN, AWAY, AWAY, AWAY), demand=[1.0], headroom=0.2)

    assert plan.outlook is not None
    assert plan.outlook.loanable == 0  # 0.8 x 2 - 1, as the others are away


def test_a_server_on_loan_that_inference_uses_goes_back_though_it_is_not_needed() -> None:
    plan = orchestrated(pool(BUSY, OPEN), [1, 2])

    assert reclaimed(plan) == ["infer-0001"]
    assert plan.actions[0].reason.code is ReasonCode.RECLAIMED_BUSY


@pytest.mark.parametrize("demand", [pytest.param([], id="nothing known"), [0.0]])
def test_flexible_workers_leave_a_server_that_inference_uses(demand: list[float]) -> None:
    cluster = pool(BUSY, OPEN)
    grown = job(cluster, "j", base(1, 4), flexible(1, 4, loaned=True), max_workers=8)

    plan = orchestrated(cluster, [1, 2], grown, demand=demand)

    assert reclaimed(plan) == ["infer-0001"]
    assert [p.server_id for r in resizes(plan) for p in r.remove] == ["infer-0001"]


def test_base_workers_stay_on_a_server_that_inference_uses_while_it_is_not_needed() -> None:
    cluster = pool(BUSY, OPEN)
    running = job(cluster, "j", base(1, 4, loaned=True))

    assert orchestrated(cluster, [1, 2], running).actions == ()
    assert preempted(orchestrated(cluster, [1], running, demand=[2.0])) == ["j"]


@pytest.mark.parametrize("kept", [PINNED, AWAY])
def test_servers_that_would_give_inference_nothing_are_not_asked_back(kept: Condition) -> None:
    cluster = pool(kept, OPEN, OPEN)
    running = [job(cluster, f"j{n}", base(n, 8, loaned=True)) for n in (1, 2, 3)]

    plan = orchestrated(cluster, [1, 2, 3], *running, demand=[3.0])

    assert preempted(plan) == ["j2", "j3"]
    assert reclaimed(plan) == ["infer-0002", "infer-0003"]


def test_servers_that_are_pinned_are_named() -> None:
    cluster = pool(PINNED, OPEN)
    running = [job(cluster, f"j{n}", base(n, 8, loaned=True)) for n in (1, 2)]

    plan = orchestrated(cluster, [1, 2], *running, demand=[2.0])

    assert [note.text for note in plan.notes if note.code is ReasonCode.PINNED] == [
        because(ReasonCode.PINNED, server="infer-0001").text
    ]


@pytest.mark.parametrize(
    ("demand", "demand_now", "loans", "returned"),
    [
        pytest.param([0.0], 3.0, 3, 3, id="a need of this moment"),
        pytest.param([0.0], 1.0, 3, 1, id="a smaller one"),
        pytest.param([3.0], 1.0, 3, 3, id="more is foreseen"),
        pytest.param([], 2.0, 3, 2, id="nothing is foreseen"),
        pytest.param([], None, 3, 0, id="nothing is known"),
        pytest.param([], 0.0, 3, 0, id="nothing is needed"),
        pytest.param([0.0], 9.0, 2, 2, id="more than there is"),
    ],
)
def test_what_is_needed_now_is_taken_back(
    demand: list[float], demand_now: float | None, loans: int, returned: int
) -> None:
    plan = orchestrated(
        pool(OPEN, OPEN, OPEN), range(1, loans + 1), demand=demand, demand_now=demand_now
    )

    assert len(reclaimed(plan)) == returned


def test_nothing_is_lent_for_what_is_known_of_this_moment_alone() -> None:
    assert lent(orchestrated(pool(OPEN, OPEN), demand=[], demand_now=0.0)) == []
    assert lent(orchestrated(pool(OPEN, OPEN), demand=[0.0], demand_now=1.0)) == ["infer-0001"]


def test_on_demand_does_not_count_on_vacant_servers_that_are_shut() -> None:
    cluster = pool(PINNED, OPEN, OPEN)
    snapshot = make_snapshot(
        cluster,
        queued=[make_job("j", workers=8, fungible=True)],
        loans=["infer-0001"],
        demand=[0.0],
        due=Due.ORCHESTRATE,
    )

    plan = decide(snapshot, load_policy({"forecaster": "last", "lend": "on-demand", "headroom": 0}))

    assert lent(plan) == ["infer-0002"]


def scheduled(cluster: Cluster, *running: Job, queued: Sequence[Job] = ()) -> Plan:
    snapshot = make_snapshot(
        cluster,
        running=running,
        queued=queued,
        loans=[s.id for s in cluster.inference_servers],
        due=Due.SCHEDULE,
    )
    plan = decide(snapshot, load_policy({}))
    assert violations(snapshot, plan) == []
    return plan


def test_jobs_start_beside_what_others_hold() -> None:
    cluster = conditioned(make_cluster([8, 8, 8]), train_0001=AWAY, train_0002=5)

    plan = scheduled(cluster, queued=[make_job("a", workers=11), make_job("b", workers=1)])

    assert where(starts(plan)["a"]) == {"train-0002": 3, "train-0003": 8}
    assert list(waits(plan)) == ["b"]


def test_no_job_starts_where_flexible_workers_would_leave_a_shut_server() -> None:
    cluster = conditioned(make_cluster([8, 8]), train_0001=AWAY)
    grown = job(cluster, "j", base(2, 8), flexible(1, 8), max_workers=16)

    plan = scheduled(cluster, grown, queued=[make_job("a", workers=1)])

    assert plan.actions == ()


def test_nobody_shrinks_on_a_shut_server_for_another_s_gain() -> None:
    cluster = conditioned(make_cluster([8, 8]), train_0001=AWAY)
    grown = job(cluster, "j", base(2, 2), flexible(1, 8), max_workers=10)
    other = job(cluster, "k", base(2, 1), max_workers=6)

    plan = scheduled(cluster, grown, other)

    assert [(r.job_id, r.remove) for r in resizes(plan)] == [("k", ())]
    assert sum(p.workers for r in resizes(plan) for p in r.add) == 5


def test_what_a_job_of_fixed_size_holds_elsewhere_is_not_given_twice() -> None:
    cluster = conditioned(make_cluster([8, 8]), train_0001=AWAY)
    grown = job(cluster, "j", base(2, 2), flexible(1, 4), flexible(2, 4), max_workers=12)
    other = job(cluster, "k", base(2, 1), max_workers=6)

    plan = scheduled(cluster, grown, other)

    assert [(r.job_id, r.remove) for r in resizes(plan)] == [("k", ())]
    assert sum(p.workers for r in resizes(plan) for p in r.add) == 1
    assert plan.notes == ()  # no growth was tried that could not be placed


def test_what_workers_leave_on_a_shut_server_is_nobody_s() -> None:
    cluster = conditioned(make_cluster([8], [8]), infer_0001=BUSY, train_0001=6)
    cluster = conditioned(cluster, infer_0001=4)
    capacity = Capacity(cluster)
    capacity.open_loan(1)
    capacity.take(0, 1, WorkerKind.BASE)
    capacity.take(1, 4, WorkerKind.FLEXIBLE)

    assert capacity.now.free_gpus((Group.TRAINING, Group.FLEXIBLE_LOAN)) == 1
    assert capacity.now.members(Group.FLEXIBLE_LOAN) == [1]
    capacity.release(1, 4, WorkerKind.FLEXIBLE)
    assert capacity.now.free_gpus((Group.VACANT_LOAN,)) == 0
    assert capacity.without_flexible.free_gpus(tuple(Group)) == 1
    capacity.close_loan(1)
    assert capacity.now.count(Group.CLOSED) == 1


@pytest.mark.parametrize("condition", [BUSY, AWAY])
def test_the_checker_refuses_to_lend_what_is_not_open(condition: Condition) -> None:
    snapshot = make_snapshot(pool(condition, OPEN), demand=[0.0], due=Due.ORCHESTRATE)
    plan = Plan(snapshot.version, (LoanServer("infer-0001", because(ReasonCode.RECLAIMED_BUSY)),))

    assert f"infer-0001 is lent and is {condition.value}" in violations(snapshot, plan)
