"""Which jobs are elastic: the paper's mix of jobs and GPU-time, and more beyond it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aryl.model.job import JobSpec
from simulator.scenarios.sampling import Keys, Mask, Stream, chance, lowest, measured_jobs
from simulator.scenarios.workload import MIX_JOBS, Workload


def most_workers(spec: JobSpec, multiple: float) -> int:
    """The most workers of a job whose range ends at `multiple` times its requested size."""
    most = int(multiple * spec.requested_workers)
    return max((w for w in spec.allowed_workers if w <= most), default=most)


def elastic(jobs: Sequence[JobSpec], workload: Workload, seed: int) -> Mask:
    """Jobs drawn to be elastic.

    Up to the paper's 5 % of jobs, they are the mix that has its share of GPU-time. Those beyond are
    drawn uniformly from all that can grow, so that the mix is part of every larger share.
    """
    growing = np.array([most_workers(j, workload.range) > j.requested_workers for j in jobs])
    mix = np.zeros(len(jobs), dtype=bool)
    if workload.elastic_gpu_time:
        mix = _mix(jobs, workload, growing, chance(seed, Stream.ELASTIC))
    if workload.elastic_jobs <= MIX_JOBS and workload.elastic_gpu_time:
        return mix
    keys = chance(seed, Stream.MORE_ELASTIC).random(len(jobs))
    keys = np.where(growing, np.where(mix, -1.0, keys), np.inf)
    return growing & lowest(keys, workload.elastic_jobs, measured_jobs(jobs))


@dataclass(frozen=True, slots=True)
class _Draw:
    """A weighted draw, without replacement, of jobs that may grow; arrays run over all jobs."""

    is_eligible: Mask
    is_measured: Mask
    run_s: NDArray[np.float64]
    gpu_time: NDArray[np.float64]  # 0 for carried-in jobs
    log_u: Keys

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


def _mix(
    jobs: Sequence[JobSpec], workload: Workload, growing: Mask, rng: np.random.Generator
) -> Mask:
    """Multi-GPU jobs, drawn with weights on run time that bring their GPU-time to its share.

    The power of the weights is found by bisection on one set of random numbers. Where no power
    gives both shares, the number of jobs gives way (spec §4).
    """
    gpus = np.array([job.num_gpus for job in jobs])
    run_s = np.array([max(job.duration_s, 1.0) for job in jobs])
    measured = measured_jobs(jobs)
    gpu_time = np.where(measured, gpus * run_s, 0.0)
    draw = _Draw((gpus > 1) & growing, measured, run_s, gpu_time, np.log(rng.random(len(jobs))))
    target = workload.elastic_gpu_time * gpu_time.sum()
    wanted = round(min(workload.elastic_jobs, MIX_JOBS) * measured.sum())
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
