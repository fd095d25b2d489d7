"""Jobs between a scheduler and its users: which a plan holds, and which users have changed."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from aryl.engine.records import JobRecord
from aryl.model.errors import StalePlan
from aryl.store.rows import job_rows, records_of
from aryl.store.tables import EVENTS, JOBS

API: Final = "api"
SCHEDULER: Final = "scheduler"


def claim(connection: Connection, plan_id: int, records: Sequence[JobRecord]) -> None:
    """Let a plan hold jobs. Raises `StalePlan` where one is not as the scheduler knows it."""
    if not records:
        return
    seen = [{"of": record.id, "seen": record.version} for record in records]
    this = (JOBS.c.id == bindparam("of")) & (JOBS.c.version == bindparam("seen"))
    held = connection.execute(JOBS.update().where(this).values(plan_id=plan_id), seen).rowcount
    if held != len(records):
        raise StalePlan(f"{len(records) - held} of {len(records)} jobs have changed since a look")


def let_go(connection: Connection, job_ids: Iterable[str]) -> None:
    """Let no plan hold these jobs; nothing else of them changes."""
    rows = [{"of": job_id} for job_id in job_ids]
    if rows:
        statement = JOBS.update().where(JOBS.c.id == bindparam("of"))
        connection.execute(statement.values(plan_id=None), rows)


def changed_by_users(connection: Connection, since: int) -> tuple[list[JobRecord], int]:
    """The jobs that users submitted or changed after event `since`, and the newest event seen."""
    is_news = (EVENTS.c.origin == API) & (EVENTS.c.id > since)
    newest = connection.execute(select(func.max(EVENTS.c.id)).where(is_news)).scalar()
    if newest is None:
        return [], since
    touched = select(EVENTS.c.job_id).where(is_news)
    rows = job_rows().where(JOBS.c.id.in_(touched)).order_by(JOBS.c.sequence)
    return records_of(connection.execute(rows)), newest
