"""Taking servers back by example: vacant first, then flexible workers, then the reclaim policy."""

import pytest

from aryl.model.cluster import Loan
from aryl.model.job import Job, Placement
from aryl.model.plan import Plan, ResizeJob
from aryl.model.reason import ReasonCode
from aryl.model.snapshot import Due
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from aryl.policy.victims import RECLAIMS, Reclaim, Selection, greedy
from tests.builders import (
    base,
    flexible,
    kinds_of,
    make_cluster,
    make_running,
    make_snapshot,
    make_spec,
    preempted,
    reclaimed,
    resizes,
)

SIX = make_cluster([8], [8] * 6)


def job(job_id: str, *placements: Placement, **changes: object) -> Job:
    total = sum(p.workers for p in placements)
    changes = {"min_workers": 1, "num_gpus": 1, "max_workers": total, "fungible": True} | changes
    return make_running(SIX, make_spec(job_id, **changes), placements)


def rigid(job_id: str, *placements: Placement) -> Job:
    total = sum(p.workers for p in placements)
    return job(job_id, *placements, min_workers=total, num_gpus=total)


def asked_back(count: int, *running: Job, **entries: object) -> Plan:
    """A plan for six servers on loan of which `count` are needed."""
    snapshot = make_snapshot(
        SIX,
        running=running,
        loans=[server.id for server in SIX.inference_servers],
        demand=[float(count)],
        due=Due.ORCHESTRATE,
    )
    config = load_policy({"forecaster": "last", "headroom": 0, **entries})
    return decide(snapshot, config)


def on(*servers: int, workers: int = 8) -> list[Placement]:
    return [base(n, workers, loaned=True) for n in servers]


FIGURE_5 = (
    rigid("a", *on(1, 2, workers=6)),
    rigid("b", *on(3)),
    rigid("c", *on(4), *on(5, workers=2)),
    rigid("d", *on(5, workers=2), *on(6)),
)


def test_two_servers_of_figure_5_go_back_with_one_preemption() -> None:
    plan = asked_back(2, *FIGURE_5)

    assert preempted(plan) == ["a"]
    assert reclaimed(plan) == ["infer-0001", "infer-0002"]
    texts = {action.reason.text for action in plan.actions}
    assert texts == {
        "has base workers on 2 of the servers that go back to inference",
        "2 servers are asked back; this one is among those that cost least by greedy",
    }


@pytest.mark.parametrize("policy", ["greedy", "exact", "scf", "random"])
@pytest.mark.parametrize("count", range(1, 7))
def test_every_policy_returns_as_many_servers_as_asked(policy: str, count: int) -> None:
    plan = asked_back(count, *FIGURE_5, reclaim=policy)

    assert len(reclaimed(plan)) == count
    assert [solve.kind for solve in plan.solves] == [f"reclaim-{policy}"]


def test_vacant_servers_go_first_the_last_lent_before_the_others() -> None:
    plan = asked_back(2, rigid("a", *on(1, 4)))

    assert reclaimed(plan) == ["infer-0006", "infer-0005"]
    assert kinds_of(plan.actions) == ["ReclaimServer", "ReclaimServer"]
    assert plan.actions[0].reason.text == "2 servers are asked back; this one was vacant"


def test_then_servers_that_hold_flexible_workers_only_the_emptiest_first() -> None:
    elastic = job(
        "e", base(1, 1, loaned=True), flexible(2, 5, loaned=True), flexible(3, 2, loaned=True)
    )
    plan = asked_back(4, rigid("r", *on(4)), elastic)

    assert reclaimed(plan) == ["infer-0006", "infer-0005", "infer-0003", "infer-0002"]
    assert preempted(plan) == []
    assert [action.remove for action in resizes(plan)] == [
        (flexible(3, 2, loaned=True),),
        (flexible(2, 5, loaned=True),),
    ]
    assert resizes(plan)[0].reason.text == (
        "gives up 2 flexible workers as infer-0003 goes back to inference"
    )
    assert [a.reason.code for a in plan.actions if not isinstance(a, ResizeJob)][2:] == [
        ReasonCode.RECLAIMED_FLEXIBLE
    ] * 2


def test_what_a_broken_unit_leaves_vacant_goes_back_before_more_workers_are_taken() -> None:
    cluster = make_cluster([8], [8] * 4, factor=3.0)
    spec = make_spec("e", min_workers=1, max_workers=3, fungible=True)
    placements = [
        base(1, 3, loaned=True),
        flexible(2, 1, loaned=True),
        flexible(3, 2, loaned=True),
        flexible(4, 3, loaned=True),
    ]
    snapshot = make_snapshot(
        cluster,
        running=[make_running(cluster, spec, placements)],
        loans=[server.id for server in cluster.inference_servers],
        demand=[2.0],
        due=Due.ORCHESTRATE,
    )
    plan = decide(snapshot, load_policy({"forecaster": "last", "headroom": 0}))

    # one worker on server 2 is lost, and the two on server 3 are no use without it
    assert [action.remove for action in resizes(plan)] == [
        (flexible(2, 1, loaned=True), flexible(3, 2, loaned=True))
    ]
    assert reclaimed(plan) == ["infer-0002", "infer-0003"]


def test_a_preempted_job_leaves_all_its_servers() -> None:
    spread = rigid("spread", base(1, 2), *on(1, workers=2), *on(2, workers=1))
    others = [rigid(f"r{n}", *on(n, workers=1)) for n in range(2, 7)]
    plan = asked_back(1, spread, *others)

    # a third of `spread` on server 1, against that and a whole job on server 2, or a whole job
    assert preempted(plan) == ["spread"]
    assert reclaimed(plan) == ["infer-0001"]


def test_flexible_workers_beside_base_workers_leave_with_their_server() -> None:
    guest = job("guest", base(2, 1, loaned=True), flexible(1, 2, loaned=True))
    rest = [rigid(f"r{n}", *on(n), base(1, 1)) for n in range(3, 7)]
    plan = asked_back(1, rigid("host", *on(1, workers=4)), guest, *rest, reclaim="greedy")

    assert len(preempted(plan)) == 1
    assert len(reclaimed(plan)) == 1


def test_servers_on_their_way_back_are_not_asked_twice() -> None:
    leaving = Loan("infer-0006", 0.0, reclaim_s=900.0)
    snapshot = make_snapshot(
        SIX,
        loans=[*(f"infer-000{n}" for n in range(1, 6)), leaving],
        demand=[2.0],
        due=Due.ORCHESTRATE,
    )
    plan = decide(snapshot, load_policy({"forecaster": "last", "headroom": 0}))

    assert reclaimed(plan) == ["infer-0005"]


def test_a_policy_that_fell_back_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(reclaim: Reclaim) -> Selection:
        return Selection(greedy(reclaim).servers, fell_back=True)

    monkeypatch.setitem(RECLAIMS, "exact", limited)
    plan = asked_back(2, *FIGURE_5, reclaim="exact", solver_nodes=9)

    assert [note.text for note in plan.notes] == [
        "the solver reached its limit of 9 nodes; the greedy answer serves"
    ]


@pytest.mark.parametrize(
    ("weight", "victims"), [("jobs", ["long"]), ("lost_gpu_s", ["fresh-1", "fresh-2"])]
)
def test_exact_reclaim_weighs_jobs_or_what_they_lose(weight: str, victims: list[str]) -> None:
    def ran(job_id: str, done: float, *placements: Placement) -> Job:
        held = rigid(job_id, *placements)
        return make_running(SIX, held.spec, placements, done=done, progress_s=1_000.0)

    running = [
        ran("long", 5_000.0, *on(1, 2)),
        ran("fresh-1", 10.0, *on(3)),
        ran("fresh-2", 10.0, *on(4)),
        ran("other-1", 5_000.0, *on(5)),
        ran("other-2", 5_000.0, *on(6)),
    ]
    plan = asked_back(2, *running, reclaim="exact", victim_weight=weight)

    assert sorted(preempted(plan)) == victims


def test_nothing_is_asked_back_while_inference_has_enough() -> None:
    assert asked_back(0, *FIGURE_5).actions == ()
