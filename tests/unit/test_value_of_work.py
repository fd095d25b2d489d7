"""What a growth is worth: time saved of a whole job, of what is left of it, or sooner ends."""

import pytest

from tests.builders import base, make_cluster, resizes
from tests.growing import added, elastic, grown


@pytest.mark.parametrize(
    ("value_of_work", "winner", "saved_s"),
    [("total", "large", 1_000), ("remaining", "fresh", 500), ("soonest", "nearly-done", 50)],
)
def test_a_growth_is_worth_what_it_saves_of_all_work_or_what_is_left_or_an_end_that_is_near(
    value_of_work: str, winner: str, saved_s: int
) -> None:
    cluster = make_cluster([16])
    jobs = [
        elastic(
            cluster,
            job_id,
            base(1, 4),
            max_workers=8,
            allowed_workers=(4, 8),
            duration_s=duration_s,
            done=done,
            progress_s=1_000.0,
        )
        for job_id, duration_s, done in [
            ("large", 2_000.0, 5_000.0),
            ("fresh", 1_000.0, 0.0),
            ("nearly-done", 1_500.0, 5_600.0),
        ]
    ]
    plan = grown(cluster, *jobs, value_of_work=value_of_work)

    assert added(plan) == {winner: 4}
    assert [a.reason.text for a in resizes(plan)] == [f"4 more workers save {saved_s} s"]


def test_who_ends_soonest_is_found_out_anew_as_jobs_come_nearer_to_their_ends() -> None:
    cluster = make_cluster([12])
    jobs = [
        elastic(
            cluster,
            job_id,
            base(1, 4),
            max_workers=8,
            allowed_workers=(4, 8),
            duration_s=duration_s,
            speed=speed,
        )
        for job_id, duration_s, speed in [("stands", 500.0, 0.0), ("runs", 1_000.0, 4.0)]
    ]

    # 2,000 and 4,000 worker-seconds are left; 900 s later 2,000 and 400
    assert added(grown(cluster, *jobs, value_of_work="soonest")) == {"stands": 4}
    assert added(grown(cluster, *jobs, value_of_work="soonest", now=1_900.0)) == {"runs": 4}
