"""Inference demand ahead of now, as it may be expected from what is known of it."""

from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aryl.model.demand import BIN_S, DemandHistory
from aryl.policy.forecasting import MEMORY_BINS, expected


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedLoad:
    """A load of whole servers by bin from `first_s` on: the known bins, then the expected ones."""

    bins: NDArray[np.float64]
    first_s: float

    @classmethod
    def after(cls, history: DemandHistory, *, servers: int, until_s: float) -> Self:
        """What is known, and what to expect until then of a pool of so many servers."""
        count = max(1, ceil((until_s - history.end_s) / BIN_S))
        ahead = np.ceil(np.round(expected(history, count), 6)).clip(0, servers)
        known = np.asarray(history.values, dtype=np.float64)
        return cls(np.concatenate([known, ahead]), history.first_s)

    def demand_at(self, t_s: float) -> int:
        """How many servers inference needs at `t_s`; the last bin's number from its end on."""
        return int(self.bins[self._place(t_s, self.bins.size - 1)]) if self.bins.size else 0

    def history_at(self, now: float, *, ahead_s: float = 0.0) -> DemandHistory:
        """Give the bins that ended by `now`; with `ahead_s`, those after it too, for the oracle."""
        end = self._place(now, self.bins.size)
        start = max(0, end - MEMORY_BINS)
        ahead = self.bins[end : end + ceil(ahead_s / BIN_S) + 1] if ahead_s else ()
        return DemandHistory(self.bins[start:end], self.first_s + start * BIN_S, ahead)

    def _place(self, t_s: float, most: int) -> int:
        return min(most, max(0, int((t_s - self.first_s) // BIN_S)))
