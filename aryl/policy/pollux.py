"""Pollux's allocation as far as a scheduler decides it (paper §8; Qiao et al., OSDI 2021).

Every 60 s, GPUs are allocated anew for the best power mean (p = -1) of all jobs' speed-ups. A job's
speed-up is its goodput over that at a fair share, the training GPUs divided by the jobs that run or
wait; where its allocation changes, it counts (age - restarts x delay) / (age + delay) times as
much. With p = -1 the slowest jobs, measured by their fair share, weigh most; how long a job will
run plays no part, and a young job is left alone unless it gains much.

What is simplified, and why:

* Goodput is throughput. Statistical efficiency is taken as 1 and agents tune no batch sizes: the
  elastic jobs of the paper keep their local batch and progress by throughput alone (paper §5.1),
  and so do the simulator's.
* Throughput comes from the configured scaling model, not from a fit during the run.
* The search is exact. With p = -1, the mean is best where the sum of inverse speed-ups is least:
  a multiple-choice knapsack over the jobs' sizes, which takes the place of the genetic search.
  Workers are placed afterwards, so interference between distributed jobs is not considered.
* Running jobs keep their base workers, and queued ones get theirs in order of arrival, like any
  scheme's here (spec §6): Pollux may stop a job for another, and has no queue.
* Restarts are the preemptions of a job: a snapshot doesn't count resizes.
* Below its base workers no job has a throughput; a smaller fair share counts in proportion.
"""

from collections.abc import Sequence

from aryl.model.job import Job, JobSpec
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.knapsack import Group
from aryl.policy.offers import Candidate, Model, Offer, Stake, curve_of, model_of
from aryl.policy.sharing import Rule, by_knapsack, faster, share_out
from aryl.policy.speedup import throughput

REALLOCATION_S = 30.0  # the delay that Pollux reckons with, where the policy doesn't say
LEAST_FACTOR = 1e-3  # of a reallocation: a job restarted again and again counts for something


def grow_by_goodput(draft: Draft, config: PolicyConfig, now: float) -> Draft:
    """Divide spare GPUs for the best power mean of speed-ups over a fair share."""
    model = model_of(config)
    fair_gpus = draft.cluster.training_gpus / max(1, draft.unfinished)
    delay_s = config.resize_overhead_s or REALLOCATION_S

    def valued(job: Job, stake: Stake, most: int) -> Offer:
        fair_speed = _fair_speed(job.spec, fair_gpus, model)
        return _offer(stake, most, fair_speed, _factor(job, now, delay_s), model)

    def divided(at: Draft, candidates: Sequence[Candidate], spare_gpus: int) -> list[int]:
        return by_knapsack(at, candidates, spare_gpus, config.solver_nodes)

    return share_out(draft, Rule(valued, divided, faster(model)))


def _offer(stake: Stake, most: int, fair_speed: float, factor: float, model: Model) -> Offer:
    """Options worth what they take off the job's inverse speed-up."""
    options, weights, speeds, base_speed = curve_of(stake, most, model)

    def inverse(flexible: int, speed: float) -> float:
        return fair_speed / (speed * (1.0 if flexible == stake.held else factor))

    without = inverse(0, base_speed)
    values = (without - inverse(k, speed) for k, speed in zip(options, speeds, strict=True))
    return Offer(options, Group(weights, tuple(values)))


def _factor(job: Job, now: float, delay_s: float) -> float:
    """What is left of a speed-up if the job's allocation changes; a job that starts has none."""
    if not job.placements:
        return 1.0
    age_s = now - job.spec.submit_s
    return max(LEAST_FACTOR, (age_s - job.preemptions * delay_s) / (age_s + delay_s))


def _fair_speed(spec: JobSpec, fair_gpus: float, model: Model) -> float:
    """The job's speed on its fair share of the cluster."""
    share = fair_gpus / spec.gpus_per_worker
    workers = min(int(share), spec.max_workers)
    if workers >= spec.min_workers:
        return throughput(model[0], workers, spec.requested_workers)
    least = throughput(model[0], spec.min_workers, spec.requested_workers)
    return least * share / spec.min_workers
