"""How many servers inference can spare, now and for how long (spec §4 "Lending")."""

from bisect import bisect_left
from functools import lru_cache, partial
from math import ceil, floor

import numpy as np

from aryl.model.cluster import ROUNDING
from aryl.model.demand import BIN_S, Bins, DemandHistory
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.forecasting import FORECASTERS

# Forecasts are made for these spans, in bins: a span between them takes the next longer one.
# Demand repeats itself daily, so that what is spared for a day is spared for longer.
SPANS_BINS = (3, 6, 12, 24, 48, 96, 144, 288)
FORESIGHT_S = SPANS_BINS[-1] * BIN_S  # the longest of them
LIKELY = 0.5  # the quantile that is as often exceeded as not


def foreseen_demand(snapshot: Snapshot, config: PolicyConfig) -> float | None:
    """The servers that inference will need within the lead time, as far as that can be told."""
    forecaster = FORECASTERS[config.forecaster]
    return forecaster(snapshot.demand, snapshot.now, _lead_s(config), config.quantile)


def loanable_servers(snapshot: Snapshot, headroom: float, forecast: float) -> int:
    """Servers that inference can spare: floor((1 - headroom) x servers - forecast), at least 0."""
    spared = (1.0 - headroom) * snapshot.cluster.serving - forecast
    return max(0, floor(spared + ROUNDING)) if spared > 0 else 0


def span_bins(snapshot: Snapshot, config: PolicyConfig, span_s: float) -> int:
    """The bins from the newest known one on that decide on loans in the next `span_s`."""
    wanted_bins = ceil((snapshot.now + span_s + _lead_s(config) - snapshot.demand.end_s) / BIN_S)
    place = bisect_left(SPANS_BINS, wanted_bins)
    return SPANS_BINS[min(place, len(SPANS_BINS) - 1)]


def loanable_throughout(snapshot: Snapshot, config: PolicyConfig, bins: int) -> int:
    """Servers that inference can spare all through the next `bins`.

    It is what the forecaster says with a longer lead time, so that its margin is that of what it
    missed at such a distance. Where nothing is known of demand, nothing is spared.
    """
    demand = snapshot.demand
    if not len(demand):
        return 0
    known = (_bytes_of(demand.values), _bytes_of(demand.ahead))
    within = partial(_largest_within, known, config.forecaster)
    # whoever asks for servers then will want as large a margin as who asks now
    margin = within(config.quantile, ceil(_lead_s(config) / BIN_S)) - float(max(demand.values[-1:]))
    most = max(within(config.quantile, bins), within(LIKELY, bins) + margin)
    return loanable_servers(snapshot, config.headroom, max(most, snapshot.demand_now or 0.0))


def _lead_s(config: PolicyConfig) -> float:
    return config.orchestrator_s + config.vacate_s


def _bytes_of(bins: Bins) -> bytes:
    return np.asarray(bins, dtype=np.float64).tobytes()


@lru_cache(maxsize=128)
def _largest_within(
    known: tuple[bytes, bytes], forecaster: str, quantile: float, bins: int
) -> float:
    """The largest demand within the next `bins`; between two bins, it is asked for many times."""
    values, ahead = (np.frombuffer(row) for row in known)
    history = DemandHistory(values, 0.0, ahead)
    largest = FORECASTERS[forecaster](history, history.end_s, bins * BIN_S, quantile)
    return float("inf") if largest is None else largest
