"""The queue as a decision sees it: jobs of one shape together, first come first.

Jobs of one shape fit, or do not fit, alike. Kept apart and in order, they cost a decision no more
than their first: a queue of any length is scanned in as many steps as it has shapes, and jobs that
start. A `JobQueue` never changes; adding a job makes a new one that shares all other groups.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from aryl.model.job import Job, JobSpec

Rank = tuple[float | str, ...]  # sorts jobs; ends in the job's name, so that no two are equal


class Shape(NamedTuple):
    """All that decides where a queued job fits."""

    gpus_per_worker: int
    min_workers: int
    max_workers: int
    requested_workers: int
    fungible: bool
    heterogeneous: bool


def shape_of(spec: JobSpec) -> Shape:
    """The shape of a job."""
    return Shape(
        spec.gpus_per_worker,
        spec.min_workers,
        spec.max_workers,
        spec.requested_workers,
        spec.fungible,
        spec.heterogeneous,
    )


@dataclass(frozen=True, slots=True)
class ShapeGroup:
    """Queued jobs of one shape by rank; the three tuples run in parallel."""

    ranks: tuple[Rank, ...] = ()
    jobs: tuple[Job, ...] = ()
    job_ids: tuple[str, ...] = ()

    def with_job(self, job: Job, rank: Rank) -> "ShapeGroup":
        """The group and one job more."""
        at = bisect_left(self.ranks, rank)
        return ShapeGroup(
            (*self.ranks[:at], rank, *self.ranks[at:]),
            (*self.jobs[:at], job, *self.jobs[at:]),
            (*self.job_ids[:at], job.id, *self.job_ids[at:]),
        )

    def without_job(self, rank: Rank) -> "ShapeGroup":
        """The group less the job of that rank."""
        at = bisect_left(self.ranks, rank)
        return ShapeGroup(
            self.ranks[:at] + self.ranks[at + 1 :],
            self.jobs[:at] + self.jobs[at + 1 :],
            self.job_ids[:at] + self.job_ids[at + 1 :],
        )


@dataclass(frozen=True, slots=True)
class JobQueue:
    """Queued jobs by shape; `ranking` names the order in which ranks put them."""

    ranking: str = ""
    groups: Mapping[Shape, ShapeGroup] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self.jobs)
