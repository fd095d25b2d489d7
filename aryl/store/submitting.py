"""Takes in a batch of new jobs in one transaction and a handful of statements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import Connection, func, select, tuple_

from aryl.engine.records import JobRecord
from aryl.model.errors import ArylError, Clash, Conflict
from aryl.model.job import Job, JobSpec
from aryl.store.accounts import Deed, Principal, append_audit
from aryl.store.claims import API
from aryl.store.database import Database
from aryl.store.rows import AT_ONCE, Event, append_events, records_named, values_of
from aryl.store.tables import IDEMPOTENCY, JOBS
from aryl.store.templates import Template, write_templates

KEYS_LAST_S: Final = 86_400.0  # for how long an idempotency key is remembered

Key = tuple[str, str]  # principal, idempotency key


@dataclass(frozen=True, slots=True)
class Receipt:
    """A job that waits; `is_repeat` where it did before, as the request had come already."""

    record: JobRecord
    is_repeat: bool = False


Answer = Receipt | ArylError


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that somebody submits; without a `spec.job_id` it is given one.

    With an idempotency key, the same principal's next request with that key and the same
    fingerprint is answered with the same job.
    """

    spec: JobSpec
    name: str
    owner: str
    who: Principal
    idempotency_key: str | None = None
    fingerprint: str = ""
    template: Template | None = None

    @property
    def key(self) -> Key | None:
        """What makes it the same request as another."""
        return None if self.idempotency_key is None else (self.who.name, self.idempotency_key)


@dataclass(slots=True)
class _Batch:
    """What is known before, and what is to be written."""

    keys: dict[Key, tuple[str, str]]  # fingerprint and job, by key
    known: dict[str, JobRecord]  # jobs that keys stand for, and new ones
    taken: set[str]
    records: list[JobRecord]
    accepted: list[Submission]

    def take(self, submission: Submission, sequence: int) -> Answer:
        """The answer to one submission; a new job is put down to be written."""
        key, spec = submission.key, submission.spec
        if key and key in self.keys:
            fingerprint, job_id = self.keys[key]
            if fingerprint != submission.fingerprint:
                return Conflict(str(submission.idempotency_key), Clash.KEY_REUSED)
            return Receipt(self.known[job_id], is_repeat=True)
        if spec.job_id in self.taken:
            return Conflict(spec.job_id, Clash.DUPLICATE)
        if not spec.job_id:
            spec = replace(spec, job_id=self._free_name(sequence))
        record = JobRecord(
            job=Job(spec),
            name=submission.name,
            owner=submission.owner,
            sequence=sequence,
            queued_since_s=spec.submit_s,
        )
        if key:
            self.keys[key] = (submission.fingerprint, spec.job_id)
        self.taken.add(spec.job_id)
        self.known[spec.job_id] = record
        self.records.append(record)
        self.accepted.append(submission)
        return Receipt(record)

    def _free_name(self, sequence: int) -> str:
        name = given_name(sequence)
        if name in self.taken:  # whoever took it can't guess this one too
            name = f"{name}-{token_hex(8)}"
        return name


def given_name(sequence: int) -> str:
    """The name of a job that was submitted without one."""
    return f"job-{sequence:06d}"


def submit(
    database: Database, wall: Callable[[], float], batch: Sequence[Submission]
) -> list[Answer]:
    """Let new jobs wait, all in one transaction; the answer to each, in their order."""
    if not batch:
        return []
    now = wall()
    with database.write() as connection:
        return take_in(connection, batch, now)


def take_in(connection: Connection, batch: Sequence[Submission], wall_s: float) -> list[Answer]:
    """Let new jobs wait, within a write that is under way; the answer to each, in their order."""
    if not batch:
        return []
    first = (connection.execute(select(func.max(JOBS.c.sequence))).scalar() or 0) + 1
    known = _known_before(connection, batch, first)
    answers = [known.take(item, first + at) for at, item in enumerate(batch)]
    _write(connection, known, wall_s)
    return answers


def rehearse(database: Database, item: Submission) -> Answer:
    """What `submit` would answer to one submission; nothing is written."""
    with database.read() as connection:
        first = (connection.execute(select(func.max(JOBS.c.sequence))).scalar() or 0) + 1
        return _known_before(connection, [item], first).take(item, first)


def _known_before(connection: Connection, batch: Sequence[Submission], first: int) -> _Batch:
    asked = [item.key for item in batch if item.key]
    keys: dict[Key, tuple[str, str]] = {}
    for start in range(0, len(asked), AT_ONCE):
        at = tuple_(IDEMPOTENCY.c.principal, IDEMPOTENCY.c.key)
        for row in connection.execute(
            select(IDEMPOTENCY).where(at.in_(asked[start : start + AT_ONCE]))
        ):
            keys[row.principal, row.key] = (row.fingerprint, row.job_id)
    again = {job_id for _, job_id in keys.values()}
    known = {record.id: record for record in records_named(connection, again)}
    names = [item.spec.job_id or given_name(first + at) for at, item in enumerate(batch)]
    taken: set[str] = set()
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        taken |= set(connection.execute(select(JOBS.c.id).where(JOBS.c.id.in_(some))).scalars())
    return _Batch(keys, known, taken, [], [])


def _write(connection: Connection, batch: _Batch, wall_s: float) -> None:
    if not batch.records:
        return
    connection.execute(JOBS.insert(), [values_of(record) for record in batch.records])
    pairs = list(zip(batch.accepted, batch.records, strict=True))
    append_events(connection, [_event(record) for record in batch.records])
    deeds = [Deed(item.who, "submit job", record.id) for item, record in pairs]
    append_audit(connection, deeds, wall_s)
    templates = [(record.id, item.template) for item, record in pairs if item.template is not None]
    write_templates(connection, templates)
    keys = [_key_row(item, record.id, wall_s) for item, record in pairs if item.key]
    if keys:
        old = IDEMPOTENCY.c.at_wall_s < wall_s - KEYS_LAST_S
        connection.execute(IDEMPOTENCY.delete().where(old))
        connection.execute(IDEMPOTENCY.insert(), keys)


def _event(record: JobRecord) -> Event:
    return Event(t_s=record.job.spec.submit_s, kind="submitted", origin=API, job_id=record.id)


def _key_row(item: Submission, job_id: str, wall_s: float) -> Mapping[str, Any]:
    return {
        "principal": item.who.name,
        "key": item.idempotency_key,
        "fingerprint": item.fingerprint,
        "job_id": job_id,
        "at_wall_s": wall_s,
    }
