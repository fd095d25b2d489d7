"""AFS as the paper compares with it (paper §8; Hwang et al., NSDI 2021).

Every job has its base workers; then one worker more, again and again, to the job that gains the
most throughput per GPU, until nothing is left or nobody gains. Throughput is counted in training
GPUs' worth, so that jobs of different models and widths compare: where speed is linear, a GPU does
the same everywhere, and the tie goes to the job with the shortest remaining time, as in AFS.

A job that wins has less time to go and wins the next tie too. Workers that each gain as much as
the one before are therefore given in one step, which makes a step cost the logarithm of the number
of jobs. Where a curve is not concave, a step is as long as pays best per GPU: no dip stops a job
from what lies behind it, and none is entered for its own sake.
"""

from collections.abc import Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.knapsack import Group
from aryl.policy.offers import Candidate, Model, by_speed, model_of, speed_with
from aryl.policy.sharing import Rule, faster, share_out

SAME = 1e-9  # gains per GPU are of the order of 1; those closer than this differ by rounding


class Step(NamedTuple):
    """A job's next growth; steps sort by gain, then by the time the job has left."""

    loss_per_gpu: float  # the gain's negative
    left_s: float
    place: int  # among the candidates, which are in order of names
    pick: int


def steepest_first(draft: Draft, config: PolicyConfig, now: float) -> Draft:
    """Give each spare GPU to the job that gains the most throughput from it."""
    model = model_of(config)
    valued = by_speed(model)

    def divided(_draft: Draft, candidates: Sequence[Candidate], spare_gpus: int) -> list[int]:
        picks = _all_they_gain_from(candidates, spare_gpus)
        if picks is None:
            picks = _Race(candidates, now, model).run(spare_gpus)
        return [
            candidate.offer.options[pick] if pick >= 0 else 0
            for candidate, pick in zip(candidates, picks, strict=True)
        ]

    return share_out(draft, Rule(valued, divided, faster(model), settled=lambda _job: valued))


def _all_they_gain_from(candidates: Sequence[Candidate], spare_gpus: int) -> list[int] | None:
    """Where the race ends if there is enough for everybody, as most often there is."""
    picks = [_end(c.offer.group) for c in candidates]
    for candidate, pick in zip(candidates, picks, strict=True):
        if pick >= 0:
            spare_gpus -= candidate.offer.group.weights[pick]
            if spare_gpus < 0:
                return None
    return picks


class _Race:
    """Jobs that compete for GPUs, each with the option it has reached, -1 for none."""

    def __init__(self, candidates: Sequence[Candidate], now: float, model: Model) -> None:
        self.groups = [c.offer.group for c in candidates]
        self.picks = [-1] * len(candidates)
        self._size_gpus = [c.stake.size_gpus for c in candidates]
        self._base_speed = [speed_with(c.stake, 0, model) for c in candidates]
        self._left = [
            max(0.0, c.job.believed_work_by(now) - c.job.done_by(now)) for c in candidates
        ]

    def run(self, spare_gpus: int) -> list[int]:
        first = (self._step(place, steepest(group, -1)) for place, group in enumerate(self.groups))
        steps = [step for step in first if step]
        heapify(steps)
        while steps:
            _, _, place, pick = heappop(steps)
            group, at = self.groups[place], self.picks[place]
            gpus = group.weights[pick] - (group.weights[at] if at >= 0 else 0)
            if gpus <= spare_gpus:
                spare_gpus -= gpus
                self.picks[place] = pick
                step = self._step(place, steepest(group, pick))
            else:
                step = self._step(place, _steepest(group, at, spare_gpus))
            if step:
                heappush(steps, step)
        return self.picks

    def _step(self, place: int, best: tuple[float, int] | None) -> Step | None:
        if best is None:
            return None
        gain_per_gpu, pick = best
        at = self.picks[place]
        gained = self.groups[place].values[at] / self._size_gpus[place] if at >= 0 else 0.0
        left_s = self._left[place] / (self._base_speed[place] + gained)
        return Step(-round(gain_per_gpu / SAME) * SAME, left_s, place, pick)


@lru_cache(maxsize=8192)
def _end(group: Group) -> int:
    """The option behind which nothing is gained; -1: no option gains."""
    pick = -1
    while step := steepest(group, pick):
        pick = step[1]
    return pick


@lru_cache(maxsize=65536)
def steepest(group: Group, at: int) -> tuple[float, int] | None:
    """The larger option that gains the most per added GPU, with that gain; None: none gains."""
    return _steepest(group, at, sum(group.weights))


def _steepest(group: Group, at: int, room_gpus: int) -> tuple[float, int] | None:
    """The same of those within so many more GPUs; of equal ones, the largest."""
    weight, value = (group.weights[at], group.values[at]) if at >= 0 else (0, 0.0)
    best, best_gain = None, SAME
    for pick in range(at + 1, len(group.weights)):
        gpus = group.weights[pick] - weight
        if gpus > room_gpus:
            break
        gain = (group.values[pick] - value) / gpus
        if gain >= best_gain - SAME and gain > SAME:
            best, best_gain = pick, max(gain, best_gain)
    return None if best is None else (best_gain, best)
