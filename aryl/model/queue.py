"""The queue as a decision sees it: jobs of one shape together, first come first.

Jobs of one shape fit, or do not fit, alike. Kept apart and in order, they cost a decision no more
than their first: a queue of any length is scanned in as many steps as it has shapes, and jobs that
start.
"""

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

    ranks: tuple[Rank, ...]
    jobs: tuple[Job, ...]
    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobQueue:
    """Queued jobs by shape; `ranking` names the order in which ranks put them."""

    ranking: str = ""
    groups: Mapping[Shape, ShapeGroup] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self.jobs)
