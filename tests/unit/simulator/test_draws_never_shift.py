"""What is drawn for a seed is pinned: a draw that shifts changes every figure measured before."""

from dataclasses import replace

import pytest

from aryl.policy.config import EstimateError
from simulator.scenarios.drawing import drawn
from simulator.scenarios.estimates import with_wrong_estimates
from simulator.scenarios.workload import Workload
from tests.builders import make_spec

SEED = 7
JOBS = [make_spec(str(n), num_gpus=2, duration_s=60.0 * (n + 1)) for n in range(40)]
MIX = {*range(30, 40)} - {32}


@pytest.mark.parametrize(
    ("entry", "share", "column", "expected"),
    [
        ("elastic_jobs", 0.05, "is_elastic", MIX),
        ("elastic_jobs", 0.3, "is_elastic", MIX | {7, 9, 23}),
        ("fungible_jobs", 0.2, "fungible", {8, 10, 14, 21, 25, 29, 36, 38}),
        ("heterogeneous_jobs", 0.1, "heterogeneous", {6, 16, 26, 39}),
        ("checkpoint_jobs", 0.1, "checkpoint_s", {0, 21, 35, 39}),
    ],
)
def test_a_seed_draws_the_same_jobs_for_ever(
    entry: str, share: float, column: str, expected: set[int]
) -> None:
    after = drawn(JOBS, replace(Workload(), **{entry: share}), frozenset(), SEED)

    assert {int(job.job_id) for job in after if getattr(job, column)} == expected


def test_a_seed_makes_the_same_estimates_wrong_for_ever() -> None:
    after = with_wrong_estimates(JOBS, EstimateError(share=0.2, max=0.3), SEED)

    wrong = {int(job.job_id) for job in after if job.estimated_duration_s != job.duration_s}
    assert wrong == {11, 13, 18, 26, 30}
