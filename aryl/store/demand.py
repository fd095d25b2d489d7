"""Inference demand as the service shows it, and as users push it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from sqlalchemy import select

from aryl.store.accounts import Deed, Principal, append_audit
from aryl.store.database import Database
from aryl.store.series import DemandSample, note_told
from aryl.store.tables import DEMAND

PAGE: Final = 10_000  # five weeks of bins


@dataclass(frozen=True, slots=True)
class Demand:
    """Reads demand, and takes in what is pushed."""

    database: Database
    wall: Callable[[], float]

    def page(
        self, from_s: float = -inf, to_s: float = inf, limit: int = PAGE
    ) -> list[DemandSample]:
        """Bins that start from a time until before another, oldest first."""
        within = (DEMAND.c.t_s >= from_s) & (DEMAND.c.t_s < to_s)
        columns = (DEMAND.c.t_s, DEMAND.c.servers, DEMAND.c.source)
        rows = select(*columns).where(within).order_by(DEMAND.c.t_s).limit(limit)
        with self.database.read() as connection:
            return [DemandSample(*row) for row in connection.execute(rows)]

    def push(self, t_s: float, servers: float, who: Principal) -> DemandSample:
        """Note the servers that inference needs at a time; of a bin's samples the largest counts.

        The bin as it stands then.
        """
        with self.database.write() as connection:
            told = note_told(connection, t_s, servers)
            deed = Deed(who, "push demand", "demand", {"t_s": t_s, "servers": servers})
            append_audit(connection, [deed], self.wall())
        return told
