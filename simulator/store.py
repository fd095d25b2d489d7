"""The Store port in memory: the queue of a replay, and the plan in force."""

from bisect import bisect_left, insort
from collections.abc import Sequence

from aryl.engine.lifecycle import JobEvent, JobState, after
from aryl.engine.ports import Outcome, Status
from aryl.model.job import Job
from aryl.model.plan import Plan, PreemptJob, ResizeJob, StartJob

EVENT_OF = {StartJob: JobEvent.START, ResizeJob: JobEvent.RESIZE, PreemptJob: JobEvent.PREEMPT}


def _order(job: Job) -> tuple[float, str]:
    return (job.spec.submit_s, job.spec.job_id)


class MemoryStore:
    """Jobs that have not ended, by state."""

    def __init__(self) -> None:
        """Start with nothing submitted."""
        self._queue: list[Job] = []
        self._states: dict[str, JobState] = {}
        self.plan = Plan(version=0)

    def submit(self, job: Job) -> None:
        """Let a new job wait."""
        self._states[job.id] = JobState.QUEUED
        insort(self._queue, job, key=_order)

    def finish(self, job_id: str) -> None:
        """Forget a job that has done its work."""
        after(job_id, self._states.pop(job_id), JobEvent.FINISH)

    def queue(self) -> tuple[Job, ...]:
        """The jobs that wait, by submission and then name."""
        return tuple(self._queue)

    def record(self, plan: Plan) -> None:
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
                del self._queue[bisect_left(self._queue, _order(job), key=_order)]
            elif event is JobEvent.PREEMPT:
                insort(self._queue, job, key=_order)

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self._queue)
