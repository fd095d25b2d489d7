"""Thins long series to what a screen can show without losing their peaks."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simulator.report_input import Column

# A phone is 390 px wide and a large screen 2,500: more points than this are never seen apart.
MAX_POINTS = 2000
MAX_CDF_POINTS = 500


def extreme_rows(columns: Sequence[Column], max_points: int = MAX_POINTS) -> NDArray[np.intp]:
    """Row numbers, rising, that keep the highest and lowest value of every column per stretch.

    Columns share their rows, so that areas drawn on top of each other stay aligned. At most
    `max_points` rows are kept; the first and the last always are. NaN is never an extreme.
    """
    length = len(columns[0])
    if length <= max_points:
        return np.arange(length)
    stretches = max(1, (max_points - 2) // (2 * len(columns)))
    edges = np.linspace(0, length, stretches + 1).astype(int)
    kept = [0, length - 1]
    for column in columns:
        lowest = np.where(np.isnan(column), np.inf, column)
        highest = np.where(np.isnan(column), -np.inf, column)
        for start, end in pairwise(edges.tolist()):
            kept.append(start + int(lowest[start:end].argmin()))
            kept.append(start + int(highest[start:end].argmax()))
    return np.unique(np.array(kept))


def stretch_means(times: Column, values: Column, stretch_s: float) -> tuple[Column, Column]:
    """Starts of stretches of equal length and the mean of the values in each.

    For lines laid over each other, where every single peak would hide the lines below.
    """
    place = np.floor_divide(times, stretch_s).astype(np.intp)
    filled, sizes = np.unique(place, return_counts=True)
    sums = np.bincount(place, weights=values)[filled]
    return (filled * stretch_s).astype(np.float64), sums / sizes


def cumulative_shares(values: Column, max_points: int = MAX_CDF_POINTS) -> tuple[Column, Column]:
    """The empirical CDF: distinct finite values, rising, and the share of values up to each."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.empty(0), np.empty(0)
    distinct, counts = np.unique(finite, return_counts=True)
    shares = counts.cumsum() / len(finite)
    if len(distinct) <= max_points:
        return distinct, shares
    kept = np.linspace(0, len(distinct) - 1, max_points).round().astype(int)
    return distinct[kept], shares[kept]
