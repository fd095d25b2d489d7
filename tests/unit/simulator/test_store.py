"""The store in memory: jobs move between the queue and their runs as actions take effect."""

import pytest

from aryl.engine.ports import Outcome, Status
from aryl.model.errors import InvalidTransition
from aryl.model.plan import LoanServer, Plan, PreemptJob, ResizeJob, StartJob
from aryl.model.reason import ReasonCode, because
from aryl.policy.registry import load_policy
from aryl.policy.rules import rules_of
from simulator.store import MemoryStore
from tests.builders import base, make_job, make_snapshot

WHY = because(ReasonCode.FITS, gpus=1, place=1)
START, PREEMPT = StartJob("job", (base(1),), WHY), PreemptJob("job", WHY)


def store() -> MemoryStore:
    waiting = MemoryStore(rules_of(load_policy({})))
    waiting.submit(make_job("job"))
    waiting.submit(make_job("other"))
    return waiting


def done(action: StartJob | PreemptJob | ResizeJob, **changes: int) -> Outcome:
    return Outcome(action, Status.DONE, make_job(action.job_id, **changes))


def test_a_started_job_leaves_the_queue_and_a_preempted_one_joins_it_as_it_stands() -> None:
    jobs = store()
    jobs.settle([done(START)])
    assert list(jobs.queue().jobs) == ["other"]

    jobs.settle([done(ResizeJob("job", WHY)), done(PREEMPT, preemptions=1)])
    assert jobs.queue().jobs["job"].preemptions == 1
    assert len(jobs) == 2


def test_what_was_refused_or_touched_no_job_changes_nothing() -> None:
    jobs = store()
    jobs.settle(
        [
            Outcome(START, Status.REFUSED),
            Outcome(START, Status.FAILED, make_job("job")),
            Outcome(LoanServer("infer-0001", WHY), Status.DONE),
        ]
    )

    assert sorted(jobs.queue().jobs) == ["job", "other"]


@pytest.mark.parametrize("action", [PREEMPT, ResizeJob("job", WHY)])
def test_a_job_that_waits_can_t_be_preempted_or_resized(action: PreemptJob | ResizeJob) -> None:
    with pytest.raises(InvalidTransition, match="job is queued"):
        store().settle([done(action)])


def test_a_finished_job_is_forgotten() -> None:
    jobs = store()
    jobs.settle([done(START)])
    jobs.finish("job")

    with pytest.raises(KeyError):
        jobs.finish("job")
    with pytest.raises(InvalidTransition, match="other is queued: it can't finish"):
        jobs.finish("other")


def test_the_queue_is_ranked_as_the_policy_in_force_ranks_it() -> None:
    jobs = store()
    jobs.submit(make_job("short", duration_s=1.0))
    (group,) = jobs.queue().groups.values()

    assert group.job_ids == ("short", "job", "other")
    assert jobs.queue().ranking == rules_of(load_policy({})).ranking


def test_the_plan_in_force_is_kept() -> None:
    jobs = store()
    jobs.record(make_snapshot(), Plan(version=3))

    assert jobs.plan == Plan(version=3)
