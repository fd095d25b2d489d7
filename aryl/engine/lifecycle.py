"""A job's life as a table: what may happen to it in which state.

A job waits, runs, may fall back to waiting when it is preempted, and ends once: it finishes, fails
or is cancelled. Anything that the table does not list is refused.
"""

from collections.abc import Mapping
from enum import Enum

from aryl.model.errors import InvalidTransition


class JobState(Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobEvent(Enum):
    """What can happen to a job."""

    START = "start"
    RESIZE = "resize"
    PREEMPT = "preempt"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[JobState, JobEvent], JobState] = {
    (JobState.QUEUED, JobEvent.START): JobState.RUNNING,
    (JobState.QUEUED, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, JobEvent.RESIZE): JobState.RUNNING,
    (JobState.RUNNING, JobEvent.PREEMPT): JobState.QUEUED,
    (JobState.RUNNING, JobEvent.FINISH): JobState.FINISHED,
    (JobState.RUNNING, JobEvent.FAIL): JobState.FAILED,
    (JobState.RUNNING, JobEvent.CANCEL): JobState.CANCELLED,
}


def after(job_id: str, state: JobState, event: JobEvent) -> JobState:
    """The state that an event leads to. Raises `InvalidTransition` with job, state and event."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise InvalidTransition(f"{job_id} is {state.value}: it can't {event.value}") from None
