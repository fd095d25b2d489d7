"""Figures as benchmarks print them: milliseconds, and how they compare with a limit."""

from collections.abc import Sequence

import numpy as np

Figures = dict[str, float]


def spread_ms(seconds: Sequence[float]) -> Figures:
    """Median, p99 and largest of some durations."""
    p50, p99 = np.percentile(seconds, (50, 99)) * 1e3
    return {
        "p50": round(float(p50), 2),
        "p99": round(float(p99), 2),
        "max": round(max(seconds) * 1e3, 2),
    }


def against(limit: float, value: float) -> Figures:
    """A value, its limit and the one in parts of the other."""
    return {"value": round(value, 3), "limit": limit, "ratio": round(value / limit, 3)}
