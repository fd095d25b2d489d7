"""The history of demand, bin by bin, while it happens."""

from collections.abc import Iterable
from math import floor, inf

from aryl.model.demand import BIN_S, DemandHistory

KEPT_BINS = 28 * 288  # as far back as forecasters look


class DemandBins:
    """Demand is what was seen last until something else is seen; a bin has its largest."""

    def __init__(self, past: Iterable[tuple[float, float]] = ()) -> None:
        """Begin with bins that are known already: when each starts, and its servers."""
        self._values: dict[int, float] = {}
        self._bin: int | None = None  # the one that has not ended
        self._peak = self._level = -inf
        self._history: DemandHistory | None = None
        self.fill(past)

    def fill(self, past: Iterable[tuple[float, float]]) -> None:
        """Take in samples of the past, the largest for each bin of which nothing is known yet."""
        filled: dict[int, float] = {}
        for start_s, servers in past:
            place = floor(start_s / BIN_S)
            if place not in self._values:
                filled[place] = max(servers, filled.get(place, servers))
        self._values |= filled
        self._history = None

    def see(self, now: float, servers: float) -> None:
        """Demand is `servers` from `now` on; time does not run backwards."""
        place = floor(now / BIN_S)
        if self._bin is None or place > self._bin:
            self._end_bins(place)
        self._level = servers
        self._peak = max(self._peak, servers)

    def history(self) -> DemandHistory:
        """The bins that ended, gaps filled with what was known before them."""
        if self._history is None:
            self._history = self._joined()
        return self._history

    def _end_bins(self, place: int) -> None:
        """Close the open bin, and those in which nothing else was seen until `place` begins."""
        if self._bin is not None:
            self._values[self._bin] = self._peak
            for quiet in range(max(self._bin + 1, place - KEPT_BINS), place):
                self._values[quiet] = self._level
        self._bin, self._peak, self._history = place, self._level, None

    def _joined(self) -> DemandHistory:
        end = inf if self._bin is None else self._bin
        self._values = {
            at: self._values[at] for at in sorted(self._values) if end - KEPT_BINS <= at < end
        }
        if not self._values:
            return DemandHistory(())
        first, last = next(iter(self._values)), next(reversed(self._values))
        servers, joined = self._values[first], []
        for at in range(first, last + 1 if self._bin is None else self._bin):
            servers = self._values.get(at, servers)
            joined.append(servers)
        return DemandHistory(tuple(joined), first * BIN_S)
