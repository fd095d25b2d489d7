"""Which queued job comes first (paper §4, phase 1).

Jobs carried in at the start of a trace come before all others, widest workers first, so that they
fit as they did before; then heterogeneous jobs come after all others, as the paper schedules them
on what remains (paper §5); then higher priority comes first. Strict `fifo` knows no job types.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aryl.model.job import Job
from aryl.model.queue import Rank


@dataclass(frozen=True, slots=True)
class Ordering:
    """A sort key by job and its highest speed, and whether a job that does not fit blocks all."""

    key: Callable[[Job, float], Rank]
    head_blocks: bool = False


def _by_arrival(job: Job, _fastest: float) -> Rank:
    spec = job.spec
    if _is_carried_in(job):
        return _widest_first(job)
    return (1, -spec.priority, spec.submit_s, spec.job_id)


def _by_arrival_heterogeneous_last(job: Job, _fastest: float) -> Rank:
    spec = job.spec
    if _is_carried_in(job):
        return _widest_first(job)
    return (1, spec.heterogeneous, -spec.priority, spec.submit_s, spec.job_id)


def _by_shortest(job: Job, fastest: float) -> Rank:
    """By the least estimated run time that is left, reached with the most workers (paper §4)."""
    spec = job.spec
    if _is_carried_in(job):
        return _widest_first(job)
    left_s = (job.believed_work_by(job.progress_s) - job.done) / fastest
    return (1, spec.heterogeneous, -spec.priority, left_s, spec.submit_s, spec.job_id)


def _is_carried_in(job: Job) -> bool:
    """Whether the job ran before the trace began and has not been placed yet."""
    return job.spec.carry_in and not job.preemptions


def _widest_first(job: Job) -> Rank:
    spec = job.spec
    return (0, -spec.gpus_per_worker, -spec.num_gpus, spec.submit_s, spec.job_id)


ORDERINGS: dict[str, Ordering] = {
    "fifo": Ordering(_by_arrival, head_blocks=True),
    "fifo-backfill": Ordering(_by_arrival_heterogeneous_last),
    "sjf": Ordering(_by_shortest),
}
