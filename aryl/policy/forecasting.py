"""Foresees the largest inference demand within a lead time, from the bins that have ended.

Every forecaster takes the history, the time, the lead time in seconds and a quantile; it answers
servers, or None when nothing is known yet. An answer is a prediction plus the quantile of what the
same predictor missed before, and never below the last known demand (spec §4). The paper's own
predictor is an LSTM of the next 5 minutes (paper §2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from aryl.model.demand import BIN_S, DemandHistory

Forecaster = Callable[[DemandHistory, float, float, float], float | None]
Array = NDArray[np.float64]
Predict = Callable[[Array, int], "_Prediction"]

DAY_BINS = 288
WEEK_BINS = 7 * DAY_BINS
MEMORY_BINS = 4 * WEEK_BINS  # older demand is not looked at: bounds the work of a call
DAILY_MEMORY_BINS = 14 * DAY_BINS  # at NEWEST_SHARE an older day would weigh less than 1 %
ERROR_BINS = WEEK_BINS  # errors of a whole week: every hour of every day counts
RECENT_BINS = 72  # six hours: bursts come in spells, which a week's errors dilute
NEWEST_SHARE = 0.3  # of the newest cycle in a profile
SMOOTHING_BINS = 7  # about half an hour, the time in which daily demand hardly changes


@dataclass(frozen=True, slots=True)
class _Prediction:
    """The largest demand expected, and what the same predictor missed at earlier moments."""

    servers: float
    errors: Array  # what came less what was predicted, oldest first


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """A forecaster: a prediction from the known demand, raised by a quantile of its own errors."""

    predict: Predict

    def __call__(
        self, history: DemandHistory, now: float, lead_s: float, quantile: float
    ) -> float | None:
        """Foresee the `quantile` of the largest demand in servers within `lead_s` from `now`."""
        if not len(history):
            return None
        known = np.asarray(history.values[-MEMORY_BINS:], dtype=np.float64)
        prediction = _predicted(self.predict, known.tobytes(), _horizon(history, now, lead_s))
        # the larger of both stays monotone in the quantile; rounding, as demand is in whole
        # servers, takes float noise away before anyone floors
        margin = max(
            _quantile(prediction.errors[-RECENT_BINS:], quantile),
            _quantile(prediction.errors, quantile),
        )
        return max(float(known[-1]), round(prediction.servers + margin, 6))


@lru_cache(maxsize=32)
def _predicted(predict: Predict, known: bytes, horizon: int) -> _Prediction:
    """Predict once for all quantiles and callers that ask before the next bin ends."""
    return predict(np.frombuffer(known), horizon)


def _unchanged(known: Array, horizon: int) -> _Prediction:
    """Predict no change. Rises over a shorter span stand in while no whole horizon is known."""
    seen = known[-(ERROR_BINS + horizon) :]
    span = min(horizon, seen.size - 1)
    if not span:
        return _Prediction(float(seen[-1]), np.zeros(1))
    rises = _largest_ahead(seen, span) - seen[:-span]
    return _Prediction(float(seen[-1]), rises * (horizon / span))


def _repeated(known: Array, horizon: int) -> _Prediction:
    """Predict what followed a week ago, or a day ago while less than two weeks are known.

    While less than two days are known, it predicts no change.
    """
    for period in (WEEK_BINS, DAY_BINS):
        if _has_season(known, period, horizon):
            guesses = _largest_ahead(known, min(horizon, period))
            actual = _largest_ahead(known, horizon)[period:]
            errors = (actual - guesses[: actual.size])[-ERROR_BINS:]
            return _Prediction(float(guesses[known.size - 1 - period]), errors)
    return _unchanged(known, horizon)


def _profiled(known: Array, horizon: int) -> _Prediction:
    """Predict from the profile of the day, as it is or smoothed, or of the week.

    Of those, the one whose errors varied least lately. A profile needs two cycles; while less than
    two days are known, no change is predicted.
    """
    days = known[-DAILY_MEMORY_BINS:]
    fits = []
    if _has_season(days, DAY_BINS, horizon):
        daily = _profile(days, DAY_BINS)
        fits += [_fitted(days, daily, DAY_BINS, horizon)]
        fits += [_fitted(days, _smooth(daily), DAY_BINS, horizon)]
    if _has_season(known, WEEK_BINS, horizon):
        fits += [_fitted(known, _profile(known, WEEK_BINS), WEEK_BINS, horizon)]
    if not fits:
        return _unchanged(known, horizon)
    shared = min(fit.errors.size for fit in fits)
    return min(fits, key=lambda fit: float(fit.errors[-shared:].var()))


def expected(history: DemandHistory, bins: int) -> Array:
    """Expect demand in each of so many bins after the known ones, without any margin.

    It is the profile of the week, or of the day while less than two weeks are known, plus what the
    newest bin stood above it, which fades in some hours. While less than two days are known, no
    change is expected; where nothing is known, nothing is.
    """
    if not len(history):
        return np.empty(0)
    known = np.asarray(history.values[-MEMORY_BINS:], dtype=np.float64)
    period = WEEK_BINS if known.size >= 2 * WEEK_BINS else DAY_BINS
    if known.size < 2 * period:
        return np.full(bins, known[-1])
    cycle = _profile(known, period)[-period:]
    ahead = np.arange(bins)
    above: Array = (known[-1] - cycle[-1]) * np.exp(-(ahead + 1) / RECENT_BINS)
    return cycle[ahead % period] + above


def oracle(history: DemandHistory, now: float, lead_s: float, quantile: float) -> float | None:  # noqa: ARG001  # every forecaster is called alike
    """Answer the largest demand that will really come: a bound, which no scheduler can know."""
    ahead = history.ahead[: _horizon(history, now, lead_s)]
    if not len(ahead):
        return None
    return float(max(*history.values[-1:], *ahead, 0.0))


FORECASTERS: Mapping[str, Forecaster] = {
    "last": _Calibrated(_unchanged),
    "seasonal-naive": _Calibrated(_repeated),
    "seasonal": _Calibrated(_profiled),
    "oracle": oracle,
}


def _horizon(history: DemandHistory, now: float, lead_s: float) -> int:
    """Count the bins from the newest known one to the end of the lead time, at least one."""
    return max(1, ceil((now + lead_s - history.end_s) / BIN_S - 1e-9))


def _quantile(errors: Array, quantile: float) -> float:
    """Take the error that at least this share of errors, the coming one counted, stays within.

    It is the k-th smallest of n with k = ceil(quantile (n + 1)), as in conformal prediction.
    """
    place = min(errors.size, max(1, ceil(quantile * (errors.size + 1)))) - 1
    return float(np.partition(errors, place)[place])


def _largest_ahead(values: Array, horizon: int) -> Array:
    """Give the largest of the `horizon` values after each, while that many follow."""
    width, largest = 1, values[1:]
    while width < horizon:
        step = min(width, horizon - width)
        largest = np.maximum(largest[:-step], largest[step:])
        width += step
    return largest


def _has_season(known: Array, period: int, horizon: int) -> bool:
    """Tell whether a second cycle is known, to learn errors from, that is not short of horizons."""
    return (known.size // period - 1) * period >= max(period, 2 * horizon)


def _profile(known: Array, period: int) -> Array:
    """Average each bin of the cycle over the cycles before, newer ones weighing more.

    It starts with the second whole cycle of `known` and ends one cycle ahead of it; each item is
    made of values at least one period older.
    """
    cycles = known.size // period
    rows = known[known.size - cycles * period :].reshape(cycles, period)
    profile = rows.copy()
    for cycle in range(1, cycles):
        profile[cycle] = profile[cycle - 1] + NEWEST_SHARE * (rows[cycle] - profile[cycle - 1])
    return profile.reshape(-1)


def _smooth(profile: Array) -> Array:
    padded = np.pad(profile, SMOOTHING_BINS // 2, mode="edge")
    return np.convolve(padded, np.full(SMOOTHING_BINS, 1 / SMOOTHING_BINS), mode="valid")


def _fitted(known: Array, profile: Array, period: int, horizon: int) -> _Prediction:
    """Predict from the profile's rise and from how far demand stands above its profile.

    How much either counts is fitted to the rises of demand seen lately, so that a profile of noise
    counts for nothing and a burst fades as bursts have faded.
    """
    seen = known[-min(profile.size - period, ERROR_BINS + horizon) :]
    now_on = profile[-(seen.size + period) :]
    profile_then = now_on[: seen.size]
    rise = _largest_ahead(now_on, min(horizon, period))[: seen.size] - profile_then
    above = seen - profile_then
    actual = _largest_ahead(seen, horizon) - seen[:-horizon]
    by_rise, by_above = _fit(actual, rise[:-horizon], above[:-horizon])
    predicted = by_rise * rise + by_above * above
    return _Prediction(float(seen[-1] + predicted[-1]), actual - predicted[:-horizon])


def _fit(actual: Array, rise: Array, above: Array) -> tuple[float, float]:
    """Regress `actual` on both by least squares; within limits, so that no fluke extrapolates."""
    rr, ra, aa = float(rise @ rise), float(rise @ above), float(above @ above)
    yr, ya = float(actual @ rise), float(actual @ above)
    ridge = 1e-9 * (rr + aa) + 1e-12  # a profile that fits perfectly leaves nothing above it
    det = (rr + ridge) * (aa + ridge) - ra * ra
    by_rise = (yr * (aa + ridge) - ya * ra) / det
    by_above = (ya * (rr + ridge) - yr * ra) / det
    return min(1.0, max(0.0, by_rise)), min(0.0, max(-1.0, by_above))
