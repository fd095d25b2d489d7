"""Jobs as users see and change them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import func, select

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.errors import ArylError, BadInput, Clash, Conflict, Missing
from aryl.model.job import Job, JobSpec
from aryl.store.accounts import Deed, Principal, append_audit
from aryl.store.claims import API
from aryl.store.database import Database
from aryl.store.lives import LIVE
from aryl.store.rows import Event, append_events, job_rows, records_named, records_of
from aryl.store.submitting import Receipt, Submission, rehearse, submit
from aryl.store.tables import JOBS

PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a page shows; what is None is not asked about."""

    state: JobState | None = None
    user: str | None = None
    queue: str | None = None
    name: str | None = None
    owner: str | None = None
    newest_first: bool = False


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
class _Edit:
    """Columns to write, and the event that tells of it."""

    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Jobs:
    """Reads jobs, and writes what users may write."""

    database: Database
    wall: Callable[[], float]

    def submit(self, batch: Sequence[Submission]) -> list[JobRecord | ArylError]:
        """Let new jobs wait, all in one transaction; the answer to each, in their order.

        A job whose name exists, or an idempotency key used for another request, is answered with
        a `Conflict` and holds up no other.
        """
        answers = self.receive(batch)
        return [answer.record if isinstance(answer, Receipt) else answer for answer in answers]

    def receive(self, batch: Sequence[Submission]) -> list[Receipt | ArylError]:
        """As `submit`, and tells which requests had come before."""
        return submit(self.database, self.wall, batch)

    def rehearse(self, submission: Submission) -> Receipt | ArylError:
        """What `receive` would answer to one submission; nothing is written."""
        return rehearse(self.database, submission)

    def get(self, job_id: str) -> JobRecord | None:
        """One job."""
        with self.database.read() as connection:
            return next(iter(records_named(connection, [job_id])), None)

    def page(
        self, wanted: JobFilter, after: int | None = None, limit: int = PAGE
    ) -> list[JobRecord]:
        """Jobs in the order of submission, from behind that sequence on."""
        sequence = JOBS.c.sequence
        rows = job_rows().limit(limit)
        rows = rows.order_by(sequence.desc() if wanted.newest_first else sequence)
        if after is not None:
            rows = rows.where(sequence < after if wanted.newest_first else sequence > after)
        if wanted.state is not None:
            rows = rows.where(JOBS.c.state == wanted.state.value)
        for name in ("user", "queue", "name", "owner"):
            value = getattr(wanted, name)
            if value is not None:
                rows = rows.where(JOBS.c[name] == value)
        with self.database.read() as connection:
            return records_of(connection.execute(rows))

    def counts(self) -> Mapping[JobState, int]:
        """How many jobs there are in each state."""
        with self.database.read() as connection:
            rows = connection.execute(select(JOBS.c.state, func.count()).group_by(JOBS.c.state))
            found = {JobState(state): count for state, count in rows}
        return {state: found.get(state, 0) for state in JobState}

    def live(self) -> tuple[list[JobRecord], list[JobRecord]]:
        """The jobs that wait and those that run, in the order of submission."""
        states = [state.value for state in LIVE]
        rows = job_rows().where(JOBS.c.state.in_(states)).order_by(JOBS.c.sequence)
        with self.database.read() as connection:
            records = records_of(connection.execute(rows))
        queued = [record for record in records if record.state is JobState.QUEUED]
        running = [record for record in records if record.state is JobState.RUNNING]
        return queued, running

    def queued_specs(self) -> list[Job]:
        """The jobs that wait, as a decision sees them, in the order of submission."""
        is_queued = JOBS.c.state == JobState.QUEUED.value
        rows = job_rows().where(is_queued).order_by(JOBS.c.sequence)
        with self.database.read() as connection:
            return [record.job for record in records_of(connection.execute(rows))]

    def request_cancel(self, job_id: str, wish: Wish) -> JobRecord:
        """Ask for a job's end; a second time changes nothing. Raises `Missing`, `Conflict`."""

        def edit(record: JobRecord) -> _Edit | None:
            if record.cancel_requested_s is not None:
                return None
            return _Edit("cancel_requested", {"cancel_requested_s": wish.at_s})

        return self._edit(job_id, wish, edit)

    def change_bounds(
        self,
        job_id: str,
        wish: Wish,
        *,
        min_workers: int | None = None,
        max_workers: int | None = None,
    ) -> JobRecord:
        """Give a job other bounds; a running one keeps its base workers.

        Raises `Missing`, `Conflict`, and `BadInput` where the bounds don't suit each other.
        """

        def edit(record: JobRecord) -> _Edit | None:
            before = record.job.spec
            least = before.min_workers if min_workers is None else min_workers
            most = before.max_workers if max_workers is None else max_workers
            if (least, most) == (before.min_workers, before.max_workers):
                return None
            if record.plan_id is not None:
                raise Conflict(job_id, Clash.IN_FLIGHT)
            if record.state is JobState.RUNNING and least != before.min_workers:
                raise Conflict(job_id, Clash.RUNS)
            _check_bounds(replace(before, min_workers=least, max_workers=most))
            return _Edit("bounds_changed", {"min_workers": least, "max_workers": most})

        return self._edit(job_id, wish, edit)

    def report_checkpoint(self, job_id: str, saved: float, wish: Wish) -> JobRecord:
        """Note the work, in worker-seconds, that a job has saved; less than before is ignored.

        Raises `Missing`, `Conflict`.
        """

        def edit(record: JobRecord) -> _Edit | None:
            most = min(saved, record.job.spec.work)
            if most <= record.job.saved:
                return None
            return _Edit("checkpoint_reported", {"saved": most})

        return self._edit(job_id, wish, edit)

    def _edit(
        self, job_id: str, wish: Wish, edit: Callable[[JobRecord], _Edit | None]
    ) -> JobRecord:
        """Change a job that has not ended, and tell of it; the job as it stands then."""
        with self.database.write() as connection:
            record = next(iter(records_named(connection, [job_id])), None)
            if record is None:
                raise Missing("job", job_id)
            if wish.if_version not in {None, record.version}:
                raise Conflict(job_id, Clash.VERSION, record.version)
            if record.state not in LIVE:
                raise Conflict(job_id, Clash.ENDED)
            found = edit(record)
            if found is None or wish.is_rehearsal:
                return record
            values = {**found.values, "version": record.version + 1}
            connection.execute(JOBS.update().where(JOBS.c.id == job_id).values(values))
            told = Event(
                t_s=wish.at_s, kind=found.kind, origin=API, job_id=job_id, detail=found.values
            )
            append_events(connection, [told])
            deed = Deed(wish.who, found.kind.replace("_", " "), job_id, found.values)
            append_audit(connection, [deed], self.wall())
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
