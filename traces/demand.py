"""Inference demand as servers in use over time: read from a CSV file, or built in (spec §3)."""

from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from aryl.model.demand import BIN_S
from aryl.model.errors import BadInput
from traces.samples import DAY_S, check_pool, read_samples

DEFAULT_PEAK = 0.95
FLOAT_NOISE = 1e-9  # relative: 494.0000001 servers are 494, not 495

# mean share of the inference pool in use at 00, 01, … 23 h, digitised from Figure 1 (paper §9)
HOUR_OF_DAY_MEANS = (
    *(0.584, 0.476, 0.431, 0.416, 0.413, 0.431, 0.494, 0.568, 0.643, 0.723, 0.804, 0.815),
    *(0.787, 0.779, 0.765, 0.779, 0.795, 0.804, 0.809, 0.887, 0.935, 0.945, 0.879, 0.731),
)
BUILTIN_DAYS = 15
NOISE_SD = 0.0305  # share of the pool; makes the median 5-minute change 2 % of it (paper §2)
NOISE_CARRY = 0.5  # from bin to bin, as in real 5-minute counts of LLM requests


@dataclass(frozen=True, slots=True, eq=False)
class DemandSeries:
    """Servers that inference needs, by bin of `BIN_S` seconds from t = 0; it repeats for ever."""

    servers: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Keep everybody from changing what is shared."""
        assert self.servers.ndim == 1
        assert self.servers.size
        self.servers.setflags(write=False)

    def at(self, t_s: float) -> int:
        """How many servers inference needs at a time: a step function."""
        return int(self.servers[int(t_s // BIN_S) % self.servers.size])


def read_demand(
    path: Path, *, servers: int, gpus_per_server: int, peak: float = DEFAULT_PEAK
) -> DemandSeries:
    """Read a CSV file with `t_s` and one of `demand_norm`, `gpus`, `servers` and `demand`.

    Of several, the first in that order counts. `demand` is divided by its maximum. Where demand is
    thus relative, `peak` is the share of the pool's `servers` that 1 stands for. A bin's demand is
    the largest of its samples, rounded up to servers; a bin without samples lies on the line
    between its neighbours, and the last on the line to the first: after the last sample and one
    (median) step more, the series repeats.

    Raises BadInput for a missing, empty, damaged or malformed file, times that do not increase, and
    absolute demand beyond the pool, which would make every figure about loans meaningless.
    """
    _check_peak(peak)
    samples = read_samples(path)
    values = samples.values
    match samples.measure.name:
        case "gpus":
            check_pool(samples, servers * gpus_per_server)
            needed = values / gpus_per_server
        case "servers":
            check_pool(samples, servers)
            needed = values
        case "demand":
            needed = values / (values.max() or 1.0) * peak * servers
        case _:
            needed = values * peak * servers
    return DemandSeries(_whole_servers(_by_bin(samples.t_s, needed)))


def builtin_demand(servers: int, peak: float = DEFAULT_PEAK, *, seed: int = 0) -> DemandSeries:
    """Make 15 days of the paper's daily curve with bursts, for a pool of `servers`.

    The curve joins the hour-of-day means of Figure 1, scaled so that the busiest hour takes `peak`
    of the pool. The paper's facts give no weekday pattern, so days differ by noise alone: AR(1),
    its sd such that the median change within 5 minutes is 2 % of the pool (paper §2). The noise
    never takes demand above `peak`. The same seed gives the same series on every machine.
    Raises BadInput when `peak` is not a share.
    """
    _check_peak(peak)
    hours = np.array(HOUR_OF_DAY_MEANS) * (peak / max(HOUR_OF_DAY_MEANS))
    bins = np.arange(round(BUILTIN_DAYS * DAY_S / BIN_S)) * BIN_S
    curve = np.interp(bins, np.arange(24) * 3600.0, hours, period=DAY_S)
    chance = Random(seed)
    noise = [chance.gauss(0.0, NOISE_SD)]
    fresh_sd = NOISE_SD * sqrt(1 - NOISE_CARRY**2)
    while len(noise) < bins.size:
        noise.append(NOISE_CARRY * noise[-1] + chance.gauss(0.0, fresh_sd))
    return DemandSeries(_whole_servers(np.clip(curve + noise, 0.0, peak) * servers))


def _check_peak(peak: float) -> None:
    if not 0 <= peak <= 1:
        raise BadInput(
            "--inference-peak", "is not a share", value=peak, expected="a number between 0 and 1"
        )


def _by_bin(t_s: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Resample to one period of bins, the first of which starts at t = 0."""
    step_s = float(np.median(np.diff(t_s))) if t_s.size > 1 else BIN_S
    bins = max(1, ceil((t_s[-1] - t_s[0] + step_s) / BIN_S - FLOAT_NOISE))
    demand = np.interp(np.arange(bins) * BIN_S, t_s, values, period=bins * BIN_S)
    places = (t_s // BIN_S).astype(np.int64) % bins
    demand[places] = 0.0
    np.maximum.at(demand, places, values)
    return demand


def _whole_servers(needed: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.ceil(needed * (1 - FLOAT_NOISE)).astype(np.int64)
