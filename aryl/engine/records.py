"""What is remembered of a job beyond what a decision needs: its name, its state and its past."""

from dataclasses import dataclass

from aryl.engine.lifecycle import JobState
from aryl.model.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One submitted job; times are cluster time, open ones None.

    `version` counts the changes made by users and by the scheduler. `queuing_s` adds up the waits
    that have ended; `queued_since_s` starts the one that goes on. `plan_id` is set while a plan
    that touches the job is on its way.
    """

    job: Job
    name: str
    owner: str = ""
    state: JobState = JobState.QUEUED
    version: int = 1
    sequence: int = 0
    first_start_s: float | None = None
    finish_s: float | None = None
    queued_since_s: float = 0.0
    queuing_s: float = 0.0
    resizes: int = 0
    lost_gpu_s: float = 0.0
    cancel_requested_s: float | None = None
    plan_id: int | None = None

    @property
    def id(self) -> str:
        """The job's name among all jobs."""
        return self.job.id

    def waited_by(self, now: float) -> float:
        """All the seconds it has waited by `now`."""
        waits = self.state is JobState.QUEUED
        return self.queuing_s + (max(0.0, now - self.queued_since_s) if waits else 0.0)
