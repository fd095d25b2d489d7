"""Phase 2: spare GPUs to elastic jobs, by a multiple-choice knapsack a GPU type (paper §4).

What flexible workers hold is up for distribution again with what is free.
"""

from collections.abc import Callable, Sequence

from aryl.model.cluster import Pool
from aryl.model.job import Placement, WorkerKind
from aryl.model.reason import ReasonCode, because
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.knapsack import How, solve
from aryl.policy.offers import Candidate, candidates_in, capped, stuck_in
from aryl.policy.placement import growth_groups
from aryl.policy.units import release_flexible

# A growth that can't be placed takes its worth of GPUs from others in vain, so the knapsack is
# solved again without it; the last answer stands, whatever is left unplaced.
ROUNDS = 3


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
    stuck = stuck_in(draft, pool)
    candidates = [c for c in candidates_in(draft, pool, config, now) if c.job.id not in stuck]
    spare_gpus = draft.capacity.without_flexible.free_gpus(growth_groups(pool))
    spare_gpus -= sum(stuck.values())
    best = draft
    for _ in range(ROUNDS):
        targets = _best_sizes(draft, candidates, spare_gpus, config)
        if all(c.stake.held == target for c, target in zip(candidates, targets, strict=True)):
            return draft
        best = draft.fork()
        unplaced = _apply(best, pool, candidates, targets)
        if not unplaced:
            return best
        candidates = [
            capped(c, unplaced[c.job.id]) if c.job.id in unplaced else c for c in candidates
        ]
        draft.solves, draft.notes = best.solves, best.notes
    return best


def _best_sizes(
    draft: Draft, candidates: Sequence[Candidate], spare_gpus: int, config: PolicyConfig
) -> list[int]:
    """The flexible workers each candidate is to have, by the knapsack's proven optimum."""
    if not candidates:
        return []
    since = draft.elapsed()
    choice = solve([c.offer.group for c in candidates], spare_gpus, nodes=config.solver_nodes)
    items = sum(len(c.offer.options) for c in candidates)
    draft.note_solve("knapsack", items, since)
    if choice.how is How.FALLBACK:
        draft.notes.append(because(ReasonCode.SOLVER_LIMIT, nodes=config.solver_nodes))
    return [
        candidate.offer.options[pick] if pick >= 0 else 0
        for candidate, pick in zip(candidates, choice.picks, strict=True)
    ]


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
        draft.notes.append(
            because(
                ReasonCode.GROWTH_NOT_PLACED, job=candidate.job.id, wanted=wanted, placed=placed
            )
        )
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
