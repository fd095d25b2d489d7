"""Scenarios: which jobs are elastic and fungible, drawn from the seed (spec §4, paper §8)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aryl.model.errors import BadInput
from aryl.model.job import JobSpec
from aryl.policy.config import EstimateError

ELASTIC_JOBS = 0.05  # share of jobs (paper §8)
ELASTIC_GPU_TIME = 0.36  # their share of all GPU-time
FUNGIBLE_JOBS = 0.21
RANGE = 2  # the most workers of an elastic job, as a multiple of the requested ones
SCENARIOS = ("basic", "as-is")
SHAPING_COLUMNS = frozenset({"fungible", "heterogeneous", "min_workers", "max_workers"})

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shares:
    """What the jobs came to: shares of jobs and of GPU-time, carried-in jobs left out."""

    elastic_jobs: float
    elastic_gpu_time: float
    fungible_jobs: float


def scenario_named(name: str | None, columns: frozenset[str]) -> str:
    """The scenario asked for; by default `as-is` where the trace carries any shaping column."""
    if name is None:
        return "as-is" if columns & SHAPING_COLUMNS else "basic"
    if name not in SCENARIOS:
        expected = ", ".join(SCENARIOS)
        raise BadInput("--scenario", "is no scenario", value=name, expected=expected)
    return name


def drawn(
    jobs: Sequence[JobSpec], scenario: str, columns: frozenset[str], seed: int
) -> list[JobSpec]:
    """The jobs with what the scenario draws for the columns that the trace lacks.

    Each column has a random stream of its own, so that one's draw does not shift another's.
    """
    shaped = list(jobs)
    if scenario == "as-is" or not shaped:
        return shaped
    if not columns & {"min_workers", "max_workers"}:
        for place in np.flatnonzero(_elastic(shaped, np.random.default_rng([seed, 1]))):
            spec = shaped[place]
            shaped[place] = replace(spec, max_workers=_most_workers(spec))
    if "fungible" not in columns:
        keys = np.random.default_rng([seed, 2]).random(len(shaped))
        for place in np.flatnonzero(_lowest(keys, FUNGIBLE_JOBS, _measured(shaped))):
            shaped[place] = replace(shaped[place], fungible=True)
    return shaped


def with_wrong_estimates(jobs: Sequence[JobSpec], error: EstimateError, seed: int) -> list[JobSpec]:
    """The jobs with a share of the run-time estimates off by up to `error.max` (paper Table 9)."""
    if not error.share or not error.max:
        return list(jobs)
    rng = np.random.default_rng([seed, 3])
    wrong = rng.random(len(jobs)) < error.share
    factors = 1.0 + error.max * rng.uniform(-1.0, 1.0, len(jobs))
    return [
        replace(job, estimated_duration_s=job.estimated_duration_s * float(factor)) if hit else job
        for job, hit, factor in zip(jobs, wrong, factors, strict=True)
    ]


def shares_of(jobs: Sequence[JobSpec]) -> Shares:
    """The shares that the jobs came to."""
    measured = [job for job in jobs if not job.carry_in]
    elastic = [job for job in measured if job.is_elastic]
    gpu_time = sum(job.num_gpus * job.duration_s for job in measured)
    count = max(1, len(measured))
    return Shares(
        elastic_jobs=len(elastic) / count,
        elastic_gpu_time=sum(job.num_gpus * job.duration_s for job in elastic) / (gpu_time or 1.0),
        fungible_jobs=sum(job.fungible for job in measured) / count,
    )


def _most_workers(spec: JobSpec) -> int:
    """The most workers of a job that is drawn to be elastic: in its range, and allowed."""
    most = RANGE * spec.requested_workers
    return max((w for w in spec.allowed_workers if w <= most), default=most)


def _measured(jobs: Sequence[JobSpec]) -> Mask:
    return np.array([not job.carry_in for job in jobs])


def _lowest(keys: NDArray[np.float64], share: float, measured: Mask) -> Mask:
    """The jobs whose key is among the lowest `share` of the measured jobs' keys."""
    ranked = np.sort(keys[measured])
    count = round(share * ranked.size)
    mask: Mask = keys <= ranked[count - 1] if count else np.zeros(keys.size, dtype=bool)
    return mask


@dataclass(frozen=True, slots=True)
class _Draw:
    """A weighted draw, without replacement, of jobs that may grow; arrays run over all jobs."""

    is_eligible: Mask
    is_measured: Mask
    run_s: NDArray[np.float64]
    gpu_time: NDArray[np.float64]  # 0 for carried-in jobs
    log_u: NDArray[np.float64]

    def order(self, power: float) -> NDArray[np.int64]:
        """Eligible jobs by place, drawn first come first, with weight run time ** power.

        The draw takes the highest log(u) / weight (Efraimidis and Spirakis, 2006).
        """
        order = np.argsort(-self.log_u / self.run_s**power, kind="stable")
        eligible: NDArray[np.int64] = order[self.is_eligible[order]]
        return eligible

    def gpu_time_of(self, jobs: int, power: float) -> float:
        """The GPU-time of the first so many measured jobs."""
        order = self.order(power)
        return float(self.gpu_time[order[self.is_measured[order]][:jobs]].sum())


def _elastic(jobs: Sequence[JobSpec], rng: np.random.Generator) -> Mask:
    """Multi-GPU jobs, drawn with weights on run time that bring their GPU-time to its share.

    The power of the weights is found by bisection on one set of random numbers. Where no power
    gives both shares, the number of jobs gives way (spec §4).
    """
    gpus = np.array([job.num_gpus for job in jobs])
    run_s = np.array([max(job.duration_s, 1.0) for job in jobs])
    measured = _measured(jobs)
    gpu_time = np.where(measured, gpus * run_s, 0.0)
    can_grow = np.array([_most_workers(job) > job.requested_workers for job in jobs])
    draw = _Draw((gpus > 1) & can_grow, measured, run_s, gpu_time, np.log(rng.random(len(jobs))))
    target = ELASTIC_GPU_TIME * gpu_time.sum()
    wanted = round(ELASTIC_JOBS * measured.sum())
    low, high = -2.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        if draw.gpu_time_of(wanted, middle) < target:
            low = middle
        else:
            high = middle
    order = draw.order(high)
    if abs(draw.gpu_time_of(wanted, high) - target) <= 0.01 * target:
        cut = int(np.searchsorted(np.cumsum(measured[order]), wanted)) + 1
    else:
        cut = int(np.searchsorted(np.cumsum(gpu_time[order]), target)) + 1
    mask = np.zeros(len(jobs), dtype=bool)
    mask[order[:cut]] = True
    return mask
