"""Phase 2: spare GPUs to elastic jobs, in the paper's way by a multiple-choice knapsack (paper §4).

The value of a growth is the run time it saves against running on base workers alone.
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
from aryl.policy.offers import Candidate, Model, Offer, Stake, Valuation, curve_of, model_of
from aryl.policy.pollux import grow_by_goodput
from aryl.policy.sharing import Rule, by_knapsack, share_out


def grow_elastic(draft: Draft, config: PolicyConfig, now: float) -> Draft:
    """Save as much run time as the spare GPUs can."""
    model = model_of(config)

    def valued(job: Job, stake: Stake, most: int) -> Offer:
        work = job.believed_work_by(now)
        if config.value_of_work == "total":
            return _offer_of_total(stake, most, work, model)
        return _offer(stake, most, max(0.0, work - job.done_by(now)), model)

    settled = _by_estimate(model) if config.value_of_work == "total" else None

    def divided(at: Draft, candidates: Sequence[Candidate], spare_gpus: int) -> list[int]:
        return by_knapsack(at, candidates, spare_gpus, config.solver_nodes)

    return share_out(draft, Rule(valued, divided, _why, settled))


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


def _why(candidate: Candidate, size: int, workers: int) -> Reason:
    """The seconds that a growth saves."""
    options, group = candidate.offer
    saved = dict(zip(options, group.values, strict=True))
    saved_s = round(saved[size] - saved.get(candidate.stake.held, 0.0), 1)
    return because(ReasonCode.GROWS, workers=workers, saved_s=saved_s)
