"""How much faster a job runs with more workers (spec §4 "Progress").

A model gives the throughput of `w` workers in any unit; it is scaled so that the requested number
of workers makes one worker-second of progress a second each, which keeps `duration_s` the run time
at the requested size whatever the model.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from math import isfinite

from aryl.model.errors import BadInput

Speedup = Callable[[int], float]


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _linear(workers: int) -> float:
    return float(workers)


def _plain(terms: str) -> Speedup:
    """As many times as fast as there are workers."""
    if terms:
        raise ValueError(terms)
    return _linear


def _loss(share: str) -> Speedup:
    """Each added worker contributes (1 - share) of the one before (paper Fig 8)."""
    kept = 1.0 - float(share)
    if not 0.0 < kept <= 1.0:
        raise ValueError(share)
    if kept == 1.0:
        return _linear
    return lambda workers: (1.0 - kept**workers) / (1.0 - kept)


def _amdahl(serial: str) -> Speedup:
    """Amdahl's law with a serial share."""
    share = float(serial)
    if not 0.0 <= share <= 1.0:
        raise ValueError(serial)
    return lambda workers: 1.0 / (share + (1.0 - share) / workers)


def _comm(terms: str) -> Speedup:
    """A step of compute split over workers, then a ring all-reduce that overlap partly hides."""
    numbers = [_finite(term) for term in terms.split(":")]
    if not 3 <= len(numbers) <= 5 or min(numbers) < 0 or numbers[2] == 0 or numbers[0] == 0:
        raise ValueError(terms)
    compute_s, volume, bandwidth, compression, overlap = (*numbers, *(1.0, 0.0)[len(numbers) - 3 :])
    if overlap > 1:
        raise ValueError(terms)
    exchange_s = 2.0 * volume / bandwidth * compression * (1.0 - overlap)
    return lambda workers: compute_s / (compute_s / workers + exchange_s * (workers - 1) / workers)


def _table(pairs: str) -> Speedup:
    """Profiled throughputs `workers:throughput,…`, linear between them and flat beyond."""
    points = sorted((int(w), _finite(x)) for w, x in (pair.split(":") for pair in pairs.split(",")))
    if points[0][0] < 1 or min(x for _, x in points) <= 0:
        raise ValueError(pairs)
    points = [(0, 0.0), *points]

    def throughput(workers: int) -> float:
        for (low, slow), (high, fast) in pairwise(points):
            if workers <= high:
                return slow + (fast - slow) * (workers - low) / (high - low)
        return points[-1][1]

    return throughput


SPEEDUPS: dict[str, Callable[[str], Speedup]] = {
    "linear": _plain,
    "loss": _loss,
    "amdahl": _amdahl,
    "comm": _comm,
    "table": _table,
}


@lru_cache(maxsize=64)
def speedup_named(text: str) -> Speedup:
    """The model that a text such as `loss=0.2` names. Raises `BadInput` on any other text."""
    name, _, terms = text.partition("=")
    try:
        return SPEEDUPS[name](terms)
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise BadInput(
            file="policy",
            column="speedup",
            value=text,
            problem="is no speed-up model",
            expected="linear, loss=SHARE, amdahl=SHARE, comm=S:BYTES:BANDWIDTH or table=W:X,…",
        ) from error


@lru_cache(maxsize=65536)
def throughput(model: str, workers: int, requested: int) -> float:
    """Worker-seconds of progress a second; `requested` workers make one each."""
    if model == "linear":
        return float(workers)
    curve = speedup_named(model)
    return curve(workers) * requested / curve(requested)
