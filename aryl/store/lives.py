"""What an event in a job's life does to its record: one path for plans and for corrections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from aryl.engine.lifecycle import JobEvent, JobState, after
from aryl.engine.records import JobRecord
from aryl.model.job import Job
from aryl.model.plain import placements_plain, reason_plain
from aryl.model.plan import Action, PreemptJob, ResizeJob, StartJob
from aryl.model.reason import Reason
from aryl.store.rows import Event, append_events, update_scheduled

EVENT_OF: Final[Mapping[type[Action], JobEvent]] = {
    StartJob: JobEvent.START,
    ResizeJob: JobEvent.RESIZE,
    PreemptJob: JobEvent.PREEMPT,
}
KIND_OF: Final[Mapping[JobEvent, str]] = {
    JobEvent.START: "started",
    JobEvent.RESIZE: "resized",
    JobEvent.PREEMPT: "preempted",
    JobEvent.FINISH: "finished",
    JobEvent.FAIL: "failed",
    JobEvent.CANCEL: "cancelled",
}
LIVE: Final = frozenset({JobState.QUEUED, JobState.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that happened to a job; `job` is how it stands since."""

    event: JobEvent
    job: Job
    at_s: float
    reason: Reason | None = None
    plan_id: int | None = None


def moved(record: JobRecord, change: Change) -> JobRecord:
    """The record after a change. Raises `InvalidTransition` where the job can't change so."""
    event, at_s = change.event, change.at_s
    state = after(record.id, record.state, event)
    lost_gpu_s = record.lost_gpu_s
    if event is JobEvent.PREEMPT:
        discarded = max(0.0, record.job.done_by(at_s) - change.job.done)
        lost_gpu_s += discarded * record.job.spec.gpus_per_worker
    is_start, is_over = event is JobEvent.START, state not in LIVE
    is_first = is_start and record.first_start_s is None
    return replace(
        record,
        job=_with_wishes_of(record, change.job),
        state=state,
        first_start_s=at_s if is_first else record.first_start_s,
        finish_s=at_s if is_over else None,
        queued_since_s=at_s if event is JobEvent.PREEMPT else record.queued_since_s,
        queuing_s=record.queuing_s if state is record.state else record.waited_by(at_s),
        lost_gpu_s=lost_gpu_s,
        plan_id=None,
    )


def _with_wishes_of(record: JobRecord, job: Job) -> Job:
    """The job with its bounds and checkpoint as the record has them: users decide about those."""
    spec, saved = record.job.spec, record.job.saved
    return job if (job.spec, job.saved) == (spec, saved) else replace(job, spec=spec, saved=saved)


def told(change: Change) -> Event:
    """The event that tells of a change: its reason, and where the job is now."""
    plain: dict[str, Any] = {"placements": placements_plain(change.job.placements)}
    if change.reason:
        plain["reason"] = reason_plain(change.reason)
    return Event(
        t_s=change.at_s,
        kind=KIND_OF[change.event],
        origin="scheduler",
        job_id=change.job.id,
        plan_id=change.plan_id,
        detail=plain,
    )


def write_moves(
    connection: Connection, records: Iterable[JobRecord], changes: Iterable[Change]
) -> None:
    """Write what changes made of records, and tell of each change."""
    update_scheduled(connection, records)
    append_events(connection, (told(change) for change in changes))
