"""Phase 2: spare GPUs to elastic jobs, in the paper's way by a multiple-choice knapsack (paper §4).

The value of a growth is the run time it saves against running on base workers alone: in the paper's
way of the whole job (decision 4), or of what is left of it. `soonest` weighs that which is saved by
how soon the job ends, so that most jobs are done early (decision 23).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

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

SOON_S = 60.0  # jobs that end within so long are equally soon


def grow_elastic(draft: Draft, config: PolicyConfig, now: float) -> Draft:
    """Save as much run time as the spare GPUs can."""
    model = model_of(config)
    worth = config.value_of_work

    def valued(job: Job, stake: Stake, most: int) -> Offer:
        if worth == "total":
            return _offer_of_total(stake, most, job.believed_work_by(now), model)
        left = _left(job, now)
        if worth == "remaining":
            return _offer(stake, most, left, model)
        return _offer_of_soonest(stake, most, left, model)

    def divided(at: Draft, candidates: Sequence[Candidate], spare_gpus: int) -> list[int]:
        return by_knapsack(at, candidates, spare_gpus, config.solver_nodes)

    settled = _by_estimate(model) if worth == "total" else None
    why = _saves(model, now, of_all=worth == "total")
    return share_out(draft, Rule(valued, divided, why, settled))


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


def _offer_of_soonest(stake: Stake, most: int, left: float, model: Model) -> Offer:
    """Options worth how much more often such a job would end: the added speed by the work left."""
    options, weights, speeds, base_speed = curve_of(stake, most, model)
    work = max(left, SOON_S * base_speed)
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
