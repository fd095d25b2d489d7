"""The Store port in memory: the queue of a replay, and the plan in force."""

from collections.abc import Sequence

from aryl.engine.lifecycle import JobEvent, JobState, after
from aryl.engine.ports import Outcome, Status
from aryl.model.job import Job
from aryl.model.plan import Plan, PreemptJob, ResizeJob, StartJob
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Snapshot
from aryl.policy.ranking import RankedQueue
from aryl.policy.rules import Rules

EVENT_OF = {StartJob: JobEvent.START, ResizeJob: JobEvent.RESIZE, PreemptJob: JobEvent.PREEMPT}


class MemoryStore:
    """Jobs that have not ended, by state."""

    def __init__(self, rules: Rules) -> None:
        """Start with nothing submitted."""
        self._queue = RankedQueue(rules)
        self._states: dict[str, JobState] = {}
        self.plan = Plan(version=0)

    def submit(self, job: Job) -> None:
        """Let a new job wait."""
        self._states[job.id] = JobState.QUEUED
        self._queue.add(job)

    def adopt(self, job_id: str) -> None:
        """A job runs already."""
        self._states[job_id] = JobState.RUNNING

    def finish(self, job_id: str) -> None:
        """Forget a job that has done its work."""
        after(job_id, self._states.pop(job_id), JobEvent.FINISH)

    def queue(self) -> JobQueue:
        """The jobs that wait."""
        return self._queue.frozen()

    def record(self, _snapshot: Snapshot, plan: Plan) -> None:
        """Keep the plan in force."""
        self.plan = plan

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Move jobs in and out of the queue as actions took effect."""
        for outcome in outcomes:
            event = EVENT_OF.get(type(outcome.action))
            if event is None or outcome.job is None or outcome.status is not Status.DONE:
                continue
            job = outcome.job
            self._states[job.id] = after(job.id, self._states[job.id], event)
            if event is JobEvent.START:
                self._queue.remove(job.id)
            elif event is JobEvent.PREEMPT:
                self._queue.add(job)

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self._queue)
