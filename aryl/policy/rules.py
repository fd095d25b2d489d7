"""What a scheme's registry entries mean for one job: the bridge from names to functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from aryl.model.job import Job, JobSpec
from aryl.policy.config import PolicyConfig
from aryl.policy.ordering import ORDERINGS, Ordering
from aryl.policy.placement import PLACEMENTS, Sides


@dataclass(frozen=True, slots=True)
class Rules:
    """The order of the queue, the servers that suit a job, and whether jobs are elastic at all."""

    ordering: Ordering
    sides: Sides
    scales: bool

    def base_workers(self, spec: JobSpec) -> int:
        """The workers a job starts with: its base, or its requested size where nothing scales."""
        return spec.min_workers if self.scales else spec.requested_workers

    def most_workers(self, spec: JobSpec) -> int:
        """The workers at which a job runs fastest."""
        return spec.max_workers if self.scales else spec.requested_workers

    def in_order(self, queue: Sequence[Job]) -> list[Job]:
        """The queue, first come first."""
        key = self.ordering.key
        return sorted(queue, key=lambda job: key(job, self.most_workers(job.spec)))


def rules_of(config: PolicyConfig) -> Rules:
    """The rules that a configuration names."""
    return Rules(
        ordering=ORDERINGS[config.ordering],
        sides=PLACEMENTS[config.placement],
        scales=config.scaling != "none",
    )
