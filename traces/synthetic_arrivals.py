"""When submissions come: by the rhythm of day and week, with an even mix of work."""

import numpy as np
from numpy.typing import NDArray

from traces.synthetic_recipe import Recipe, Rhythm

DAY_S = 86_400.0
HOUR_S = 3_600.0

Array = NDArray[np.float64]


def draw_starts_s(
    chance: np.random.Generator,
    gpu_s: Array,
    is_long: NDArray[np.bool_],
    days: float,
    recipe: Recipe,
) -> Array:
    """Draw when each submission comes, given the GPU-time it asks for.

    Each block of submissions of like GPU-time is dealt evenly over the whole trace.
    """
    blocks = -(-len(gpu_s) // recipe.strata)
    stratum = np.argsort(chance.random((blocks, recipe.strata)), axis=1).ravel()[: len(gpu_s)]
    quantile = np.empty(len(gpu_s))
    quantile[np.argsort(gpu_s, kind="stable")] = stratum + chance.random(len(gpu_s))
    quantile /= recipe.strata
    short_s = _at_quantiles_s(quantile, recipe.short_rhythm, days, recipe)
    long_s = _at_quantiles_s(quantile, recipe.long_rhythm, days, recipe)
    return np.where(is_long, long_s, short_s)


def _at_quantiles_s(quantile: Array, rhythm: Rhythm, days: float, recipe: Recipe) -> Array:
    """When the given shares of all arrivals have come."""
    edges_s = np.append(np.arange(0, days * DAY_S, HOUR_S), days * DAY_S)
    middle_s = (edges_s[:-1] + edges_s[1:]) / 2
    angle = 2 * np.pi * (middle_s / DAY_S - rhythm.peak_hour / 24)
    weekday = np.array(recipe.weekday)[(middle_s // DAY_S).astype(np.int64) % 7]
    arrivals = np.exp(rhythm.swing * np.cos(angle)) * weekday * np.diff(edges_s)
    cumulated = np.append(0, np.cumsum(arrivals))
    return np.asarray(np.interp(quantile, cumulated / cumulated[-1], edges_s))
