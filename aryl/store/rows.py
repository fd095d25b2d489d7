"""Rows of the table of jobs to records and back, and what an event's row holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, select

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.job import Job, JobSpec
from aryl.model.plain import placements_of, placements_plain
from aryl.store.tables import EVENTS, JOBS

Values = dict[str, Any]

AT_ONCE: Final = 1_000  # names in one statement: far below what either database can take

_SPEC: Final = (
    "submit_s",
    "num_gpus",
    "duration_s",
    "gpus_per_worker",
    "min_workers",
    "max_workers",
    "allowed_workers",
    "fungible",
    "heterogeneous",
    "checkpoint_s",
    "estimated_duration_s",
    "carry_in",
    "priority",
    "user",
    "queue",
    "model",
)
_JOB: Final = ("started_s", "done", "progress_s", "speed", "preemptions", "saved")
_PAST: Final = (
    "version",
    "sequence",
    "first_start_s",
    "finish_s",
    "queued_since_s",
    "queuing_s",
    "resizes",
    "lost_gpu_s",
    "cancel_requested_s",
    "plan_id",
)
_COLUMNS: Final = ("id", "name", "owner", "state", "placements", *_SPEC, *_JOB, *_PAST)
_FROM_JOB: Final = 5 + len(_SPEC)
_FROM_PAST: Final = _FROM_JOB + len(_JOB)
_ALLOWED: Final = _SPEC.index("allowed_workers")

# What the scheduler may write of a job: all but what users ask for, and what the job reports.
_NOT_SCHEDULED: Final = {"saved", "version", "sequence", "cancel_requested_s"}
_SCHEDULED: Final = (
    "state",
    "placements",
    *(name for name in (*_JOB, *_PAST) if name not in _NOT_SCHEDULED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; `origin` is `api` or `scheduler`, `detail` is plain."""

    t_s: float
    kind: str
    origin: str
    job_id: str | None = None
    server_id: str | None = None
    plan_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def job_rows() -> Select[*tuple[Any, ...]]:
    """Selects jobs as `record_of` reads them."""
    return select(*(JOBS.c[name] for name in _COLUMNS))


def records_of(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[JobRecord]:
    """The records in rows that `job_rows` selected."""
    return [_record_of(row) for row in rows]


def records_named(connection: Connection, job_ids: Iterable[str]) -> list[JobRecord]:
    """The records of some jobs, in no particular order; unknown ones are left out."""
    names, found = list(job_ids), list[JobRecord]()
    for start in range(0, len(names), AT_ONCE):
        some = job_rows().where(JOBS.c.id.in_(names[start : start + AT_ONCE]))
        found += records_of(connection.execute(some))
    return found


def _record_of(row: Row[*tuple[Any, ...]]) -> JobRecord:
    values = tuple(row)
    job_id, name, owner, state, placements = values[:5]
    spec = list(values[5:_FROM_JOB])
    spec[_ALLOWED] = tuple(spec[_ALLOWED])
    job = Job(
        JobSpec(job_id, *spec),
        placements_of(placements),
        *values[_FROM_JOB:_FROM_PAST],
    )
    past = dict(zip(_PAST, values[_FROM_PAST:], strict=True))
    return JobRecord(job=job, name=name, owner=owner, state=JobState(state), **past)


def values_of(record: JobRecord) -> Values:
    """All columns of a record."""
    job, spec = record.job, record.job.spec
    values: Values = {name: getattr(spec, name) for name in _SPEC}
    values |= {name: getattr(job, name) for name in _JOB}
    values |= {name: getattr(record, name) for name in _PAST}
    return values | {
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "state": record.state.value,
        "allowed_workers": list(spec.allowed_workers),
        "placements": placements_plain(job.placements),
    }


def update_scheduled(connection: Connection, records: Iterable[JobRecord]) -> None:
    """Write what the scheduler decides of jobs; each one's version grows by one."""
    changed = []
    for record in records:
        values = values_of(record)
        changed.append({"of": record.id} | {name: values[name] for name in _SCHEDULED})
    if changed:
        columns: Values = {name: bindparam(name) for name in _SCHEDULED}
        statement = JOBS.update().where(JOBS.c.id == bindparam("of"))
        connection.execute(statement.values(columns | {"version": JOBS.c.version + 1}), changed)


def append_events(connection: Connection, events: Iterable[Event]) -> None:
    """Append events in their order."""
    rows = [
        {
            "t_s": event.t_s,
            "kind": event.kind,
            "origin": event.origin,
            "job_id": event.job_id,
            "server_id": event.server_id,
            "plan_id": event.plan_id,
            "detail": event.detail,
        }
        for event in events
    ]
    if rows:
        connection.execute(EVENTS.insert(), rows)
