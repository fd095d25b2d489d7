"""Rows by time: inference demand, the timeline's samples, and facts that one role tells others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import Final

from sqlalchemy import Connection, select

from aryl.model.demand import BIN_S, DemandHistory
from aryl.store.database import Database, replace_rows
from aryl.store.tables import DEMAND, FACTS, SAMPLES

CLUSTER: Final = "cluster"  # the source of demand that the cluster shows
PUSHED: Final = "pushed"  # the source of demand that users tell
HISTORY_S: Final = 28 * 86_400.0  # as far back as a forecast looks
PAGE: Final = 10_000  # five weeks of bins


@dataclass(frozen=True, slots=True)
class DemandSample:
    """Inference demand in the bin that starts at `t_s`."""

    t_s: float
    servers: float
    source: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What was to be seen at the start of a demand bin."""

    t_s: float
    queued_jobs: int
    running_jobs: int
    training_gpus_used: int
    on_loan_servers: int
    on_loan_gpus_used: int
    inference_demand_servers: float | None
    forecast_servers: float | None


def bin_of(t_s: float) -> float:
    """The start of the demand bin that a time falls in."""
    return floor(t_s / BIN_S) * BIN_S


def note_shown(connection: Connection, bins: Sequence[tuple[float, float]]) -> None:
    """Note the demand that the cluster shows, by bin; where users told it, theirs stays."""
    within = DEMAND.c.t_s.between(min(bins)[0], max(bins)[0])
    told = select(DEMAND.c.t_s).where(DEMAND.c.source == PUSHED, within)
    known = set(connection.execute(told).scalars())
    replace_rows(
        connection,
        DEMAND,
        [
            {"t_s": t_s, "servers": servers, "source": CLUSTER}
            for t_s, servers in bins
            if t_s not in known
        ],
    )


def shown_bins(connection: Connection, since_s: float) -> list[tuple[float, float]]:
    """The demand that the cluster has shown, oldest first: where each bin starts, its servers."""
    shown = (DEMAND.c.source == CLUSTER) & (DEMAND.c.t_s >= since_s)
    rows = select(DEMAND.c.t_s, DEMAND.c.servers).where(shown).order_by(DEMAND.c.t_s)
    return [(t_s, servers) for t_s, servers in connection.execute(rows)]


def note_told(connection: Connection, t_s: float, servers: float) -> DemandSample:
    """Note what users tell; of a bin's samples the largest counts. The bin as it stands then."""
    start_s = bin_of(t_s)
    told = select(DEMAND.c.servers).where(DEMAND.c.source == PUSHED, DEMAND.c.t_s == start_s)
    known = connection.execute(told).scalar_one_or_none()
    most = servers if known is None else max(known, servers)
    replace_rows(connection, DEMAND, [{"t_s": start_s, "servers": most, "source": PUSHED}])
    return DemandSample(start_s, most, PUSHED)


def pushed_history(connection: Connection, until_s: float) -> DemandHistory:
    """Pushed demand in bins that ended by `until_s`; a bin without a sample is as the one before.

    Without an end in time, it ends with the newest sample.
    """
    newest = select(DEMAND.c.t_s).where(DEMAND.c.source == PUSHED).order_by(DEMAND.c.t_s.desc())
    newest_s = connection.execute(newest.limit(1)).scalar_one_or_none()
    if newest_s is None:
        return DemandHistory(())
    end_s = newest_s + BIN_S if until_s == inf else bin_of(until_s)
    known = select(DEMAND.c.t_s, DEMAND.c.servers).where(
        DEMAND.c.source == PUSHED, DEMAND.c.t_s < end_s, DEMAND.c.t_s >= newest_s - HISTORY_S
    )
    rows = connection.execute(known.order_by(DEMAND.c.t_s))
    return history_of(((t_s, servers) for t_s, servers in rows), end_s)


def history_of(known: Iterable[tuple[float, float]], end_s: float) -> DemandHistory:
    """A history of (bin start, servers), oldest first; a bin without one is as the one before."""
    values: list[float] = []
    first_s = 0.0
    for t_s, servers in known:
        if not values:
            first_s = t_s
        else:
            missing = round((t_s - first_s) / BIN_S) - len(values)
            values += [values[-1]] * missing
        values.append(servers)
    if values:
        missing = round((end_s - first_s) / BIN_S) - len(values)
        values += [values[-1]] * min(missing, round(HISTORY_S / BIN_S))
    return DemandHistory(tuple(values), first_s)


def put_fact(connection: Connection, key: str, value: object) -> None:
    """Tell a plain value under a name, in place of what was told before."""
    replace_rows(connection, FACTS, [{"key": key, "value": value}])


def _fact(connection: Connection, key: str) -> object | None:
    value: object = connection.execute(
        select(FACTS.c.value).where(FACTS.c.key == key)
    ).scalar_one_or_none()
    return value


@dataclass(frozen=True, slots=True)
class Facts:
    """Reads what one role tells the others."""

    database: Database

    def get(self, key: str) -> object | None:
        """The plain value under a name; None where there is none."""
        with self.database.read() as connection:
            return _fact(connection, key)

    def settle(self, key: str, value: object) -> object:
        """The plain value under a name: the first that anybody settled there."""
        with self.database.write() as connection:
            known = _fact(connection, key)
            if known is None:
                put_fact(connection, key, value)
                return value
            return known


@dataclass(frozen=True, slots=True)
class Samples:
    """Reads the timeline."""

    database: Database

    def page(self, from_s: float = -inf, to_s: float = inf, limit: int = PAGE) -> list[Sample]:
        """Samples from a time until before another, oldest first."""
        within = (SAMPLES.c.t_s >= from_s) & (SAMPLES.c.t_s < to_s)
        columns = [SAMPLES.c[name] for name in Sample.__slots__]
        rows = select(*columns).where(within).order_by(SAMPLES.c.t_s).limit(limit)
        with self.database.read() as connection:
            return [Sample(*row) for row in connection.execute(rows)]
