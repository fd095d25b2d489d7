"""Run times learnt from history: what the paper leaves to a profiler (paper §1, §7.4).

The history is one of survival (Kaplan and Meier, 1958). Time is cut into bins of half an octave,
and for each bin it is counted how many jobs lived through it and how many ended in it. A job that
still runs counts too, in the bins that it has outlived: without it, long run times would be unknown
for as long as they take, and everything would look short at first.

Counts are kept for ever narrower classes of jobs: all, those of a size, of a user, of the user's
model, of the user's model in that size. A class with few jobs leans on the wider one: the odds of
the wider class count as `LEANING` jobs of its own. What is old fades: each end in a class takes 5 %
of the weight of all before it.
"""

from bisect import bisect_right
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from aryl.model.job import JobSpec

LEANING = 2.0
FADING = 0.95
UNKNOWN_S = 3_600.0  # the median that is guessed while nothing is known

_SHORTEST_S, _OCTAVES, _PER_OCTAVE = 10.0, 20, 2  # up to 121 days
_EDGES_S = [_SHORTEST_S * 2.0 ** (i / _PER_OCTAVE) for i in range(_OCTAVES * _PER_OCTAVE + 1)]
_BINS = len(_EDGES_S) + 1  # the first is below all edges, the last one above
_LOG_EDGES = np.log([1.0, *_EDGES_S, 2.0 * _EDGES_S[-1]])
_LOG_MIDDLES = (_LOG_EDGES[1:] + _LOG_EDGES[:-1]) / 2
_PRIOR = np.full(_BINS, 1.0 - 0.5 ** (1.0 / (1 + bisect_right(_EDGES_S, UNKNOWN_S))))

Counts = NDArray[np.float64]
Class = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """A run time in seconds at the requested size, as likely too long as too short.

    `log_error` is how far off it is expected to be, as the mean of |ln(run time / guess)|; None:
    nobody knows.
    """

    run_s: float
    log_error: float | None = None


def bin_of(run_s: float) -> int:
    """The bin in which a run time lies."""
    return bisect_right(_EDGES_S, run_s)


def outlived_at_s(place: int) -> float:
    """The run time at which a bin has been lived through; the last one never is."""
    return _EDGES_S[place] if place < len(_EDGES_S) else float("inf")


class RunTimes:
    """How long jobs run, by class; each change and each guess takes the same time."""

    def __init__(self) -> None:
        """Know nothing."""
        self._counts: dict[Class, Counts] = {}  # by bin: jobs that ended in it, that outlived it

    def outlived(self, spec: JobSpec, first: int, until: int) -> None:
        """A job has lived through the bins from `first` to before `until`."""
        for name in _classes(spec):
            self._of(name)[1, first:until] += 1.0

    def ended(self, spec: JobSpec, run_s: float, first: int = 0) -> None:
        """A job has run so long; up to the bin `first` it has been counted before."""
        place = bin_of(run_s)
        for name in _classes(spec):
            counts = self._of(name)
            counts *= FADING
            counts[1, first:place] += 1.0
            counts[0, place] += 1.0

    def guess(self, spec: JobSpec) -> Guess:
        """The median run time of such jobs, as far as it is known."""
        odds = _PRIOR
        for name in _classes(spec):
            counts = self._counts.get(name)
            if counts is not None:
                odds = (counts[0] + LEANING * odds) / (counts.sum(axis=0) + LEANING)
        living = np.append(1.0, np.cumprod(1.0 - odds))
        living[-1] = 0.0
        place = int(np.argmax(living <= 0.5))  # the end of the median's bin
        before, after = log(living[place - 1]), log(max(living[place], 1e-9))
        share = (before - log(0.5)) / (before - after)
        start, end = _LOG_EDGES[place - 1], _LOG_EDGES[place]
        median = float(start + share * (end - start))
        off = np.abs(_LOG_MIDDLES - median)
        return Guess(exp(median), float(-np.diff(living) @ off))

    def _of(self, name: Class) -> Counts:
        counts = self._counts.get(name)
        if counts is None:
            counts = self._counts[name] = np.zeros((2, _BINS))
        return counts


def _classes(spec: JobSpec) -> tuple[Class, ...]:
    """The classes of a job, each within the one before or near it."""
    user = (spec.queue, spec.user)
    return (
        (),
        (spec.num_gpus,),
        user,
        (*user, spec.model),
        (*user, spec.model, spec.num_gpus),
    )
