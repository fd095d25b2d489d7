"""Random subsets of jobs, exact in size; each kind of draw has a random stream of its own."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from aryl.model.job import JobSpec

STRETCH_JOBS = 100  # jobs in a row of which an even draw takes its share

Mask = NDArray[np.bool_]
Keys = NDArray[np.float64]


class Stream(IntEnum):
    """What is drawn, so that one draw never shifts another's."""

    ELASTIC = 1
    FUNGIBLE = 2
    ESTIMATES = 3
    HETEROGENEOUS = 4
    CHECKPOINT = 5
    MORE_ELASTIC = 6


def chance(seed: int, stream: Stream) -> np.random.Generator:
    """The random numbers of one kind of draw."""
    return np.random.default_rng([seed, stream])


def measured_jobs(jobs: Sequence[JobSpec]) -> Mask:
    """Jobs that count in shares: all but those carried in."""
    return np.array([not job.carry_in for job in jobs], dtype=bool)


def lowest(keys: Keys, share: float, measured: Mask) -> Mask:
    """The jobs whose key is among the lowest `share` of the measured jobs' keys.

    With the same keys, a smaller share is part of a larger one.
    """
    ranked = np.sort(keys[measured])
    count = round(share * ranked.size)
    mask: Mask = keys <= ranked[count - 1] if count else np.zeros(keys.size, dtype=bool)
    return mask


def even_keys(count: int, rng: np.random.Generator) -> Keys:
    """Random keys from 0 to 1, spread evenly over each stretch of jobs in a row."""
    drawn = rng.random(count)
    keys = np.empty(count)
    for start in range(0, count, STRETCH_JOBS):
        stretch = drawn[start : start + STRETCH_JOBS]
        places = np.argsort(np.argsort(stretch))
        keys[start : start + STRETCH_JOBS] = (places + stretch) / stretch.size
    return keys
