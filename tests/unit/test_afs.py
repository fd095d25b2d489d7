"""AFS by example: each worker goes where it gains the most throughput per GPU."""

import pytest

from aryl.policy.afs import steepest
from aryl.policy.knapsack import Group
from tests.builders import base, flexible, make_cluster, resizes
from tests.growing import EIGHT, added, elastic, grown


def test_the_shortest_job_wins_where_a_gpu_does_the_same_everywhere() -> None:
    jobs = [
        elastic(EIGHT, "long", base(1, 2), max_workers=6, duration_s=5_000.0),
        elastic(EIGHT, "short", base(1, 2), max_workers=5, duration_s=500.0),
    ]

    # the knapsack saves more run time by the long one
    assert added(grown(EIGHT, *jobs, scheme="afs")) == {"short": 3, "long": 1}
    assert added(grown(EIGHT, *jobs, scheme="aryl-scaling")) == {"long": 4}


def test_what_counts_is_the_time_that_a_job_has_left() -> None:
    begun = elastic(
        EIGHT, "begun", base(1, 2), max_workers=6, duration_s=5_000.0, done=8_000.0, progress_s=1e3
    )
    fresh = elastic(EIGHT, "fresh", base(1, 2), max_workers=6, duration_s=2_000.0, progress_s=1e3)

    assert added(grown(EIGHT, begun, fresh, scheme="afs")) == {"begun": 4}


def test_what_a_job_was_just_given_counts_in_its_time_left() -> None:
    cluster = make_cluster([6])
    jobs = [
        elastic(cluster, "grown", base(1, 1), max_workers=4, duration_s=1_500.0),
        elastic(cluster, "other", base(1, 2), max_workers=4, duration_s=1_000.0),
    ]

    # a second worker gains twice what any further one does; with two, 750 s are left
    plan = grown(cluster, *jobs, scheme="afs", speedup="table=1:1,2:2,4:3")

    assert added(plan) == {"grown": 3}


def test_workers_move_to_a_job_with_less_time_to_go() -> None:
    long = elastic(
        EIGHT,
        "long",
        base(1, 2),
        flexible(1, 4),
        min_workers=2,
        num_gpus=2,
        max_workers=6,
        duration_s=90_000.0,
    )
    short = elastic(EIGHT, "short", base(1, 2), max_workers=6, duration_s=2_000.0)

    assert added(grown(EIGHT, long, short, scheme="afs")) == {"long": -4, "short": 4}


def test_wide_workers_gain_no_less_per_gpu_than_narrow_ones() -> None:
    cluster = make_cluster([16])
    wide = elastic(
        cluster, "wide", base(1, 1), gpus_per_worker=4, num_gpus=4, max_workers=3, duration_s=1e3
    )
    narrow = elastic(cluster, "narrow", base(1, 4), max_workers=12, duration_s=9e3)

    assert added(grown(cluster, wide, narrow, scheme="afs")) == {"wide": 2}


def test_falling_gains_spread_the_gpus() -> None:
    jobs = [
        elastic(EIGHT, "long", base(1, 1), max_workers=8, duration_s=5_000.0),
        elastic(EIGHT, "short", base(1, 1), max_workers=8, duration_s=2_000.0),
    ]

    assert added(grown(EIGHT, *jobs, scheme="afs")) == {"short": 6}
    assert added(grown(EIGHT, *jobs, scheme="afs", speedup="loss=0.2")) == {"short": 3, "long": 3}


def test_what_is_too_little_for_the_first_goes_to_the_next() -> None:
    cluster = make_cluster([12])
    jobs = [
        elastic(cluster, "a", base(1, 4), max_workers=9, allowed_workers=(4, 9), duration_s=2e3),
        elastic(cluster, "b", base(1, 5), max_workers=6, duration_s=5e3),
    ]

    assert added(grown(cluster, *jobs, scheme="afs")) == {"b": 1}


@pytest.mark.parametrize(
    ("values", "at", "best"),
    [
        pytest.param((1.0, 2.0, 3.0), -1, (1.0, 2), id="equal gains make one step"),
        pytest.param((1.0, 1.5, 1.8), -1, (1.0, 0), id="falling gains: the first"),
        pytest.param((1.0, 1.5, 1.8), 0, (0.5, 1), id="from where it stands"),
        pytest.param((-1.0, -1.0, 3.0), -1, (1.0, 2), id="over a dip"),
        pytest.param((0.0, 0.0, 0.0), -1, None, id="nobody gains"),
        pytest.param((2.0, 1.0, 1.5), 0, None, id="nothing better behind"),
    ],
)
def test_a_step_is_the_growth_that_pays_best_per_gpu(
    values: tuple[float, ...], at: int, best: tuple[float, int] | None
) -> None:
    group = Group((1, 2, 3), values)

    assert steepest(group, at) == best


def test_the_reason_says_how_much_faster_the_job_gets() -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=5)

    plan = grown(EIGHT, job, scheme="afs")

    assert resizes(plan)[0].reason.text == "3 more workers make it 2.5 times as fast"


def test_both_pools_are_shared_out() -> None:
    cluster = make_cluster([4], [8, 8], factor=3.0)
    jobs = [
        elastic(cluster, "here", base(1, 2), max_workers=9),
        elastic(
            cluster,
            "there",
            base(1, 3, loaned=True),
            min_workers=1,
            num_gpus=1,
            max_workers=9,
            fungible=True,
        ),
    ]

    plan = grown(cluster, *jobs, scheme="afs", loaning="forecast")

    assert added(plan) == {"here": 2, "there": 6}
