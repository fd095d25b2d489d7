"""Phase 2: spare GPUs to elastic jobs, by a multiple-choice knapsack a GPU type (paper §4).

A group is a running elastic job, an option a number of flexible workers, its weight their GPUs
and its value the run time they save against running on base workers alone. What flexible workers
hold is up for distribution again with what is free.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from aryl.model.cluster import ROUNDING, Cluster, Pool
from aryl.model.job import Holding, Job, JobSpec, Placement, WorkerKind
from aryl.model.reason import ReasonCode, because
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.knapsack import Group, How, solve
from aryl.policy.placement import growth_groups
from aryl.policy.speedup import throughput
from aryl.policy.units import release_flexible, training_workers

# A growth that can't be placed takes its worth of GPUs from others in vain, so the knapsack is
# solved again without it; the last answer stands, whatever is left unplaced.
ROUNDS = 3


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


class Offer(NamedTuple):
    """The numbers of flexible workers to choose from, with their GPUs and the seconds they save."""

    options: tuple[int, ...]
    group: Group


class Candidate(NamedTuple):
    """An elastic job, what it holds and what it may hold."""

    job: Job
    stake: Stake
    offer: Offer


def grow_elastic(draft: Draft, config: PolicyConfig, now: float) -> Draft:
    """Share out the spare GPUs of each pool, on-loan servers first (paper §5.3)."""
    for pool in (Pool.INFERENCE, Pool.TRAINING):
        draft = _grow_in(draft, pool, config, now)
    return draft


def keep_size(draft: Draft, _config: PolicyConfig, _now: float) -> Draft:
    """Leave every job at the size it started with."""
    return draft


Scaling = Callable[[Draft, PolicyConfig, float], Draft]
SCALINGS: dict[str, Scaling] = {"none": keep_size, "knapsack": grow_elastic}


def _grow_in(draft: Draft, pool: Pool, config: PolicyConfig, now: float) -> Draft:
    candidates = _candidates(draft, pool, config, now)
    best = draft
    for _ in range(ROUNDS):
        targets = _best_sizes(draft, pool, candidates, config)
        if all(c.stake.held == target for c, target in zip(candidates, targets, strict=True)):
            return draft
        best = draft.fork()
        unplaced = _apply(best, pool, candidates, targets)
        if not unplaced:
            return best
        candidates = [
            _capped(c, unplaced[c.job.id]) if c.job.id in unplaced else c for c in candidates
        ]
        draft.solves = best.solves
    return best


def _best_sizes(
    draft: Draft, pool: Pool, candidates: Sequence[Candidate], config: PolicyConfig
) -> list[int]:
    """The flexible workers each candidate is to have, by the knapsack's proven optimum."""
    if not candidates:
        return []
    since = draft.elapsed()
    capacity_gpus = draft.capacity.without_flexible.free_gpus(growth_groups(pool))
    choice = solve([c.offer.group for c in candidates], capacity_gpus, nodes=config.solver_nodes)
    items = sum(len(c.offer.options) for c in candidates)
    draft.note_solve("knapsack", items, since)
    if choice.how is How.FALLBACK:
        draft.notes.append(because(ReasonCode.SOLVER_LIMIT, nodes=config.solver_nodes))
    return [
        candidate.offer.options[pick] if pick >= 0 else 0
        for candidate, pick in zip(candidates, choice.picks, strict=True)
    ]


def _candidates(draft: Draft, pool: Pool, config: PolicyConfig, now: float) -> list[Candidate]:
    """The elastic jobs that may hold flexible workers in the pool, by name."""
    cluster, room, changed = draft.cluster, draft.capacity.without_flexible, draft.placed
    fitting: dict[int, int] = {}  # whole training workers that fit at all, by worker size
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
            workers = room.workers_that_fit(growth_groups(pool), size)
            fitting[size] = cluster.training_workers_of(pool, workers)
        most = min(job.spec.max_workers - stake.fixed, fitting[size])
        found.append(Candidate(job, stake, _offer(stake, most, job, config, now)))
    return found


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


def _capped(candidate: Candidate, most: int) -> Candidate:
    """The candidate with at most so many flexible workers."""
    options, group = candidate.offer
    if not options or options[-1] <= most:
        return candidate
    count = bisect_right(options, most)
    offer = Offer(options[:count], Group(group.weights[:count], group.values[:count]))
    return candidate._replace(offer=offer)


def _apply(
    draft: Draft, pool: Pool, candidates: Sequence[Candidate], targets: Sequence[int]
) -> dict[str, int]:
    """Shrink, then grow: widest workers first, and most saved per GPU first among them.

    Where workers of some width don't all fit, the answer caps every job with workers as wide at
    the size it has reached: the slots are taken by those that gain most from them.
    """
    growing = []
    for candidate, target in zip(candidates, targets, strict=True):
        if target < candidate.stake.held:
            _shrink(draft, pool, candidate, target)
        elif target > candidate.stake.held:
            growing.append((candidate, target))
    growing.sort(key=lambda growth: _growth_order(*growth))
    reached = {c.job.id: _grow(draft, pool, c, target) for c, target in growing}
    short = [c.stake.size_gpus for c, target in growing if reached[c.job.id] < target]
    if not short:
        return {}
    return {
        c.job.id: reached.get(c.job.id, c.stake.held)
        for c in candidates
        if c.stake.size_gpus >= min(short)
    }


def _growth_order(candidate: Candidate, target: int) -> tuple[float, float, str]:
    stake, (options, group) = candidate.stake, candidate.offer
    at = options.index(target)
    return (-stake.size_gpus, -group.values[at] / group.weights[at], candidate.job.id)


def _shrink(draft: Draft, pool: Pool, candidate: Candidate, target: int) -> None:
    stake = candidate.stake
    workers = stake.workers_for(stake.held) - stake.workers_for(target)
    gone = release_flexible(draft.placements(candidate.job.id), pool, workers)
    reason = because(ReasonCode.SHRINKS_FOR_GAIN, workers=workers)
    draft.shrink(candidate.job.id, gone, reason)


def _grow(draft: Draft, pool: Pool, candidate: Candidate, target: int) -> int:
    """Grow to the largest option up to `target` that can be placed; the size reached."""
    stake, (options, group) = candidate.stake, candidate.offer
    index, groups, size_gpus = draft.capacity.now, growth_groups(pool), stake.size_gpus
    workers_held = stake.workers_for(stake.held)
    room = index.workers_that_fit(groups, size_gpus) + workers_held
    fitting = [k for k in options if stake.held < k <= target and stake.workers_for(k) <= room]
    size = max(fitting, default=stake.held)
    if size < target:
        wanted, placed = target - stake.held, size - stake.held
        draft.notes.append(because(ReasonCode.GROWTH_NOT_PLACED, wanted=wanted, placed=placed))
    if size == stake.held:
        return size
    workers = stake.workers_for(size) - workers_held
    servers = draft.cluster.servers
    added = [
        Placement(servers[server].id, pool, WorkerKind.FLEXIBLE, count)
        for server, count in index.best_fit(groups, size_gpus, workers, {}).items()
    ]
    saved = dict(zip(options, group.values, strict=True))
    saved_s = round(saved[size] - saved.get(stake.held, 0.0), 1)
    draft.grow(candidate.job.id, added, because(ReasonCode.GROWS, workers=workers, saved_s=saved_s))
    return size
