"""What a growth is worth: time saved of a whole job, of what is left of it, or sooner ends."""

from typing import Any

import pytest

from aryl.model.job import Job
from tests.builders import base, make_cluster, resizes
from tests.growing import added, elastic, grown

SIXTEEN, TWELVE = make_cluster([16]), make_cluster([12])


def rival(job_id: str, duration_s: float, **changes: Any) -> Job:
    """A job whose work takes its four base workers so long; it may have four more."""
    return elastic(
        SIXTEEN,
        job_id,
        base(1, 4),
        max_workers=8,
        allowed_workers=(4, 8),
        duration_s=duration_s,
        **changes,
    )


@pytest.mark.parametrize(
    ("value_of_work", "winner", "saved_s"),
    [("total", "large", 1_000), ("remaining", "fresh", 500), ("soonest", "nearly-done", 50)],
)
def test_a_growth_is_worth_what_it_saves_of_all_work_or_what_is_left_or_an_end_that_is_near(
    value_of_work: str, winner: str, saved_s: int
) -> None:
    jobs = [
        rival("large", 2_000.0, done=5_000.0),
        rival("fresh", 1_000.0),
        rival("nearly-done", 1_500.0, done=5_600.0),
    ]
    plan = grown(SIXTEEN, *jobs, value_of_work=value_of_work)

    assert added(plan) == {winner: 4}
    assert [a.reason.text for a in resizes(plan)] == [f"4 more workers save {saved_s} s"]


def test_who_ends_soonest_is_found_out_anew_as_jobs_come_nearer_to_their_ends() -> None:
    jobs = [rival("stands", 500.0, speed=0.0), rival("runs", 1_000.0, speed=4.0)]

    # 2,000 and 4,000 worker-seconds are left; 900 s later 2,000 and 400
    assert added(grown(TWELVE, *jobs, value_of_work="soonest")) == {"stands": 4}
    assert added(grown(TWELVE, *jobs, value_of_work="soonest", now=1_900.0)) == {"runs": 4}
