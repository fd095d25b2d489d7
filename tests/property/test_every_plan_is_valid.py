"""Spec §6 on plans for any state: by the checker, and by books that share no code with it."""

from collections import Counter

from hypothesis import given

from aryl.model.cluster import Pool
from aryl.model.job import WorkerKind
from aryl.model.plan import PreemptJob, ResizeJob, StartJob
from aryl.model.reason import ReasonCode
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.check import inconsistencies, violations
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide
from tests.ledger import Ledger
from tests.strategies import configs, often, snapshots


@given(snapshots())
def test_the_states_drawn_for_these_tests_are_consistent(snapshot: Snapshot) -> None:
    assert inconsistencies(snapshot) == []
    for job_id in Ledger(snapshot).running():
        Ledger(snapshot).check_job(job_id)


@often(4)
@given(snapshots(), configs())
def test_neither_the_checker_nor_plain_books_find_a_fault_in_any_plan(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)

    assert violations(snapshot, plan, config.headroom) == []
    ledger = Ledger(snapshot).carry_out(plan)
    for job_id in ledger.running():
        ledger.check_job(job_id)


@given(snapshots(), configs())
def test_a_job_starts_once_with_base_workers_and_keeps_them(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    before, after = Ledger(snapshot), Ledger(snapshot).carry_out(plan)
    started = Counter(a.job_id for a in plan.actions if isinstance(a, StartJob))
    gone = Counter(a.job_id for a in plan.actions if isinstance(a, PreemptJob))

    assert set((started | gone).values()) <= {1}
    assert after.running() == sorted((set(before.running()) | started.keys()) - gone.keys())
    for job_id in set(before.running()) - gone.keys():
        base = {
            place: n for place, n in before.holds(job_id).items() if place[1] is WorkerKind.BASE
        }
        assert base.items() <= after.holds(job_id).items()
    for job_id in started:
        spec, rigid = after.specs[job_id], config.scaling == "none"
        wanted = spec.requested_workers if rigid else spec.min_workers
        assert after.units(job_id, WorkerKind.BASE) == wanted


@often(2)
@given(snapshots(due=Due.SCHEDULE), configs(scaling="knapsack"))
def test_nobody_shrinks_for_gain_where_the_gpus_would_be_nobody_s(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan, ledger = decide(snapshot, config), Ledger(snapshot)

    for action in plan.actions:
        if isinstance(action, ResizeJob) and action.reason.code is ReasonCode.SHRINKS_FOR_GAIN:
            assert all(ledger.is_open(p.server_id) for p in action.remove)


def kinds_on_loan(ledger: Ledger) -> dict[str, set[WorkerKind]]:
    """The kinds of workers on each server that is on loan."""
    kinds: dict[str, set[WorkerKind]] = {}
    for (_, server, kind), workers in ledger.held.items():
        if workers and ledger.snapshot.cluster.pool_of(server) is Pool.INFERENCE:
            kinds.setdefault(server, set()).add(kind)
    return kinds


@often(2)
@given(snapshots(), configs())
def test_base_and_flexible_workers_come_together_on_no_on_loan_server(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    before = kinds_on_loan(Ledger(snapshot))
    after = kinds_on_loan(Ledger(snapshot).carry_out(decide(snapshot, config)))

    for server, kinds in after.items():
        assert len(kinds) == 1 or before.get(server) == kinds


@given(snapshots(), configs())
def test_only_what_is_due_is_decided(snapshot: Snapshot, config: PolicyConfig) -> None:
    plan = decide(snapshot, config)
    kinds = {type(action).__name__ for action in plan.actions}

    if Due.SCHEDULE not in snapshot.due:
        assert "StartJob" not in kinds
        assert not plan.waiting
    if Due.ORCHESTRATE not in snapshot.due:
        assert all(a.suspends for a in plan.actions if isinstance(a, PreemptJob))
        if config.loaning != "opportunistic":  # which lends when a job starts
            assert not kinds & {"LoanServer", "ReclaimServer"}
            assert plan.outlook is None
