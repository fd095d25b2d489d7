"""Shares out the spare GPUs of each pool among elastic jobs, by whatever rule a scheme has.

What flexible workers hold is up for distribution again with what is free. A rule says what a size
is worth to a job and which sizes the jobs are to have; here they shrink and grow to them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aryl.model.cluster import Pool
from aryl.model.job import Placement, WorkerKind
from aryl.model.reason import Reason, ReasonCode, because
from aryl.policy.draft import Draft
from aryl.policy.knapsack import How, solve
from aryl.policy.offers import (
    Candidate,
    Model,
    Settled,
    Valuation,
    candidates_in,
    capped,
    speed_with,
    stuck_in,
)
from aryl.policy.placement import growth_groups
from aryl.policy.units import release_flexible

# A growth that can't be placed takes its worth of GPUs from others in vain, so the GPUs are
# divided again without it; the last answer stands, whatever is left unplaced.
ROUNDS = 3

Change = tuple[Candidate, int]  # the flexible workers it is to have, not those it has
Division = Callable[[Draft, Sequence[Candidate], int], list[int]]
Explanation = Callable[[Candidate, int, int], Reason]


class Rule(NamedTuple):
    """What an option is worth to a job, who gets which, and why a job grows.

    `divided` answers each candidate's flexible workers, in training workers, where so many GPUs are
    to be had; `why` is told the new size, and by how many workers of the pool's type a job grows.
    `settled` answers what `valued` does while a job keeps to its estimate, and looks at no clock.
    """

    valued: Valuation
    divided: Division
    why: Explanation
    settled: Settled | None = None


def share_out(draft: Draft, rule: Rule) -> Draft:
    """Share out the spare GPUs of each pool, on-loan servers first (paper §5.3)."""
    for pool in (Pool.INFERENCE, Pool.TRAINING):
        draft = _share_in(draft, pool, rule)
    return draft


def by_knapsack(
    draft: Draft, candidates: Sequence[Candidate], spare_gpus: int, nodes: int
) -> list[int]:
    """The sizes of the greatest total value, proven unless the solver's limit strikes."""
    if not candidates:
        return []
    since = draft.elapsed()
    groups = [c.offer.group for c in candidates]
    choice = solve(groups, spare_gpus, nodes=nodes)
    draft.note_solve("knapsack", sum([len(group.weights) for group in groups]), since)
    if choice.how is How.FALLBACK:
        draft.notes.append(because(ReasonCode.SOLVER_LIMIT, nodes=nodes))
    return [
        candidate.offer.options[pick] if pick >= 0 else 0
        for candidate, pick in zip(candidates, choice.picks, strict=True)
    ]


def faster(model: Model) -> Explanation:
    """The reason of a scheme that looks at speed: how many times as fast a growth makes a job."""

    def why(candidate: Candidate, size: int, workers: int) -> Reason:
        stake = candidate.stake
        times = speed_with(stake, size, model) / speed_with(stake, stake.held, model)
        return because(ReasonCode.GROWS_FOR_SPEED, workers=workers, times=round(times, 2))

    return why


def _share_in(draft: Draft, pool: Pool, rule: Rule) -> Draft:
    stuck = stuck_in(draft, pool)
    candidates = candidates_in(draft, pool, rule.valued, rule.settled)
    if stuck:
        candidates = [c for c in candidates if c.job.id not in stuck]
    spare_gpus = draft.capacity.without_flexible.free_gpus(growth_groups(pool))
    spare_gpus -= sum(stuck.values())
    best = draft
    for _ in range(ROUNDS):
        targets = rule.divided(draft, candidates, spare_gpus)
        pairs = zip(candidates, targets, strict=True)
        changes = [(c, target) for c, target in pairs if target != c.stake.held]
        if not changes:
            return draft
        best = draft.fork()
        reached = _apply(best, pool, changes, rule.why)
        short = [c.stake.size_gpus for c, to in changes if reached.get(c.job.id, to) < to]
        if not short:
            return best
        candidates = _without_unplaced(candidates, reached, min(short))
        draft.solves, draft.notes = best.solves, best.notes
    return best


def _apply(draft: Draft, pool: Pool, changes: Sequence[Change], why: Explanation) -> dict[str, int]:
    """Shrink, then grow: widest workers first, and most gained per GPU first among them.

    The answer is the size that each job that was to grow has reached.
    """
    growing = []
    for candidate, target in changes:
        if target < candidate.stake.held:
            _shrink(draft, pool, candidate, target)
        else:
            growing.append((candidate, target))
    growing.sort(key=lambda growth: _growth_order(*growth))
    return {c.job.id: _grow(draft, pool, c, target, why) for c, target in growing}


def _without_unplaced(
    candidates: Sequence[Candidate], reached: Mapping[str, int], size_gpus: int
) -> list[Candidate]:
    """The candidates where workers of some width don't all fit: with workers as wide, none grows.

    Each of those jobs is capped at the size it has reached: the slots are taken by those that gain
    most from them.
    """
    return [
        capped(c, reached.get(c.job.spec.job_id, c.stake.held))
        if c.stake.size_gpus >= size_gpus
        else c
        for c in candidates
    ]


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


def _grow(draft: Draft, pool: Pool, candidate: Candidate, target: int, why: Explanation) -> int:
    """Grow to the target, or to what is worth most of what can be placed; the size reached."""
    stake = candidate.stake
    index, groups, size_gpus = draft.capacity.now, growth_groups(pool), stake.size_gpus
    workers_held = stake.workers_for(stake.held)
    room = index.workers_that_fit(groups, size_gpus) + workers_held
    size = _size_within(candidate, target, room)
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
    draft.grow(candidate.job.id, added, why(candidate, size, workers))
    return size


def _size_within(candidate: Candidate, target: int, room: int) -> int:
    """The target if so many workers hold it, else the best size below that is worth a growth.

    A smaller growth need not be worth anything where speed does not always rise with workers.
    """
    stake, (options, group) = candidate.stake, candidate.offer
    if stake.workers_for(target) <= room:
        return target
    worth = dict(zip(options, group.values, strict=True))
    fitting = [k for k in options if stake.held < k < target and stake.workers_for(k) <= room]
    best = max(fitting, key=lambda k: (worth[k], -k), default=stake.held)
    return best if worth.get(best, 0.0) > worth.get(stake.held, 0.0) else stake.held
