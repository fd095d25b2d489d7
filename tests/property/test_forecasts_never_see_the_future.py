"""Laws of every forecaster, over random demand: it knows only bins that ended."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aryl.model.demand import BIN_S
from aryl.policy.forecasting import DAY_BINS, FORECASTERS, WEEK_BINS
from simulator.inference import InferenceLoad
from traces.demand import DemandSeries

BLIND = ["last", "seasonal-naive", "seasonal"]
Twins = tuple[InferenceLoad, InferenceLoad, float]
leads = st.sampled_from([1.0, 300.0, 301.0, 900.0, 3_600.0, 90_000.0])
quantiles = st.floats(0, 1)


@st.composite
def loads(draw: st.DrawFn) -> Twins:
    """A load, its twin with another future, and the last moment until which both are the same."""
    bins = draw(st.integers(1, 3 * DAY_BINS) | st.integers(2 * WEEK_BINS, 2 * WEEK_BINS + 9))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    swing = draw(st.integers(0, 200))
    noise = draw(st.integers(1, 50))
    cycle = np.sin(np.arange(bins + DAY_BINS) * (2 * np.pi / DAY_BINS))
    shared = np.rint(swing * (1 + cycle) + chance.integers(0, noise, bins + DAY_BINS))
    other = shared.copy()
    other[bins:] = chance.integers(0, 2_000, DAY_BINS)
    twins = [InferenceLoad(DemandSeries(demand.astype(np.int64))) for demand in (shared, other)]
    return twins[0], twins[1], bins * BIN_S + draw(st.sampled_from([0.0, 0.5, 299.0]))


def forecast(name: str, load: InferenceLoad, now: float, lead_s: float, quantile: float) -> float:
    servers = FORECASTERS[name](load.history_at(now), now, lead_s, quantile)
    assert servers is not None
    return servers


@pytest.mark.parametrize("name", BLIND)
@settings(deadline=None, max_examples=60)
@given(loads(), leads, quantiles)
def test_another_future_gives_the_same_forecast(
    name: str, twins: Twins, lead_s: float, quantile: float
) -> None:
    load, twin, now = twins

    here = forecast(name, load, now, lead_s, quantile)

    assert here == forecast(name, twin, now, lead_s, quantile)


@pytest.mark.parametrize("name", BLIND)
@settings(deadline=None, max_examples=60)
@given(loads(), leads, quantiles)
def test_a_forecast_is_never_below_the_last_known_demand(
    name: str, twins: Twins, lead_s: float, quantile: float
) -> None:
    load, _, now = twins

    last_known = load.demand_at(now // BIN_S * BIN_S - 1)

    assert forecast(name, load, now, lead_s, quantile) >= last_known


@pytest.mark.parametrize("name", BLIND)
@settings(deadline=None, max_examples=60)
@given(loads(), leads, st.tuples(quantiles, quantiles).map(sorted))
def test_a_higher_quantile_never_gives_a_lower_forecast(
    name: str, twins: Twins, lead_s: float, pair: list[float]
) -> None:
    load, _, now = twins

    low, high = (forecast(name, load, now, lead_s, quantile) for quantile in pair)

    assert low <= high


@settings(deadline=None, max_examples=60)
@given(loads(), leads)
def test_the_oracle_alone_sees_what_comes(twins: Twins, lead_s: float) -> None:
    load, _, now = twins

    history = load.history_at(now, ahead_s=lead_s)

    most = max(load.demand_at(at) for at in np.arange(now, now + lead_s, 1.0 + lead_s / 900))
    foreseen = FORECASTERS["oracle"](history, now, lead_s, 0.5)
    assert foreseen is not None
    assert foreseen >= most
