"""Which run-time estimates are wrong, and by how much."""

import pytest

from aryl.policy.config import EstimateError
from simulator.scenarios.estimates import with_wrong_estimates
from tests.builders import make_spec

JOBS = [make_spec(f"job-{number:04d}", duration_s=60.0 + number) for number in range(2_000)]


@pytest.mark.parametrize(("share", "most"), [(0.0, 0.25), (0.3, 0.0)])
def test_no_estimate_is_wrong_without_both_a_share_and_a_size(share: float, most: float) -> None:
    assert with_wrong_estimates(JOBS[:50], EstimateError(share, most), seed=1) == JOBS[:50]


def test_a_share_of_the_estimates_is_wrong_by_up_to_the_most_in_either_direction() -> None:
    wrong = with_wrong_estimates(JOBS, EstimateError(0.3, 0.25), seed=1)
    factors = [
        after.estimated_duration_s / before.duration_s
        for before, after in zip(JOBS, wrong, strict=True)
    ]
    missed = [factor for factor in factors if factor != 1.0]

    assert len(missed) == pytest.approx(600, abs=60)
    assert 0.75 <= min(missed) < 0.77
    assert 1.23 < max(missed) <= 1.25
    assert [job.duration_s for job in wrong] == [job.duration_s for job in JOBS]
