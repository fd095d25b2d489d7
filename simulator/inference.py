"""Inference demand as a replay meets it: what is needed now, what has been, and what comes next."""

from dataclasses import dataclass, field
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from aryl.model.demand import BIN_S, DemandHistory
from aryl.policy.forecasting import MEMORY_BINS
from traces.demand import DemandSeries


@dataclass(frozen=True, slots=True, eq=False)
class InferenceLoad:
    """A demand series with what makes each look at it cheap; time is seconds from t = 0."""

    series: DemandSeries
    _tiled: NDArray[np.float64] = field(init=False, repr=False)
    _unchanged_bins: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Repeat the series for as long as a forecaster remembers, and find its steps."""
        servers = self.series.servers
        copies = ceil(MEMORY_BINS / servers.size) + 1
        tiled = np.tile(servers.astype(np.float64), copies)
        tiled.setflags(write=False)
        object.__setattr__(self, "_tiled", tiled)
        object.__setattr__(self, "_unchanged_bins", _bins_until_change(servers))

    def demand_at(self, t_s: float) -> int:
        """How many servers inference needs at `t_s`."""
        return self.series.at(t_s)

    def next_change_after(self, t_s: float) -> float:
        """When demand next becomes another, after `t_s`; infinity: never."""
        place = int(t_s // BIN_S)
        bins = int(self._unchanged_bins[place % self.series.servers.size])
        return (place + bins) * BIN_S if bins else inf

    def history_at(self, now: float, *, ahead_s: float = 0.0) -> DemandHistory:
        """Give the bins that ended at or before `now`, as many as a forecaster looks at.

        With `ahead_s`, also those from then on that begin before `now + ahead_s`: for the oracle.
        """
        known = max(0, int(now // BIN_S))
        count = min(known, MEMORY_BINS)
        end = known
        if end > self._tiled.size:  # the same place in the cycle, within the copies
            period = self.series.servers.size
            end -= period * ceil((end - self._tiled.size) / period)
        ahead = self.future(known * BIN_S, now + ahead_s) if ahead_s else ()
        return DemandHistory(self._tiled[end - count : end], (known - count) * BIN_S, ahead)

    def future(self, start_s: float, end_s: float) -> NDArray[np.float64]:
        """Give the demand of the bins from that of `start_s` to the last before `end_s`."""
        bins = np.arange(int(start_s // BIN_S), ceil(end_s / BIN_S))
        return self.series.servers[bins % self.series.servers.size].astype(np.float64)


def _bins_until_change(servers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count from each bin to the first of another demand, round the cycle; 0: there is none."""
    steps = np.flatnonzero(servers != np.roll(servers, 1))
    if not steps.size:
        return np.zeros(servers.size, dtype=np.int64)
    places = np.arange(servers.size)
    following = np.searchsorted(steps, places, side="right")
    rounds = np.append(steps, steps[0] + servers.size)
    return rounds[following] - places
