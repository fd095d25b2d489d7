"""What each elastic job may hold in a pool: the groups of a knapsack (paper §4, Fig 6).

A group is a running elastic job, an option a number of flexible workers, its weight their GPUs
and its value the run time they save against running on base workers alone.
"""

from bisect import bisect_right
from functools import lru_cache
from math import ceil, floor
from typing import NamedTuple

from aryl.model.cluster import ROUNDING, Cluster, Pool
from aryl.model.job import Holding, Job, JobSpec, WorkerKind
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.knapsack import Group
from aryl.policy.placement import growth_groups
from aryl.policy.speedup import throughput
from aryl.policy.units import training_workers


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


class Offer(NamedTuple):
    """The numbers of flexible workers to choose from, with their GPUs and the seconds they save."""

    options: tuple[int, ...]
    group: Group


class Candidate(NamedTuple):
    """An elastic job, what it holds and what it may hold."""

    job: Job
    stake: Stake
    offer: Offer


def candidates_in(draft: Draft, pool: Pool, config: PolicyConfig, now: float) -> list[Candidate]:
    """The elastic jobs that may hold flexible workers in the pool, by name."""
    cluster, room, changed = draft.cluster, draft.capacity.without_flexible, draft.placed
    fitting: dict[int, int] = {}  # workers that fit at all, by worker size
    found = []
    for job in draft.elastic():
        stake = (
            _stake(cluster, job.spec, draft.holding(job), pool)
            if job.id in changed
            else _unchanged_stake(cluster, job, pool)
        )
        if stake is None:
            continue
        size = job.spec.gpus_per_worker
        if size not in fitting:
            fitting[size] = room.workers_that_fit(growth_groups(pool), size)
        most = min(job.spec.max_workers - stake.fixed, stake.flexible_in(fitting[size]))
        found.append(Candidate(job, stake, _offer(stake, most, job, config, now)))
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


@lru_cache(maxsize=4096)
def _unchanged_stake(cluster: Cluster, job: Job, pool: Pool) -> Stake | None:
    return _stake(cluster, job.spec, job.holding, pool)


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


def _offer(stake: Stake, most: int, job: Job, config: PolicyConfig, now: float) -> Offer:
    """Up to `most` flexible workers, valued by the work that the policy counts."""
    work = job.spec.estimated_work
    if config.value_of_work == "total":
        return _offer_of_total(stake, most, work, _model(config))
    return _valued(stake, most, max(0.0, work - job.done_by(now)), _model(config))


def _model(config: PolicyConfig) -> tuple[str, float]:
    return config.speedup, config.heterogeneous_efficiency


@lru_cache(maxsize=8192)
def _offer_of_total(stake: Stake, most: int, work: float, model: tuple[str, float]) -> Offer:
    """The same for as long as a job holds what it holds."""
    return _valued(stake, most, work, model)


def _valued(stake: Stake, most: int, work: float, model: tuple[str, float]) -> Offer:
    options, weights, saved = _choices(stake, most, model)
    return Offer(options, Group(weights, tuple(work * share for share in saved)))


@lru_cache(maxsize=8192)
def _choices(
    stake: Stake, most: int, model: tuple[str, float]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]:
    """Flexible workers up to `most`, their GPUs, and the time saved by each unit of work."""
    speedup, mixed_efficiency = model
    allowed = stake.allowed
    options = tuple(k for k in range(1, most + 1) if not allowed or stake.fixed + k in allowed)
    before = mixed_efficiency if stake.is_mixed else 1.0
    after = mixed_efficiency if stake.would_mix else 1.0
    slowest = 1.0 / (before * throughput(speedup, stake.fixed, stake.requested))
    saved = tuple(
        slowest - 1.0 / (after * throughput(speedup, stake.fixed + k, stake.requested))
        for k in options
    )
    return options, tuple(stake.workers_for(k) * stake.size_gpus for k in options), saved


def capped(candidate: Candidate, most: int) -> Candidate:
    """The candidate with at most so many flexible workers."""
    options, group = candidate.offer
    if not options or options[-1] <= most:
        return candidate
    count = bisect_right(options, most)
    offer = Offer(options[:count], Group(group.weights[:count], group.values[:count]))
    return candidate._replace(offer=offer)
