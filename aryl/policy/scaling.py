"""Phase 2: spare GPUs to elastic jobs, by a multiple-choice knapsack a GPU type (paper §4).

A group is a running elastic job, an option a number of flexible workers, its weight their GPUs
and its value the run time they save against running on base workers alone. What flexible workers
hold is up for distribution again with what is free.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from aryl.model.cluster import Pool
from aryl.model.job import Job, Placement, WorkerKind
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


class Terms(NamedTuple):
    """All that an elastic job's options depend on; counts are training workers."""

    model: str
    work: float
    requested: int
    fixed: int  # workers this knapsack does not touch
    base: int  # those of them that are base workers in this pool
    most: int  # flexible workers it may have here at most
    allowed: tuple[int, ...]
    size_gpus: int  # GPUs a worker
    factor: float  # workers of this pool's GPU type for one training worker


@dataclass(frozen=True, slots=True)
class Candidate:
    """An elastic job as one pool's knapsack sees it."""

    job: Job
    terms: Terms
    held: int  # flexible training workers in this pool
    options: tuple[int, ...]
    group: Group


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
        if all(c.held == target for c, target in zip(candidates, targets, strict=True)):
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
    choice = solve([c.group for c in candidates], capacity_gpus, nodes=config.solver_nodes)
    items = sum(len(c.options) for c in candidates)
    draft.note_solve("knapsack", items, since)
    if choice.how is How.FALLBACK:
        draft.notes.append(because(ReasonCode.SOLVER_LIMIT, nodes=config.solver_nodes))
    return [
        candidate.options[pick] if pick >= 0 else 0
        for candidate, pick in zip(candidates, choice.picks, strict=True)
    ]


def _candidates(draft: Draft, pool: Pool, config: PolicyConfig, now: float) -> list[Candidate]:
    """The elastic jobs that may hold flexible workers in the pool, by name."""
    cluster, room = draft.cluster, draft.capacity.without_flexible
    fitting: dict[int, int] = {}  # whole training workers that fit at all, by worker size
    found = []
    for job in draft.elastic():
        spec, holding = job.spec, draft.holding(job)
        size, base_here = spec.gpus_per_worker, holding.base[pool]
        if not base_here and not spec.heterogeneous:
            continue
        if size not in fitting:
            workers = room.workers_that_fit(growth_groups(pool), size)
            fitting[size] = cluster.training_workers_of(pool, workers)
        base = cluster.training_workers_of(pool, base_here)
        held = cluster.training_workers_of(pool, holding.workers(pool)) - base
        fixed = training_workers(cluster, holding) - held
        terms = Terms(
            config.speedup,
            _work(job, config, now),
            spec.requested_workers,
            fixed,
            base,
            min(spec.max_workers - fixed, fitting[size]),
            spec.allowed_workers,
            size,
            1.0 if pool is Pool.TRAINING else cluster.factor,
        )
        found.append(Candidate(job, terms, held, *_offer(terms)))
    return found


def _work(job: Job, config: PolicyConfig, now: float) -> float:
    """The work that a growth is worth: all of it, or what is left."""
    work = job.spec.estimated_work
    return work if config.value_of_work == "total" else max(0.0, work - job.done_by(now))


def _capped(candidate: Candidate, most: int) -> Candidate:
    """The candidate with at most so many flexible workers."""
    terms = candidate.terms._replace(most=most)
    return Candidate(candidate.job, terms, candidate.held, *_offer(terms))


@lru_cache(maxsize=65536)
def _offer(terms: Terms) -> tuple[tuple[int, ...], Group]:
    """The numbers of flexible workers to choose from, with their GPUs and the seconds they save."""
    options = tuple(
        k for k in range(1, terms.most + 1) if not terms.allowed or terms.fixed + k in terms.allowed
    )
    slowest = throughput(terms.model, terms.fixed, terms.requested)
    return options, Group(
        weights=tuple(_workers_for(terms, k) * terms.size_gpus for k in options),
        values=tuple(
            terms.work / slowest
            - terms.work / throughput(terms.model, terms.fixed + k, terms.requested)
            for k in options
        ),
    )


def _workers_for(terms: Terms, flexible: int) -> int:
    """Workers of the pool's GPU type that stand for `flexible` training workers."""
    return ceil((terms.base + flexible) * terms.factor) - ceil(terms.base * terms.factor)


def _apply(
    draft: Draft, pool: Pool, candidates: Sequence[Candidate], targets: Sequence[int]
) -> dict[str, int]:
    """Shrink, then grow, widest workers first; the sizes of those that could not grow as wanted."""
    growing = []
    for candidate, target in zip(candidates, targets, strict=True):
        if target < candidate.held:
            _shrink(draft, pool, candidate, target)
        elif target > candidate.held:
            growing.append((candidate, target))
    growing.sort(key=lambda g: (-g[0].terms.size_gpus, g[0].job.id))
    placed = {c.job.id: _grow(draft, pool, c, target) for c, target in growing}
    return {c.job.id: placed[c.job.id] for c, target in growing if placed[c.job.id] < target}


def _shrink(draft: Draft, pool: Pool, candidate: Candidate, target: int) -> None:
    terms = candidate.terms
    workers = _workers_for(terms, candidate.held) - _workers_for(terms, target)
    placements = draft.placements(candidate.job.id)
    gone = release_flexible(placements, pool, workers)
    reason = because(ReasonCode.SHRINKS_FOR_GAIN, workers=workers)
    draft.shrink(candidate.job.id, gone, reason)


def _grow(draft: Draft, pool: Pool, candidate: Candidate, target: int) -> int:
    """Grow to the largest option up to `target` that can be placed; the size reached."""
    terms, index, groups = candidate.terms, draft.capacity.now, growth_groups(pool)
    held_workers = _workers_for(terms, candidate.held)
    fitting = index.workers_that_fit(groups, terms.size_gpus)
    sizes = [
        k
        for k in candidate.options
        if candidate.held < k <= target and _workers_for(terms, k) - held_workers <= fitting
    ]
    size = max(sizes, default=candidate.held)
    if size < target:
        wanted, placed = target - candidate.held, size - candidate.held
        draft.notes.append(because(ReasonCode.GROWTH_NOT_PLACED, wanted=wanted, placed=placed))
    if size == candidate.held:
        return size
    workers = _workers_for(terms, size) - held_workers
    picks = index.best_fit(groups, terms.size_gpus, workers, {})
    servers = draft.cluster.servers
    added = [Placement(servers[s].id, pool, WorkerKind.FLEXIBLE, n) for s, n in picks.items()]
    saved = dict(zip(candidate.options, candidate.group.values, strict=True))
    saved_s = round(saved[size] - saved.get(candidate.held, 0.0), 1)
    draft.grow(candidate.job.id, added, because(ReasonCode.GROWS, workers=workers, saved_s=saved_s))
    return size
