"""What happened, read in the order of commits: "after the last id seen" never misses an event."""

from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Row, Select, func, select

from aryl.store.database import Database
from aryl.store.rows import Event
from aryl.store.tables import EVENTS

PAGE: Final = 1_000

_COLUMNS: Final = tuple(EVENTS.c[f.name] for f in fields(Event))


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event under its id."""

    id: int
    event: Event


@dataclass(frozen=True, slots=True)
class Events:
    """Reads events."""

    database: Database

    def after(self, event_id: int, limit: int = PAGE) -> list[EventRecord]:
        """Events behind that one, oldest first."""
        return self._read(_rows().where(EVENTS.c.id > event_id).limit(limit))

    def of_job(self, job_id: str, after: int = 0, limit: int = PAGE) -> list[EventRecord]:
        """Events of a job behind that one, oldest first."""
        of_it = (EVENTS.c.job_id == job_id) & (EVENTS.c.id > after)
        return self._read(_rows().where(of_it).limit(limit))

    def last_id(self) -> int:
        """The newest event's id; 0 where nothing has happened."""
        with self.database.read() as connection:
            return connection.execute(select(func.max(EVENTS.c.id))).scalar() or 0

    def _read(self, rows: Select[*tuple[Any, ...]]) -> list[EventRecord]:
        with self.database.read() as connection:
            return [_record_of(row) for row in connection.execute(rows)]


def _rows() -> Select[*tuple[Any, ...]]:
    return select(EVENTS.c.id, *_COLUMNS).order_by(EVENTS.c.id)


def _record_of(row: Row[*tuple[Any, ...]]) -> EventRecord:
    values = dict(zip((f.name for f in fields(Event)), tuple(row)[1:], strict=True))
    return EventRecord(row[0], Event(**values))
