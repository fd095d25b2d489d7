"""Gandiva's growing and shrinking as the paper compares with it (paper §8; Xiao et al., OSDI 2018).

Jobs grow on GPUs that are free while nobody waits. What they have grown by goes to whoever does
wait: phase 1 shrinks them for a start. Nothing is moved from one running job to another, so where
the last GPUs went they stay. Gandiva's time slicing, packing and migration are left out: a job
here has its GPUs to itself.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace

from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.offers import Candidate, by_speed, model_of
from aryl.policy.sharing import Rule, faster, share_out


def grow_on_idle(draft: Draft, config: PolicyConfig, _now: float) -> Draft:
    """Let jobs grow on free GPUs unless somebody waits."""
    if draft.waiting:
        return draft
    model = model_of(config)
    valued = by_speed(model)

    def divided(_draft: Draft, candidates: Sequence[Candidate], spare_gpus: int) -> list[int]:
        return _least_grown_first(candidates, spare_gpus)

    return share_out(draft, Rule(valued, divided, faster(model), settled=lambda _job: valued))


def _least_grown_first(candidates: Sequence[Candidate], spare_gpus: int) -> list[int]:
    """One growth at a time to whoever has the fewest flexible GPUs; ties by name.

    Which job grows is open in both papers. Like Gandiva, which keeps a growth only if profiling
    shows that it pays, this one passes over sizes at which the job would be no faster.
    """
    sizes = [c.stake.held for c in candidates]
    grown_gpus = [_gpus(c, size) for c, size in zip(candidates, sizes, strict=True)]
    free_gpus = spare_gpus - sum(grown_gpus)
    line = [(gpus, place) for place, gpus in enumerate(grown_gpus)]
    heapify(line)
    while line and free_gpus > 0:
        gpus, place = line[0]
        size = _next_size(candidates[place], sizes[place], gpus + free_gpus)
        if size is None:
            heappop(line)
            continue
        sizes[place] = size
        grown = _gpus(candidates[place], size)
        free_gpus -= grown - gpus
        heapreplace(line, (grown, place))
    return sizes


def _gpus(candidate: Candidate, size: int) -> int:
    return candidate.stake.workers_for(size) * candidate.stake.size_gpus


def _next_size(candidate: Candidate, size: int, most_gpus: int) -> int | None:
    """The next larger size within so many GPUs at which the job is faster."""
    options, group = candidate.offer
    choices = list(zip(options, group.weights, group.values, strict=True))
    speed = next((value for k, _, value in choices if k == size), 0.0)
    faster_sizes = (
        k for k, gpus, value in choices if k > size and gpus <= most_gpus and value > speed
    )
    return next(faster_sizes, None)
