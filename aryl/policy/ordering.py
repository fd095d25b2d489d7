"""Which queued job comes first (paper §4, phase 1).

`las` knows no run times: a job is the further behind, the more GPU-time it has had, in a few queues
that are each served by arrival (Tiresias, NSDI 2019).

Jobs carried in at the start of a trace come before all others, widest workers first, so that they
fit as they did before; then heterogeneous jobs come after all others, as the paper schedules them
on what remains (paper §5); then higher priority comes first. Strict `fifo` knows no job types.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aryl.model.job import Job, JobSpec
from aryl.model.queue import Rank


class Measure(NamedTuple):
    """What a job's rank may depend on beside the job: its highest speed, and the limits of queues.

    A job leaves the n-th queue when the GPU-time that it has had reaches the n-th limit.
    """

    fastest: float = 1.0
    limits_gpu_s: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Ordering:
    """A sort key, and whether a job that does not fit blocks all behind it."""

    key: Callable[[Job, Measure], Rank]
    head_blocks: bool = False


def _by_arrival(job: Job, _measure: Measure) -> Rank:
    spec = job.spec
    if is_carried_in(job):
        return _widest_first(job)
    return (1, -spec.priority, spec.submit_s, spec.job_id)


def _by_arrival_heterogeneous_last(job: Job, _measure: Measure) -> Rank:
    spec = job.spec
    if is_carried_in(job):
        return _widest_first(job)
    return (1, spec.heterogeneous, -spec.priority, spec.submit_s, spec.job_id)


def _by_shortest(job: Job, measure: Measure) -> Rank:
    """By the least estimated run time that is left, reached with the most workers (paper §4)."""
    spec = job.spec
    if is_carried_in(job):
        return _widest_first(job)
    left_s = (job.believed_work_by(job.progress_s) - job.done) / measure.fastest
    return (1, spec.heterogeneous, -spec.priority, left_s, spec.submit_s, spec.job_id)


def _by_service(job: Job, measure: Measure) -> Rank:
    """By queue, and in each by arrival."""
    spec = job.spec
    if is_carried_in(job):
        return _widest_first(job)
    queue = queue_of(served_gpu_s(job, job.progress_s), measure.limits_gpu_s)
    return (1, spec.heterogeneous, -spec.priority, queue, spec.submit_s, spec.job_id)


def standing(spec: JobSpec) -> tuple[bool, int]:
    """What comes before all else but for strict `fifo`; a lower one comes first."""
    return spec.heterogeneous, -spec.priority


def served_gpu_s(job: Job, now: float) -> float:
    """The GPU-seconds of the training type that a job has had by `now`, as far as it keeps them.

    Work that was discarded does not count: the job has yet to be served for it.
    """
    return job.done_by(now) * job.spec.gpus_per_worker


def queue_of(gpu_s: float, limits_gpu_s: Sequence[float]) -> int:
    """The queue of a job that has had so much GPU-time; 0 comes first."""
    return bisect_right(limits_gpu_s, gpu_s)


def is_carried_in(job: Job) -> bool:
    """Whether the job ran before the trace began and has not been placed yet."""
    return job.spec.carry_in and not job.preemptions


def _widest_first(job: Job) -> Rank:
    spec = job.spec
    return (0, -spec.gpus_per_worker, -spec.num_gpus, spec.submit_s, spec.job_id)


ORDERINGS: dict[str, Ordering] = {
    "fifo": Ordering(_by_arrival, head_blocks=True),
    "fifo-backfill": Ordering(_by_arrival_heterogeneous_last),
    "sjf": Ordering(_by_shortest),
    "las": Ordering(_by_service),
}
