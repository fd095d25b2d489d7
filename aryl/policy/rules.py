"""What a scheme's registry entries mean for one job: the bridge from names to functions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from aryl.model.job import Job, JobSpec
from aryl.model.queue import Rank
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.ordering import ORDERINGS, Measure, Ordering
from aryl.policy.placement import PLACEMENTS, Side, Sides, apart, training_first
from aryl.policy.speedup import throughput


def stays_for_ever(_run_s: float) -> int:
    """No server goes back, as far as a policy cares."""
    return 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The order of the queue, the servers that suit a job, and whether jobs are elastic at all.

    `ranking` names the order: queues ranked under the same name are in the same order.
    `limits_gpu_s` are those of the queues under `las`. `leaving` answers a run time in seconds with
    the on-loan servers, a bit each, that go back before it is over.
    """

    ranking: str
    ordering: Ordering
    sides: Sides
    scales: bool
    speedup: str
    limits_gpu_s: tuple[float, ...] = ()
    leaving: Callable[[float], int] = stays_for_ever

    def base_workers(self, spec: JobSpec) -> int:
        """The workers a job starts with: its base, or its requested size where nothing scales."""
        return spec.min_workers if self.scales else spec.requested_workers

    def leaving_before(self, spec: JobSpec) -> int:
        """The on-loan servers that go back before a job, on its base workers, would have ended."""
        if not spec.can_borrow:
            return 0
        rate = throughput(self.speedup, self.base_workers(spec), spec.requested_workers)
        return self.leaving(spec.estimated_work / rate)

    def rank(self, job: Job) -> Rank:
        """Where a job stands in the order; lower comes first."""
        spec = job.spec
        sizes = (spec.min_workers, *spec.sizes) if self.scales else (spec.requested_workers,)
        # most workers are not the fastest where exchange outweighs what they compute
        fastest = max(throughput(self.speedup, w, spec.requested_workers) for w in sizes)
        return self.ordering.key(job, Measure(fastest, self.limits_gpu_s))

    def on(self, side: Side) -> "Rules":
        """The same rules for jobs that may use one side of the cluster only."""
        return replace(self, sides=lambda _spec: (side,))


@dataclass(frozen=True, slots=True)
class Scene:
    """What parts of a policy look at beside the draft."""

    snapshot: Snapshot
    config: PolicyConfig
    rules: Rules


def rules_of(config: PolicyConfig) -> Rules:
    """The rules that a configuration names."""
    scales = config.scaling != "none"
    queues = range(config.las_queues - 1)
    limits_gpu_s = tuple(config.las_limit_gpu_s * config.las_growth**queue for queue in queues)
    return Rules(
        ranking=f"{config.ordering}/{config.scaling}/{config.speedup}/{limits_gpu_s}",
        ordering=ORDERINGS[config.ordering],
        sides=_sides(config),
        scales=scales,
        speedup=config.speedup,
        limits_gpu_s=limits_gpu_s,
    )


def _sides(config: PolicyConfig) -> Sides:
    if config.loaning == "opportunistic":
        return apart
    # Where nothing scales, no job has flexible workers to give up: none is drawn to loans.
    return PLACEMENTS[config.placement] if config.scaling != "none" else training_first
