"""Everything that has not ended, in one consistent look: for whoever wants to look ahead."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.cluster import Loan
from aryl.model.demand import DemandHistory
from aryl.store.database import Database
from aryl.store.lives import LIVE
from aryl.store.loans import load_loans
from aryl.store.rows import job_rows, records_of
from aryl.store.series import HISTORY_S, bin_of, history_of
from aryl.store.tables import DEMAND, JOBS


@dataclass(frozen=True, slots=True)
class Picture:
    """The jobs that wait and those that run, by name, the loans that go on, and known demand."""

    queued: Mapping[str, JobRecord]
    running: Mapping[str, JobRecord]
    loans: Mapping[str, Loan]
    demand: DemandHistory


def take_picture(database: Database, now: float, demand_source: str) -> Picture:
    """Look at the database; demand is of one source, in bins that ended by `now`."""
    live = job_rows().where(JOBS.c.state.in_([state.value for state in LIVE]))
    end_s = bin_of(now)
    bins = select(DEMAND.c.t_s, DEMAND.c.servers).where(
        DEMAND.c.source == demand_source,
        DEMAND.c.t_s >= now - HISTORY_S,
        DEMAND.c.t_s < end_s,
    )
    with database.read() as connection:
        records = records_of(connection.execute(live.order_by(JOBS.c.sequence)))
        loans = load_loans(connection)
        known = connection.execute(bins.order_by(DEMAND.c.t_s))
        demand = history_of(((t_s, servers) for t_s, servers in known), end_s)
    return Picture(
        queued={r.id: r for r in records if r.state is JobState.QUEUED},
        running={r.id: r for r in records if r.state is JobState.RUNNING},
        loans=loans,
        demand=demand,
    )
