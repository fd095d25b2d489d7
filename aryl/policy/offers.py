"""What each elastic job may hold in a pool: the groups of a knapsack (paper §4, Fig 6).

A group is a running elastic job, an option a number of flexible workers, its weight their GPUs.
What an option is worth is for each scheme to say.
"""

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from math import ceil, floor, inf
from typing import NamedTuple

from aryl.model.cluster import ROUNDING, Cluster, Pool
from aryl.model.job import Holding, Job, JobSpec, WorkerKind
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.knapsack import Group
from aryl.policy.placement import growth_groups
from aryl.policy.speedup import throughput
from aryl.policy.units import training_workers

Model = tuple[str, float]  # the speed-up model, and the efficiency of a job on both GPU types


class Stake(NamedTuple):
    """What an elastic job holds as one pool's knapsack sees it; counts are training workers."""

    size_gpus: int  # GPUs a worker
    requested: int
    allowed: tuple[int, ...]
    fixed: int  # workers that this knapsack does not touch
    base: int  # those of them that are base workers in this pool
    held: int  # flexible workers in this pool
    factor: float  # workers of this pool's GPU type for one training worker
    is_mixed: bool  # the fixed workers are on both GPU types
    would_mix: bool  # with flexible workers here, it would be on both

    def workers_for(self, flexible: int) -> int:
        """Workers of the pool's GPU type that stand for `flexible` training workers."""
        whole = ceil((self.base + flexible) * self.factor - ROUNDING)
        return whole - ceil(self.base * self.factor - ROUNDING)

    def flexible_in(self, workers: int) -> int:
        """The most flexible training workers that `workers` of the pool's GPU type stand for."""
        whole = ceil(self.base * self.factor - ROUNDING) + workers
        return floor(whole / self.factor + ROUNDING) - self.base


class Curve(NamedTuple):
    """The numbers of flexible workers to choose from, with their GPUs and the speed they make.

    Speeds in training workers; `base_speed` is that of the fixed workers alone.
    """

    options: tuple[int, ...]
    weights: tuple[int, ...]
    speeds: tuple[float, ...]
    base_speed: float


class Offer(NamedTuple):
    """The numbers of flexible workers to choose from, with their GPUs and what they are worth."""

    options: tuple[int, ...]
    group: Group


class Candidate(NamedTuple):
    """An elastic job, what it holds and what it may hold."""

    job: Job
    stake: Stake
    offer: Offer


Valuation = Callable[[Job, Stake, int], Offer]  # of up to so many flexible workers
Settled = Callable[[Job], Valuation]


class Wish(NamedTuple):
    """A job with all that it could use, the workers which that takes, and until when it says so."""

    candidate: Candidate
    workers: int
    until_s: float


def candidates_in(
    draft: Draft, pool: Pool, valued: Valuation, settled: Settled | None = None
) -> list[Candidate]:
    """The elastic jobs that may hold flexible workers in the pool, by name.

    Most jobs hold what they held a cycle ago, and what they wish for has room. These are not looked
    into again where a rule is `settled`: it has one and the same function for a job, cycle after
    cycle, which answers as `valued` does for as long as a job keeps to its estimate.
    """
    changed, now = draft.placed, draft.now
    room: dict[int, int] = {}  # workers that fit at all, by worker size
    found = []
    for job in draft.elastic():
        spec = job.spec
        size = spec.gpus_per_worker
        if size not in room:
            index = draft.capacity.without_flexible
            room[size] = index.workers_that_fit(growth_groups(pool), size)
        if settled and spec.job_id not in changed:
            wish = _wish(draft.cluster, job, pool, settled(job))
            if wish is None:
                continue
            if wish.workers <= room[size] and now <= wish.until_s:
                found.append(wish.candidate)
                continue
        stake = _stake(draft.cluster, spec, draft.holding(job), pool)
        if stake is not None:
            most = min(spec.max_workers - stake.fixed, stake.flexible_in(room[size]))
            found.append(Candidate(job, stake, valued(job, stake, most)))
    return found


def stuck_in(draft: Draft, pool: Pool) -> dict[str, int]:
    """The jobs with flexible workers on shut servers of the pool, where nobody gains by a shrink.

    They keep their size. With each, the GPUs that it holds elsewhere and that others might have.
    """
    index = draft.capacity.without_flexible
    if not index.shut:
        return {}
    by_id, groups, stuck = draft.cluster.by_id, growth_groups(pool), {}
    for job in draft.elastic():
        held = [
            (by_id[p.server_id].index, p.workers)
            for p in draft.placements(job.id)
            if p.pool is pool and p.kind is WorkerKind.FLEXIBLE
        ]
        if any(index.shut >> at & 1 for at, _ in held):
            open_to_all = [
                workers
                for at, workers in held
                if not index.shut >> at & 1 and index.group[at] in groups
            ]
            stuck[job.id] = sum(open_to_all) * job.spec.gpus_per_worker
    return stuck


@lru_cache(maxsize=16_384)  # both pools of 8,000 elastic jobs: on 200,000 GPUs, 3,000 run
def _wish(cluster: Cluster, job: Job, pool: Pool, settled: Valuation) -> Wish | None:
    """What a job that keeps what it holds wishes for; None where it may not grow in the pool."""
    stake = _stake(cluster, job.spec, job.holding, pool)
    if stake is None:
        return None
    most = job.spec.max_workers - stake.fixed
    candidate = Candidate(job, stake, settled(job, stake, most))
    return Wish(candidate, stake.workers_for(most), _outlives_estimate_s(job))


def _outlives_estimate_s(job: Job) -> float:
    """When a job that goes on as it does will have done all that was estimated."""
    left = job.spec.estimated_work - job.done
    if left < 0.0:
        return -inf
    return job.progress_s + left / job.speed if job.speed else inf


def _stake(cluster: Cluster, spec: JobSpec, holding: Holding, pool: Pool) -> Stake | None:
    """What a job holds in a pool; None where it may not grow there."""
    if not holding.base[pool] and not spec.heterogeneous:
        return None
    base = cluster.training_workers_of(pool, holding.base[pool])
    held = cluster.training_workers_of(pool, holding.workers(pool)) - base
    fixed = training_workers(cluster, holding) - held
    is_elsewhere = holding.workers(_other(pool)) > 0
    return Stake(
        size_gpus=spec.gpus_per_worker,
        requested=spec.requested_workers,
        allowed=spec.allowed_workers,
        fixed=fixed,
        base=base,
        held=held,
        factor=1.0 if pool is Pool.TRAINING else cluster.factor,
        is_mixed=is_elsewhere and base > 0,
        would_mix=is_elsewhere,
    )


def _other(pool: Pool) -> Pool:
    return Pool.TRAINING if pool is Pool.INFERENCE else Pool.INFERENCE


def model_of(config: PolicyConfig) -> Model:
    """How speed follows from workers under a configuration."""
    return config.speedup, config.heterogeneous_efficiency


def speed_with(stake: Stake, flexible: int, model: Model) -> float:
    """The speed with so many flexible workers here, in training workers."""
    speedup, mixed_efficiency = model
    is_mixed = stake.would_mix if flexible else stake.is_mixed
    rate = throughput(speedup, stake.fixed + flexible, stake.requested)
    return (mixed_efficiency if is_mixed else 1.0) * rate


@lru_cache(maxsize=8192)
def curve_of(stake: Stake, most: int, model: Model) -> Curve:
    """The allowed numbers of flexible workers up to `most`."""
    allowed = stake.allowed
    options = tuple(k for k in range(1, most + 1) if not allowed or stake.fixed + k in allowed)
    return Curve(
        options,
        weights=tuple(stake.workers_for(k) * stake.size_gpus for k in options),
        speeds=tuple(speed_with(stake, k, model) for k in options),
        base_speed=speed_with(stake, 0, model),
    )


@lru_cache(maxsize=16)
def by_speed(model: Model) -> Valuation:
    """Options worth the speed that they add to the fixed workers', in training GPUs."""

    def valued(_job: Job, stake: Stake, most: int) -> Offer:
        return _offer_of_speed(stake, most, model)

    return valued


@lru_cache(maxsize=8192)
def _offer_of_speed(stake: Stake, most: int, model: Model) -> Offer:
    options, weights, speeds, base_speed = curve_of(stake, most, model)
    values = tuple((speed - base_speed) * stake.size_gpus for speed in speeds)
    return Offer(options, Group(weights, values))


def capped(candidate: Candidate, most: int) -> Candidate:
    """The candidate with at most so many flexible workers."""
    options, group = candidate.offer
    if not options or options[-1] <= most:
        return candidate
    count = bisect_right(options, most)
    offer = Offer(options[:count], Group(group.weights[:count], group.values[:count]))
    return candidate._replace(offer=offer)
