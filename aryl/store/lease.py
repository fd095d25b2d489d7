"""One scheduler at a time: a row that its holder renews, and a term that fences off the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, select

from aryl.model.errors import LeaseLost
from aryl.store.database import Database, replace_rows
from aryl.store.tables import LEASE

SCHEDULER: Final = "scheduler"
NOBODY: Final = ""  # holds a lease that was let go


class Lease:
    """The right to schedule, held by one process until it lets go or stops renewing.

    Each change of the holder raises the term; whatever the holder of an older term still tries to
    write is refused by `fence`.
    """

    def __init__(
        self, database: Database, holder: str, wall: Callable[[], float], lasts_s: float = 10.0
    ) -> None:
        """Hold nothing yet; `wall` tells seconds since the epoch, `holder` is unique."""
        self._database, self._holder, self._wall = database, holder, wall
        self._lasts_s = lasts_s

    def acquire(self, above: int = 0) -> int | None:
        """The term if the lease is mine now; None while it is another's and has not expired.

        A new term is higher than `above`, which may know of terms that this database does not.
        """
        now = self._wall()
        with self._database.write() as connection:
            row = _row(connection)
            is_mine = row is not None and row.holder == self._holder
            if row is not None and not is_mine and row.expires_wall_s > now:
                return None
            term = 0 if row is None else row.term
            if not is_mine or term < above:
                term = max(term, above) + 1
            _put(connection, self._holder, term, now + self._lasts_s)
        return term

    def renew(self) -> bool:
        """Hold it for longer; False where it has expired or is another's."""
        now = self._wall()
        with self._database.write() as connection:
            row = _row(connection)
            if row is None or row.holder != self._holder or row.expires_wall_s <= now:
                return False
            _put(connection, self._holder, row.term, now + self._lasts_s)
        return True

    def release(self) -> None:
        """Let go at once, if it is mine; the term stays, and the next holder's is higher."""
        with self._database.write() as connection:
            row = _row(connection)
            if row is not None and row.holder == self._holder:
                _put(connection, NOBODY, row.term, 0.0)


@dataclass(frozen=True, slots=True)
class Leader:
    """Who holds the lease, and until when by the wall clock."""

    holder: str
    term: int
    expires_wall_s: float


@dataclass(frozen=True, slots=True)
class LeaseReader:
    """Tells who leads."""

    database: Database

    def leader(self) -> Leader | None:
        """Who holds the lease or held it last; None where it was let go, or never taken."""
        with self.database.read() as connection:
            row = _row(connection)
        return None if row is None or row.holder == NOBODY else Leader(*row)


def _put(connection: Connection, holder: str, term: int, expires_wall_s: float) -> None:
    row = {"holder": holder, "term": term, "expires_wall_s": expires_wall_s}
    replace_rows(connection, LEASE, [{"name": SCHEDULER, **row}])


def fence(connection: Connection, term: int) -> None:
    """Raise `LeaseLost` unless that term is the newest: to be asked within the write it guards."""
    row = _row(connection)
    if row is None or row.term != term:
        newest = "there is none" if row is None else f"{row.holder or 'nobody'} has term {row.term}"
        raise LeaseLost(f"this scheduler's lease was for term {term}; {newest}")


def _row(connection: Connection) -> Row[str, int, float] | None:
    columns = (LEASE.c.holder, LEASE.c.term, LEASE.c.expires_wall_s)
    return connection.execute(select(*columns).where(LEASE.c.name == SCHEDULER)).one_or_none()
