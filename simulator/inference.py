"""Inference demand as a replay meets it: what is needed now, what has been, and what comes next."""

from dataclasses import dataclass, field
from math import ceil

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

    def __post_init__(self) -> None:
        """Repeat the series for as long as a forecaster remembers."""
        servers = self.series.servers
        copies = ceil(MEMORY_BINS / servers.size) + 1
        tiled = np.tile(servers.astype(np.float64), copies)
        tiled.setflags(write=False)
        object.__setattr__(self, "_tiled", tiled)

    def demand_at(self, t_s: float) -> int:
        """How many servers inference needs at `t_s`."""
        return self.series.at(t_s)

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
