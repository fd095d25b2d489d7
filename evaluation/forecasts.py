"""How well each forecaster foresees demand, apart from what a replay makes of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from aryl.model.demand import BIN_S, DemandHistory
from aryl.policy.config import PolicyConfig
from aryl.policy.forecasting import FORECASTERS
from evaluation.markdown import Cell, percent, table
from traces.demand import DemandSeries, builtin_demand, read_demand

DAY_BINS = 288
LEARNING_BINS = 2 * DAY_BINS  # from then on a forecaster may know a season
LEAD_BINS = 1  # servers are looked at every bin, and are back at once
PAPER_SERVERS, AZURE_SERVERS, SERVER_GPUS = 520, 365, 8
AZURE = "window15d_infer_azure.csv.gz"


def table_of_forecasters(traces: Path) -> str:
    """Pinball loss in servers, and how often demand was above the forecast, by series."""
    series = {"the paper's day": builtin_demand(PAPER_SERVERS)}
    if (traces / AZURE).is_file():
        series["Azure"] = read_demand(
            traces / AZURE, servers=AZURE_SERVERS, gpus_per_server=SERVER_GPUS
        )
    rows: list[list[Cell]] = []
    for name in FORECASTERS:
        if name != "oracle":  # it misses nothing
            cells = [cell for demand in series.values() for cell in _cells(name, demand)]
            rows.append([name, *cells])
    heads = [f"{name}: {what}" for name in series for what in ("pinball loss, servers", "above")]
    return table(("forecaster", *heads), rows)


def _cells(forecaster: str, demand: DemandSeries) -> list[Cell]:
    """At the default quantile: the loss, and the share of bins whose demand was above."""
    quantile = PolicyConfig().quantile
    misses = list(_misses(forecaster, demand.servers.astype(float), quantile))
    return [f"{pinball_loss(misses, quantile):.2f}", percent(fmean(miss > 0 for miss in misses), 1)]


def pinball_loss(misses: Sequence[float], quantile: float) -> float:
    """The mean loss of forecasts of a quantile; a miss is what came less what was foreseen.

    A forecast too low costs `quantile` per server, one too high `1 - quantile`, so that the true
    quantile has the least expected loss (Koenker and Bassett, 1978).
    """
    return fmean(max(quantile * miss, (quantile - 1.0) * miss) for miss in misses)


def _misses(forecaster: str, demand: np.ndarray, quantile: float) -> Iterator[float]:
    foresee = FORECASTERS[forecaster]
    for known in range(LEARNING_BINS, demand.size - LEAD_BINS):
        history = DemandHistory(demand[:known])
        foreseen = foresee(history, history.end_s, LEAD_BINS * BIN_S, quantile)
        assert foreseen is not None, "a history of two days tells something"
        yield float(demand[known : known + LEAD_BINS].max()) - foreseen
