"""Gives jobs what a workload draws for them, and says what shares they came to."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from aryl.model.job import JobSpec
from simulator.scenarios.elastic import elastic, most_workers
from simulator.scenarios.sampling import Mask, Stream, chance, even_keys, lowest, measured_jobs
from simulator.scenarios.workload import ENTRIES, Workload

Draw = Callable[[Sequence[JobSpec], Workload, int], Mask]  # with the seed
Change = Callable[[JobSpec, Workload], JobSpec]


@dataclass(frozen=True, slots=True)
class Shares:
    """What the jobs came to: shares of jobs and of GPU-time, carried-in jobs left out."""

    elastic_jobs: float
    elastic_gpu_time: float
    fungible_jobs: float
    heterogeneous_jobs: float
    checkpoint_jobs: float


def shares_of(jobs: Sequence[JobSpec]) -> Shares:
    """The shares that the jobs came to."""
    measured = [job for job in jobs if not job.carry_in]
    elastic_jobs = [job for job in measured if job.is_elastic]
    gpu_time = sum(job.num_gpus * job.duration_s for job in measured)
    elastic_time = sum(job.num_gpus * job.duration_s for job in elastic_jobs)
    count = max(1, len(measured))
    return Shares(
        elastic_jobs=len(elastic_jobs) / count,
        elastic_gpu_time=elastic_time / (gpu_time or 1.0),
        fungible_jobs=sum(job.fungible for job in measured) / count,
        heterogeneous_jobs=sum(job.heterogeneous for job in measured) / count,
        checkpoint_jobs=sum(job.checkpoint_s > 0 for job in measured) / count,
    )


def drawn(
    jobs: Sequence[JobSpec], workload: Workload | None, columns: Set[str], seed: int
) -> list[JobSpec]:
    """The jobs, which are in order of submission, with what is drawn for columns they lack.

    A share of 1 leaves nothing to draw and holds on any trace; a job that has a range or a
    checkpoint interval of its own keeps it then.
    """
    shaped = list(jobs)
    if workload is None or not shaped:
        return shaped
    for entry, (draw, changed) in _KINDS.items():
        share = getattr(workload, entry)
        places: Iterable[int] = range(len(shaped))
        if share == 0 or (share < 1 and ENTRIES[entry].metadata["columns"] & columns):
            places = ()
        elif share < 1:
            places = np.flatnonzero(draw(jobs, workload, seed)).tolist()
        for place in places:
            shaped[place] = changed(shaped[place], workload)
    return shaped


def _fungible(jobs: Sequence[JobSpec], workload: Workload, seed: int) -> Mask:
    keys = chance(seed, Stream.FUNGIBLE).random(len(jobs))
    return lowest(keys, workload.fungible_jobs, measured_jobs(jobs))


def _heterogeneous(jobs: Sequence[JobSpec], workload: Workload, seed: int) -> Mask:
    """As large a share at all times: the paper says "evenly" (paper §7.1)."""
    keys = even_keys(len(jobs), chance(seed, Stream.HETEROGENEOUS))
    return lowest(keys, workload.heterogeneous_jobs, measured_jobs(jobs))


def _checkpointed(jobs: Sequence[JobSpec], workload: Workload, seed: int) -> Mask:
    keys = chance(seed, Stream.CHECKPOINT).random(len(jobs))
    return lowest(keys, workload.checkpoint_jobs, measured_jobs(jobs))


def _with_range(job: JobSpec, workload: Workload) -> JobSpec:
    if job.is_elastic:
        return job
    return replace(job, max_workers=most_workers(job, workload.range))


def _with_checkpoints(job: JobSpec, workload: Workload) -> JobSpec:
    return job if job.checkpoint_s else replace(job, checkpoint_s=workload.checkpoint_s)


# By the entry that is their share: which jobs are drawn, and what becomes of them.
_KINDS: Mapping[str, tuple[Draw, Change]] = {
    "elastic_jobs": (elastic, _with_range),
    "fungible_jobs": (_fungible, lambda job, _: replace(job, fungible=True)),
    "heterogeneous_jobs": (_heterogeneous, lambda job, _: replace(job, heterogeneous=True)),
    "checkpoint_jobs": (_checkpointed, _with_checkpoints),
}
