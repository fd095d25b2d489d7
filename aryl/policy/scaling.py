"""Phase 2: spare GPUs to elastic jobs, in the paper's way by a multiple-choice knapsack (paper §4).

The value of a growth is the run time it saves against running on base workers alone: in the
paper's way of the whole job (decision 4), or of what is left of it. With `soonest` it is the speed
that it adds by the work left, so that most jobs are done early (decision 23); that work is rounded
up to a power of two, so that values, and with them sizes, stay as they are for a while.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import frexp, ldexp

from aryl.model.job import Job
from aryl.model.reason import Reason, ReasonCode, because
from aryl.policy.afs import steepest_first
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.gandiva import grow_on_idle
from aryl.policy.knapsack import Group
from aryl.policy.offers import (
    Candidate,
    Model,
    Offer,
    Stake,
    Valuation,
    curve_of,
    model_of,
    speed_with,
)
from aryl.policy.pollux import grow_by_goodput
from aryl.policy.sharing import Explanation, Rule, by_knapsack, share_out

SOON_CLASS = 6  # 64 worker-seconds: jobs with less work left than that end equally soon


def grow_elastic(draft: Draft, config: PolicyConfig, now: float) -> Draft:
    """Save as much run time as the spare GPUs can."""
    model = model_of(config)
    of_all = config.value_of_work == "total"

    def by_work(job: Job, stake: Stake, most: int) -> Offer:
        work = job.believed_work_by(now)
        if of_all:
            return _offer_of_total(stake, most, work, model)
        return _offer(stake, most, _left(job, now), model)

    def soonest(job: Job) -> Valuation:
        return _by_class(_class(job, now), model)

    def by_soonness(job: Job, stake: Stake, most: int) -> Offer:
        return soonest(job)(job, stake, most)

    def divided(at: Draft, candidates: Sequence[Candidate], spare_gpus: int) -> list[int]:
        return by_knapsack(at, candidates, spare_gpus, config.solver_nodes)

    why = _saves(model, now, of_all=of_all)
    if config.value_of_work == "soonest":
        return share_out(draft, Rule(by_soonness, divided, why, soonest))
    estimated = _by_estimate(model)
    return share_out(draft, Rule(by_work, divided, why, (lambda _: estimated) if of_all else None))


def keep_size(draft: Draft, _config: PolicyConfig, _now: float) -> Draft:
    """Leave every job at the size it started with."""
    return draft


Scaling = Callable[[Draft, PolicyConfig, float], Draft]
SCALINGS: dict[str, Scaling] = {
    "none": keep_size,
    "knapsack": grow_elastic,
    "gandiva": grow_on_idle,
    "afs": steepest_first,
    "pollux": grow_by_goodput,
}


@lru_cache(maxsize=16)
def _by_estimate(model: Model) -> Valuation:
    """The value of a job's whole work as it was estimated."""

    def valued(job: Job, stake: Stake, most: int) -> Offer:
        return _offer(stake, most, job.spec.estimated_work, model)

    return valued


def _offer(stake: Stake, most: int, work: float, model: Model) -> Offer:
    options, weights, saved = _saved_by_work(stake, most, model)
    return Offer(options, Group(weights, tuple(work * share for share in saved)))


@lru_cache(maxsize=8192)
def _offer_of_total(stake: Stake, most: int, work: float, model: Model) -> Offer:
    """The same for as long as a job holds what it holds."""
    return _offer(stake, most, work, model)


@lru_cache(maxsize=8192)
def _saved_by_work(
    stake: Stake, most: int, model: Model
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]:
    """Flexible workers up to `most`, their GPUs, and the time saved by each unit of work."""
    options, weights, speeds, base_speed = curve_of(stake, most, model)
    slowest = 1.0 / base_speed
    return options, weights, tuple(slowest - 1.0 / speed for speed in speeds)


def _class(job: Job, now: float) -> int:
    """The power of two, in worker-seconds, that the work left is within."""
    return max(SOON_CLASS, frexp(_left(job, now))[1])


@lru_cache(maxsize=1024)
def _by_class(work_class: int, model: Model) -> Valuation:
    """The value of ending sooner to jobs with so much work left."""

    def valued(_job: Job, stake: Stake, most: int) -> Offer:
        return _offer_of_class(stake, most, work_class, model)

    return valued


@lru_cache(maxsize=8192)
def _offer_of_class(stake: Stake, most: int, work_class: int, model: Model) -> Offer:
    """Options worth how much more often such a job would end: the added speed by the work left."""
    options, weights, speeds, base_speed = curve_of(stake, most, model)
    work = ldexp(1.0, work_class)
    return Offer(options, Group(weights, tuple((speed - base_speed) / work for speed in speeds)))


def _left(job: Job, now: float) -> float:
    return max(0.0, job.believed_work_by(now) - job.done_by(now))


def _saves(model: Model, now: float, *, of_all: bool) -> Explanation:
    """The seconds that a growth saves of a whole job, or of what is left of it."""

    def why(candidate: Candidate, size: int, workers: int) -> Reason:
        job, stake = candidate.job, candidate.stake
        work = job.believed_work_by(now) if of_all else _left(job, now)
        saved_s = work / speed_with(stake, stake.held, model) - work / speed_with(
            stake, size, model
        )
        return because(ReasonCode.GROWS, workers=workers, saved_s=round(saved_s, 1))

    return why
