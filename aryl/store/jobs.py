"""Jobs as users see and change them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.errors import ArylError
from aryl.model.job import Job
from aryl.store.database import Database
from aryl.store.edits import Editor, Rebounded, Saved, Wish, cancelled, edit
from aryl.store.lives import LIVE
from aryl.store.rows import job_rows, records_named, records_of
from aryl.store.submitting import Receipt, Submission, rehearse, submit
from aryl.store.tables import JOBS
from aryl.store.templates import Template, template_of

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

    def template(self, job_id: str) -> Template | None:
        """What a job's workers are to run; None where it brought nothing."""
        with self.database.read() as connection:
            return template_of(connection, job_id)

    def request_cancel(self, job_id: str, wish: Wish) -> JobRecord:
        """Ask for a job's end; a second time changes nothing. Raises `Missing`, `Conflict`."""
        return self._edit(job_id, wish, cancelled)

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
        return self._edit(job_id, wish, Rebounded(min_workers, max_workers))

    def report_checkpoint(self, job_id: str, saved: float, wish: Wish) -> JobRecord:
        """Note the work, in worker-seconds, that a job has saved; less than before is ignored.

        Raises `Missing`, `Conflict`.
        """
        return self._edit(job_id, wish, Saved(saved))

    def _edit(self, job_id: str, wish: Wish, editor: Editor) -> JobRecord:
        """Change a job that has not ended; the job as it stands then."""
        with self.database.write() as connection:
            return edit(connection, job_id, wish, editor, self.wall())
