"""What users may change of a job that has not ended, within a write that is under way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.errors import BadInput, Clash, Conflict, Missing
from aryl.model.job import JobSpec
from aryl.store.accounts import Deed, Principal, append_audit
from aryl.store.claims import API
from aryl.store.lives import LIVE
from aryl.store.rows import Event, append_events, records_named
from aryl.store.tables import JOBS


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants to change a job, when (cluster time), and the version they looked at, if any.

    A rehearsal is refused as the change would be, and writes nothing.
    """

    who: Principal
    at_s: float
    if_version: int | None = None
    is_rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """Columns to write, and the event that tells of it."""

    kind: str
    values: Mapping[str, Any]


Editor = Callable[[JobRecord, Wish], Edit | None]  # None: it is so already


def cancelled(record: JobRecord, wish: Wish) -> Edit | None:
    """The job is to end."""
    if record.cancel_requested_s is not None:
        return None
    return Edit("cancel_requested", {"cancel_requested_s": wish.at_s})


@dataclass(frozen=True, slots=True)
class Rebounded:
    """A job gets other bounds, each of them only where it is named; a running one keeps its base.

    Raises `Conflict`, and `BadInput` where the bounds don't suit each other.
    """

    min_workers: int | None = None
    max_workers: int | None = None

    def __call__(self, record: JobRecord, _: Wish) -> Edit | None:
        """What that means for a job."""
        before = record.job.spec
        least = before.min_workers if self.min_workers is None else self.min_workers
        most = before.max_workers if self.max_workers is None else self.max_workers
        if (least, most) == (before.min_workers, before.max_workers):
            return None
        if record.plan_id is not None:
            raise Conflict(record.id, Clash.IN_FLIGHT)
        if record.state is JobState.RUNNING and least != before.min_workers:
            raise Conflict(record.id, Clash.RUNS)
        _check_bounds(replace(before, min_workers=least, max_workers=most))
        return Edit("bounds_changed", {"min_workers": least, "max_workers": most})


@dataclass(frozen=True, slots=True)
class Saved:
    """A job has saved that much work, in worker-seconds; less than before is ignored."""

    saved: float

    def __call__(self, record: JobRecord, _: Wish) -> Edit | None:
        """What that means for a job."""
        most = min(self.saved, record.job.spec.work)
        if most <= record.job.saved:
            return None
        return Edit("checkpoint_reported", {"saved": most})


def edit(
    connection: Connection, job_id: str, wish: Wish, editor: Editor, wall_s: float
) -> JobRecord:
    """Change a job that has not ended, and tell of it; the job as it stands then.

    Raises `Missing`, `Conflict` and what the editor raises, before anything is written.
    """
    record = next(iter(records_named(connection, [job_id])), None)
    if record is None:
        raise Missing("job", job_id)
    if wish.if_version not in {None, record.version}:
        raise Conflict(job_id, Clash.VERSION, record.version)
    if record.state not in LIVE:
        raise Conflict(job_id, Clash.ENDED)
    found = editor(record, wish)
    if found is None or wish.is_rehearsal:
        return record
    values = {**found.values, "version": record.version + 1}
    connection.execute(JOBS.update().where(JOBS.c.id == job_id).values(values))
    told = Event(t_s=wish.at_s, kind=found.kind, origin=API, job_id=job_id, detail=found.values)
    append_events(connection, [told])
    deed = Deed(wish.who, found.kind.replace("_", " "), job_id, found.values)
    append_audit(connection, [deed], wall_s)
    return records_named(connection, [job_id])[0]


def _check_bounds(spec: JobSpec) -> None:
    """Raise `BadInput` unless the requested size lies within the bounds (spec §3)."""
    requested = spec.requested_workers
    if not 1 <= spec.min_workers <= requested:
        raise BadInput(
            f"job {spec.job_id}",
            "does not suit the requested workers",
            column="min_workers",
            value=spec.min_workers,
            expected=f"from 1 to {requested}",
        )
    if spec.max_workers < requested:
        raise BadInput(
            f"job {spec.job_id}",
            "does not suit the requested workers",
            column="max_workers",
            value=spec.max_workers,
            expected=f"{requested} or more",
        )
