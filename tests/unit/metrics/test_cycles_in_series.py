"""What a cycle is worth in series: its actions, its time, and why jobs wait."""

import pytest

from aryl.engine.cycle import Step
from aryl.engine.ports import Outcome, Status
from aryl.metrics import Cause
from aryl.metrics.families import TIMED
from aryl.metrics.metrics import cause_of
from aryl.model.errors import InvariantBroken, LeaseLost, SolverFailed, StalePlan
from aryl.model.job import Job
from aryl.model.plan import (
    LoanServer,
    Plan,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    Solve,
    StartJob,
    Waiting,
)
from aryl.model.reason import Reason, ReasonCode, because
from aryl.model.snapshot import Due
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
)
from tests.unit.metrics.reading import FITS, VACANT, Reading, report, started

LENT = because(ReasonCode.LENT, loanable=2, forecast=1.0, on_loan=0)
FOR_RECLAIM = because(ReasonCode.PREEMPTED_FOR_RECLAIM, servers=1)


def preempted(before: Job, *, now: float, reason: Reason = FOR_RECLAIM) -> Outcome:
    """A preemption at `now`, with the job as it waits afterwards."""
    after = make_job(
        spec=before.spec, done=before.kept_if_preempted(now), progress_s=now, preemptions=1
    )
    return Outcome(PreemptJob(before.id, reason), Status.DONE, after)


# Cycles


def test_a_job_that_starts_has_waited_since_it_was_submitted(reading: Reading) -> None:
    snapshot = make_snapshot(queued=[make_job("a", submit_s=940.0)])

    reading.metrics.cycled(report(snapshot, [started("a")]), now=1_000.0)

    assert reading["job_wait_seconds_count"] == 1
    assert reading["job_wait_seconds_sum"] == 60.0
    assert reading.of("actions_total", {"action": "start", "outcome": "done"}) == 1


def test_a_job_that_starts_again_has_waited_since_it_was_preempted(reading: Reading) -> None:
    again = make_job("a", submit_s=0.0, preemptions=1, progress_s=970.0)

    reading.metrics.cycled(report(make_snapshot(queued=[again]), [started("a")]), now=1_000.0)

    assert reading["job_wait_seconds_sum"] == 30.0


def test_a_preemption_counts_with_its_cause_and_the_work_it_discards(reading: Reading) -> None:
    cluster = make_cluster((8,))
    spec = make_spec("a", workers=2, gpus_per_worker=4, duration_s=5_000.0, checkpoint_s=400.0)
    job = make_running(cluster, spec, [base(1, 2)], started_s=0.0)
    snapshot = make_snapshot(cluster, running=[job])

    reading.metrics.cycled(report(snapshot, [preempted(job, now=1_000.0)]), now=1_000.0)

    assert reading.of("preemptions_total", {"reason": "preempted_for_reclaim"}) == 1
    assert reading["lost_gpu_seconds_total"] == 200.0 * 8  # since the checkpoint at 800 s


def test_what_is_refused_or_withheld_is_counted_as_that_and_as_nothing_else(
    reading: Reading,
) -> None:
    cluster = make_cluster((8,), (8, 8))
    snapshot = make_snapshot(cluster, queued=[make_job("a")], loans=["infer-0002"])
    outcomes = [
        Outcome(StartJob("a", (base(1),), FITS), Status.REFUSED),
        Outcome(LoanServer("infer-0001", LENT), Status.WITHHELD),
        Outcome(ReclaimServer("infer-0002", VACANT), Status.FAILED),
    ]

    reading.metrics.cycled(report(snapshot, outcomes), now=1_000.0)

    for action, outcome in (("start", "refused"), ("lend", "withheld"), ("reclaim", "failed")):
        assert reading.of("actions_total", {"action": action, "outcome": outcome}) == 1
    assert reading["job_wait_seconds_count"] == 0
    assert reading["loans_total"] == 0
    assert reading.of("reclaims_total", {"how": "vacant"}) == 0


def test_servers_lent_and_asked_back_are_counted_these_by_what_emptied_them(
    reading: Reading,
) -> None:
    cluster = make_cluster((8,), (8, 8, 8))
    snapshot = make_snapshot(cluster, loans=["infer-0002", "infer-0003"])
    flexible_left = because(ReasonCode.RECLAIMED_FLEXIBLE, demand=2)
    shrink = because(ReasonCode.SHRINKS_FOR_RECLAIM, workers=1, server="infer-0003")
    outcomes = [
        Outcome(LoanServer("infer-0001", LENT), Status.DONE),
        Outcome(ReclaimServer("infer-0002", VACANT), Status.DONE),
        Outcome(ResizeJob("a", shrink, remove=(flexible(3, loaned=True),)), Status.DONE),
        Outcome(ReclaimServer("infer-0003", flexible_left), Status.DONE),
    ]

    reading.metrics.cycled(report(snapshot, outcomes), now=1_000.0)

    assert reading["loans_total"] == 1
    counts = [
        reading.of("reclaims_total", {"how": h}) for h in ("vacant", "flexible", "preempting")
    ]
    assert counts == [1, 1, 0]


@pytest.mark.parametrize(
    ("due", "loop"),
    [
        (Due.SCHEDULE, "schedule"),
        (Due.ORCHESTRATE, "orchestrate"),
        (Due.SCHEDULE | Due.ORCHESTRATE, "both"),
    ],
)
def test_a_cycle_counts_for_its_loop_and_takes_its_time(
    reading: Reading, due: Due, loop: str
) -> None:
    plan = Plan(
        7, notes=(because(ReasonCode.SOLVER_LIMIT, nodes=9),), solves=(Solve("knapsack", 3, 0.25),)
    )

    reading.metrics.cycled(report(make_snapshot(due=due), plan=plan), now=1_000.0)

    assert reading.of("cycles_total", {"loop": loop}) == 1
    assert reading["cycle_seconds_sum"] == 0.4
    assert reading.of("solver_seconds_sum", {"kind": "knapsack"}) == 0.25
    assert reading.of("plan_notes_total", {"note": "solver_limit"}) == 1


def test_jobs_wait_by_reason_until_a_decision_says_otherwise(reading: Reading) -> None:
    short = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=9, free_gpus=1, flexible_gpus=0)
    split = because(ReasonCode.FRAGMENTED, workers=1, gpus_per_worker=8, fitting=0, free_gpus=9)
    first = Plan(
        7, waiting=(Waiting(short, ("a", "b")), Waiting(short, ("c",)), Waiting(split, ("d",)))
    )

    def waiting() -> list[float]:
        codes = ("not_enough_gpus", "fragmented", "behind_head")
        return [reading.of("waiting_jobs", {"reason": code}) for code in codes]

    reading.metrics.cycled(report(make_snapshot(), plan=first), now=1_000.0)
    assert waiting() == [3, 1, 0]

    reading.metrics.cycled(report(make_snapshot(due=Due.ORCHESTRATE), plan=Plan(7)), now=1_010.0)
    assert waiting() == [3, 1, 0]

    reading.metrics.cycled(report(make_snapshot(due=Due.SCHEDULE), plan=Plan(7)), now=1_020.0)
    assert waiting() == [0, 0, 0]


def test_each_step_takes_the_time_since_the_step_before_and_all_actions_count_as_one(
    reading: Reading,
) -> None:
    ticks = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0, 21.0, 28.0])
    timer = reading.metrics.timer(lambda: next(ticks))
    before = [Step.OBSERVED, Step.DECIDED, Step.CHECKED, Step.RECORDED]
    for step in (*before, Step.ACTED, Step.ACTED, Step.SETTLED):
        timer.reached(step)

    sums = {step: reading.of("cycle_step_seconds_sum", {"step": step}) for step in TIMED}
    assert sums == {
        "decided": 2.0,
        "checked": 3.0,
        "recorded": 4.0,
        "acted": 5.0 + 6.0,
        "settled": 7.0,
    }
    assert reading.of("cycle_step_seconds_count", {"step": "acted"}) == 1


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (InvariantBroken("x"), Cause.INVARIANT),
        (StalePlan("x"), Cause.STALE_PLAN),
        (LeaseLost("x"), Cause.LEASE_LOST),
        (SolverFailed("x"), Cause.SOLVER),
        (ValueError("x"), Cause.OTHER),
    ],
)
def test_a_failure_counts_by_its_cause(reading: Reading, error: Exception, cause: Cause) -> None:
    reading.metrics.failed(cause_of(error))

    assert reading.of("cycle_failures_total", {"cause": cause.value}) == 1
