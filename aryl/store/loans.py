"""Loans: what the scheduler notes of them, and what others read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from aryl.model.cluster import Loan
from aryl.store.database import Database
from aryl.store.rows import Event, append_events
from aryl.store.tables import LOANS

PAGE: Final = 100

Why = Mapping[
    str, tuple[int, dict[str, Any]]
]  # plan and plain reason of the last action, by server


@dataclass(frozen=True, slots=True)
class LoanRecord:
    """A loan from its start until the server is back; open times are None."""

    id: int
    server_id: str
    start_s: float
    reclaim_s: float | None
    end_s: float | None


def load_loans(connection: Connection) -> dict[str, Loan]:
    """The loans that go on, by server."""
    columns = (LOANS.c.server_id, LOANS.c.start_s, LOANS.c.reclaim_s)
    rows = connection.execute(select(*columns).where(LOANS.c.end_s.is_(None)))
    return {row.server_id: Loan(*row) for row in rows}


def write_loans(
    connection: Connection,
    before: Mapping[str, Loan],
    after: Mapping[str, Loan],
    now: float,
    why: Why,
) -> None:
    """Bring the table from one set of loans to the next, and tell of each change."""
    ended = [loan for loan in before.values() if _is_over(loan, after)]
    begun = [loan for loan in after.values() if _is_over(loan, before)]
    asked = [
        loan
        for server_id, loan in after.items()
        if loan.reclaim_s is not None
        and server_id in before
        and not _is_over(loan, before)
        and before[server_id].reclaim_s != loan.reclaim_s
    ]
    ends = [{"server": x.server_id, "end": now, "asked": _or(x.reclaim_s, now)} for x in ended]
    ends += [{"server": x.server_id, "end": None, "asked": x.reclaim_s} for x in asked]
    if ends:
        this = (LOANS.c.server_id == bindparam("server")) & LOANS.c.end_s.is_(None)
        times: dict[str, Any] = {"end_s": bindparam("end"), "reclaim_s": bindparam("asked")}
        connection.execute(LOANS.update().where(this).values(times), ends)
    starts = [
        {"server_id": x.server_id, "start_s": x.start_s, "reclaim_s": x.reclaim_s} for x in begun
    ]
    if starts:
        connection.execute(LOANS.insert(), starts)
    append_events(
        connection,
        (
            *_events("returned", ended, now, why),
            *_events("lent", begun, now, why),
            *_events("reclaim_asked", asked, now, why),
        ),
    )


def _is_over(loan: Loan, others: Mapping[str, Loan]) -> bool:
    """Whether a loan is not among others; a server may be lent anew at once."""
    other = others.get(loan.server_id)
    return other is None or other.start_s != loan.start_s


def _or(time_s: float | None, otherwise_s: float) -> float:
    return otherwise_s if time_s is None else time_s


def _events(kind: str, loans: list[Loan], now: float, why: Why) -> Iterator[Event]:
    for loan in loans:
        plan_id, reason = why.get(loan.server_id, (None, None))
        yield Event(
            t_s=now,
            kind=kind,
            origin="scheduler",
            server_id=loan.server_id,
            plan_id=plan_id,
            detail={"reason": reason} if reason else {},
        )


@dataclass(frozen=True, slots=True)
class LoanReader:
    """Reads loans."""

    database: Database

    def open(self) -> dict[str, Loan]:
        """The loans that go on, by server."""
        with self.database.read() as connection:
            return load_loans(connection)

    def page(
        self, *, is_open: bool | None = None, before: int | None = None, limit: int = PAGE
    ) -> list[LoanRecord]:
        """Loans with smaller ids than `before`, newest first: those that go on, ended, or all."""
        columns = (LOANS.c.id, LOANS.c.server_id, LOANS.c.start_s, LOANS.c.reclaim_s, LOANS.c.end_s)
        some = select(*columns).order_by(LOANS.c.id.desc()).limit(limit)
        if is_open is not None:
            end_s = LOANS.c.end_s
            some = some.where(end_s.is_(None) if is_open else end_s.is_not(None))
        if before is not None:
            some = some.where(LOANS.c.id < before)
        with self.database.read() as connection:
            return [LoanRecord(*row) for row in connection.execute(some)]

    def since(self, from_s: float) -> list[LoanRecord]:
        """Loans that go on or ended later than that, oldest first."""
        columns = (LOANS.c.id, LOANS.c.server_id, LOANS.c.start_s, LOANS.c.reclaim_s, LOANS.c.end_s)
        still = LOANS.c.end_s.is_(None) | (LOANS.c.end_s > from_s)
        with self.database.read() as connection:
            rows = connection.execute(select(*columns).where(still).order_by(LOANS.c.id))
            return [LoanRecord(*row) for row in rows]
