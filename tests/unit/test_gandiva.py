"""Gandiva by example: jobs grow while nobody waits, and hand back what others need to start."""

import pytest

from aryl.model.plan import StartJob
from tests.builders import base, flexible, make_cluster, make_job, resizes
from tests.growing import EIGHT, added, elastic, grown


def test_free_gpus_are_shared_evenly_whatever_the_jobs_are_worth() -> None:
    jobs = [
        elastic(EIGHT, "a", base(1, 1), max_workers=8, duration_s=100.0),
        elastic(EIGHT, "b", base(1, 1), max_workers=8, duration_s=90_000.0),
    ]

    assert added(grown(EIGHT, *jobs, scheme="gandiva")) == {"a": 3, "b": 3}


def test_the_least_grown_job_catches_up_first() -> None:
    cluster = make_cluster([9])
    jobs = [
        elastic(cluster, "a", base(1, 1), flexible(1, 2), min_workers=1, num_gpus=1, max_workers=9),
        elastic(cluster, "b", base(1, 1), max_workers=9),
    ]

    assert added(grown(cluster, *jobs, scheme="gandiva")) == {"a": 2, "b": 3}


def test_nothing_moves_from_a_running_job_to_one_that_gains_more() -> None:
    short = elastic(
        EIGHT, "short", base(1, 2), flexible(1, 4), min_workers=2, num_gpus=2, max_workers=6
    )
    long = elastic(EIGHT, "long", base(1, 2), max_workers=6, duration_s=5_000.0)

    assert added(grown(EIGHT, short, long, scheme="gandiva")) == {}
    assert added(grown(EIGHT, short, long, scheme="aryl")) == {"short": -4, "long": 4}


@pytest.mark.parametrize(("waiting", "gains"), [(False, {"job": 6}), (True, {})])
def test_nobody_grows_while_somebody_waits(waiting: bool, gains: dict[str, int]) -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=8)
    too_wide = make_job("too-wide", gpus_per_worker=8)

    plan = grown(EIGHT, job, queued=(too_wide,) if waiting else (), scheme="gandiva")

    assert added(plan) == gains


def test_who_starts_waits_no_longer_and_leaves_the_rest_to_those_who_grow() -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=8)

    plan = grown(EIGHT, job, queued=(make_job("new", gpus_per_worker=4),), scheme="gandiva")

    assert [a.job_id for a in plan.actions if isinstance(a, StartJob)] == ["new"]
    assert added(plan) == {"job": 2}


def test_what_was_grown_is_given_up_for_a_start() -> None:
    job = elastic(
        EIGHT, "job", base(1, 2), flexible(1, 6), min_workers=2, num_gpus=2, max_workers=8
    )

    plan = grown(EIGHT, job, queued=(make_job("new", gpus_per_worker=4),), scheme="gandiva")

    assert added(plan) == {"job": -4}
    assert [a.job_id for a in plan.actions if isinstance(a, StartJob)] == ["new"]


def test_a_size_at_which_the_job_is_no_faster_is_passed_over() -> None:
    job = elastic(EIGHT, "job", base(1, 2), max_workers=8)

    plan = grown(EIGHT, job, scheme="gandiva", speedup="table=2:2,3:1,4:2,5:3,6:3")

    assert added(plan) == {"job": 3}
    assert resizes(plan)[0].reason.text == "3 more workers make it 1.5 times as fast"
