"""Pollux by example: the mean of inverse speed-ups over a fair share, reallocations counted."""

import pytest

from aryl.engine.pacing import Pacing
from aryl.model.snapshot import Due
from aryl.policy.registry import load_policy
from tests.builders import base, flexible, make_cluster, make_job
from tests.growing import EIGHT, added, elastic, grown

TWELVE = make_cluster([12])


def test_run_times_play_no_part() -> None:
    jobs = [
        elastic(EIGHT, "a", base(1, 2), max_workers=6, duration_s=100.0),
        elastic(EIGHT, "b", base(1, 2), max_workers=6, duration_s=90_000.0),
    ]

    assert added(grown(EIGHT, *jobs, scheme="pollux")) == {"a": 2, "b": 2}
    assert added(grown(EIGHT, *jobs, scheme="aryl-scaling")) == {"b": 4}


def test_who_has_least_beside_its_fair_share_gains_most() -> None:
    jobs = [
        elastic(TWELVE, "big", base(1, 6), max_workers=12, duration_s=9_000.0),
        elastic(TWELVE, "small", base(1, 2), max_workers=4, duration_s=9_000.0),
    ]

    # two of the four free GPUs double the small job; the other two are the big one's
    assert added(grown(TWELVE, *jobs, scheme="pollux")) == {"small": 2, "big": 2}
    assert added(grown(make_cluster([10]), *jobs, scheme="pollux")) == {"small": 2}


def test_a_job_s_worth_falls_as_it_passes_its_fair_share() -> None:
    jobs = [elastic(TWELVE, name, base(1, n), max_workers=12) for name, n in [("a", 1), ("b", 3)]]

    assert added(grown(TWELVE, *jobs, scheme="pollux")) == {"a": 5, "b": 3}


def test_speed_is_held_against_the_fair_share_not_counted_in_workers() -> None:
    cluster = make_cluster([11])
    jobs = [
        elastic(cluster, "wide", base(1, 1), gpus_per_worker=4, num_gpus=4, max_workers=2),
        elastic(cluster, "narrow", base(1, 3), max_workers=12),
    ]

    # a share of 5.5 GPUs is one wide worker, or five narrow ones of which three run
    assert added(grown(cluster, *jobs, scheme="pollux")) == {"narrow": 4}


def test_a_fair_share_is_no_more_than_a_job_can_use() -> None:
    cluster = make_cluster([20])
    jobs = [
        elastic(cluster, "a", base(1, 2), max_workers=3),
        elastic(cluster, "b", base(1, 2), max_workers=12),
        elastic(cluster, "rigid", base(1, 15)),
    ]

    # with a share of 6 GPUs, 2 workers are two thirds of what a can use, and a third of b's share
    assert added(grown(cluster, *jobs, scheme="pollux")) == {"b": 1}


def test_jobs_that_wait_have_a_share_too() -> None:
    cluster = make_cluster([20])
    jobs = [
        elastic(cluster, "big", base(1, 8), max_workers=16),
        elastic(cluster, "small", base(1, 2), max_workers=12),
    ]
    waiting = tuple(make_job(f"wide-{n}", gpus_per_worker=21) for n in range(3))

    # a share of 4 GPUs, of which big has twice as much to begin with: both end with 10 workers
    plan = grown(cluster, *jobs, queued=waiting, scheme="pollux")

    assert added(plan) == {"big": 2, "small": 8}


@pytest.mark.parametrize(
    ("age_s", "gains"),
    [
        # 2 to 3 workers: 1.5 times as fast, but counted (age / (age + 30)) times
        pytest.param(50.0, {}, id="young: a reallocation costs more than it gains"),
        pytest.param(70.0, {"job": 1}, id="older: it pays"),
    ],
)
def test_a_young_job_is_left_alone(age_s: float, gains: dict[str, int]) -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=3, submit_s=1_000.0 - age_s)

    assert added(grown(EIGHT, job, scheme="pollux")) == gains


def test_who_was_restarted_again_and_again_is_left_alone() -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=3, submit_s=900.0, preemptions=2)

    assert added(grown(EIGHT, job, scheme="pollux")) == {}


def test_the_delay_reckoned_with_is_the_configured_one() -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=3, submit_s=0.0)

    assert added(grown(EIGHT, job, scheme="pollux", resize_overhead_s=300.0)) == {"job": 1}
    assert added(grown(EIGHT, job, scheme="pollux", resize_overhead_s=600.0)) == {}


def test_a_job_that_starts_may_grow_at_once() -> None:
    job = make_job("new", min_workers=2, max_workers=3, submit_s=1_000.0)

    assert added(grown(EIGHT, queued=(job,), scheme="pollux")) == {"new": 1}


def test_a_small_gain_moves_nobody() -> None:
    held = elastic(EIGHT, "a", base(1, 1), flexible(1, 3), min_workers=1, num_gpus=1, max_workers=5)
    other = elastic(
        EIGHT, "b", base(1, 1), flexible(1, 2), min_workers=1, num_gpus=1, max_workers=5
    )
    cluster = make_cluster([7])

    # 4 and 3 workers are as good as 3 and 4, which would cost two reallocations
    assert added(grown(cluster, held, other, scheme="pollux")) == {}


def test_it_decides_once_a_minute_whatever_changes() -> None:
    pacing = Pacing(load_policy({}, scheme="pollux"))
    pacing.changed()
    assert pacing.due(0.0) is Due.SCHEDULE

    pacing.changed()
    assert pacing.due(59.0) is None
    assert pacing.due(60.0) is Due.SCHEDULE
    assert pacing.due(120.0) is Due.SCHEDULE
