"""How a job stands after it has started, was resized, or lost its workers; progress is modelled.

How far a job really is, only it knows. Its rate follows from its workers as in the simulator, and
what it reports as saved counts where that is more.
"""

from dataclasses import dataclass, replace

from aryl.model.cluster import Cluster
from aryl.model.job import Job, Placement, holding_of
from aryl.policy.config import PolicyConfig
from aryl.policy.units import speed


@dataclass(frozen=True, slots=True)
class Rates:
    """What progress depends on; of `units`, only how many workers make one of the other type."""

    config: PolicyConfig
    units: Cluster


def rates_of(config: PolicyConfig, factor: float) -> Rates:
    """The rates of a policy, with `factor` workers of the inference type for a training worker."""
    return Rates(config, Cluster((), factor))


def started(job: Job, placements: tuple[Placement, ...], now: float, rates: Rates) -> Job:
    """A job that waited, with its base workers."""
    overhead_s = rates.config.preemption_overhead_s if job.preemptions else 0.0
    begun = replace(job, started_s=now, progress_s=now + overhead_s)
    return _with(begun, placements, rates)


def resized(job: Job, placements: tuple[Placement, ...], now: float, rates: Rates) -> Job:
    """A running job with other workers."""
    later_s = max(job.progress_s, now + rates.config.resize_overhead_s)
    return _with(replace(job, done=job.done_by(now), progress_s=later_s), placements, rates)


def _with(job: Job, placements: tuple[Placement, ...], rates: Rates) -> Job:
    rate = speed(
        rates.units,
        job.spec,
        holding_of(placements),
        model=rates.config.speedup,
        heterogeneous_efficiency=rates.config.heterogeneous_efficiency,
    )
    return replace(job, placements=placements, speed=rate)
