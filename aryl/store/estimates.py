"""When queued jobs were expected to start, at first and lately, to compare with when they did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from aryl.store.database import Database, replace_rows
from aryl.store.rows import AT_ONCE
from aryl.store.tables import ESTIMATES, JOBS

MISSES: Final = 1_000  # of the newest jobs: older ones waited under other circumstances


@dataclass(frozen=True, slots=True)
class Estimate:
    """The first and the latest estimate of a start, and when each was made; None: not in sight."""

    made_s: float
    start_s: float | None
    latest_made_s: float
    latest_start_s: float | None


@dataclass(frozen=True, slots=True)
class Estimates:
    """Keeps estimates by job."""

    database: Database

    def put(self, starts_s: Mapping[str, float | None], made_s: float) -> None:
        """Note when jobs are expected to start; the first estimate of each stays."""
        with self.database.write() as connection:
            first = _named(connection, starts_s)
            rows = []
            for job_id, start_s in starts_s.items():
                known = first.get(job_id, Estimate(made_s, start_s, made_s, start_s))
                rows.append(
                    {
                        "job_id": job_id,
                        "made_s": known.made_s,
                        "start_s": known.start_s,
                        "latest_made_s": made_s,
                        "latest_start_s": start_s,
                    }
                )
            replace_rows(connection, ESTIMATES, rows)

    def of(self, job_ids: Iterable[str]) -> Mapping[str, Estimate]:
        """The estimates of jobs; those without one are left out."""
        with self.database.read() as connection:
            return _named(connection, job_ids)

    def misses(self, limit: int = MISSES) -> list[float]:
        """How much later than first estimated jobs started, in seconds, by the newest jobs."""
        late_s = JOBS.c.first_start_s - ESTIMATES.c.start_s
        both = select(late_s).join(JOBS, JOBS.c.id == ESTIMATES.c.job_id)
        started = both.where(late_s.is_not(None)).order_by(JOBS.c.sequence.desc())
        with self.database.read() as connection:
            found = connection.execute(started.limit(limit)).scalars()
            return [late_s for late_s in found if late_s is not None]


def _named(connection: Connection, job_ids: Iterable[str]) -> dict[str, Estimate]:
    names, found = list(job_ids), dict[str, Estimate]()
    columns = [ESTIMATES.c[name] for name in ("job_id", *Estimate.__slots__)]
    for start in range(0, len(names), AT_ONCE):
        some = ESTIMATES.c.job_id.in_(names[start : start + AT_ONCE])
        for job_id, *times in connection.execute(select(*columns).where(some)):
            found[job_id] = Estimate(*times)
    return found
