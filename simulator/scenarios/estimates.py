"""Wrong run-time estimates (paper Table 9)."""

from collections.abc import Sequence
from dataclasses import replace

from aryl.model.job import JobSpec
from aryl.policy.config import EstimateError
from simulator.scenarios.sampling import Stream, chance


def with_wrong_estimates(jobs: Sequence[JobSpec], error: EstimateError, seed: int) -> list[JobSpec]:
    """The jobs with a share of the run-time estimates off by up to `error.max`, up or down."""
    if not error.share or not error.max:
        return list(jobs)
    rng = chance(seed, Stream.ESTIMATES)
    wrong = rng.random(len(jobs)) < error.share
    factors = 1.0 + error.max * rng.uniform(-1.0, 1.0, len(jobs))
    return [
        replace(job, estimated_duration_s=job.estimated_duration_s * float(factor)) if hit else job
        for job, hit, factor in zip(jobs, wrong, factors, strict=True)
    ]
