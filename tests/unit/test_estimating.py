"""Run times are learnt from jobs that ended, and from those that run longer than others did."""

from collections.abc import Callable
from math import exp, log
from typing import Any

import pytest

from aryl.engine.estimating import ESTIMATORS, Estimator, Learner, believing
from aryl.model.job import JobSpec
from aryl.policy.estimating import UNKNOWN_S, Guess, RunTimes, bin_of, outlived_at_s
from tests.builders import make_job, make_spec


def history(*jobs: tuple[JobSpec, float]) -> RunTimes:
    known = RunTimes()
    for spec, run_s in jobs:
        known.ended(spec, run_s)
    return known


def guess(known: RunTimes | Estimator, **spec: Any) -> Guess:
    found = known.guess(make_spec(**spec))
    assert found is not None
    return found


def log_error(found: Guess) -> float:
    assert found.log_error is not None
    return found.log_error


def test_nothing_known_is_an_hour_give_or_take_much() -> None:
    found = guess(RunTimes())

    assert found.run_s == pytest.approx(UNKNOWN_S, rel=0.2)
    assert log_error(found) > log(10.0)


@pytest.mark.parametrize("run_s", [30.0, 700.0, 20_000.0, 900_000.0])
def test_many_like_jobs_are_guessed_to_a_bin_and_so_is_the_error(run_s: float) -> None:
    found = guess(history(*[(make_spec(), run_s)] * 100))

    assert abs(log(found.run_s / run_s)) < log(2.0) / 2
    assert log_error(found) < log(2.0)


def test_the_guess_lies_in_the_middle_of_what_was_seen() -> None:
    found = guess(history(*[(make_spec(), 100.0), (make_spec(), 10_000.0)] * 50))

    assert 100.0 < found.run_s < 10_000.0
    assert log_error(found) == pytest.approx(log(10.0), rel=0.2)


@pytest.mark.parametrize("field", ["user", "queue", "model", "num_gpus"])
def test_jobs_like_it_count_more_than_others(field: str) -> None:
    mine: dict[str, Any] = {field: 4 if field == "num_gpus" else "mine"}
    other: dict[str, Any] = {field: 2 if field == "num_gpus" else "other"}
    jobs = [(make_spec(**mine), 50_000.0), (make_spec(**other), 50.0)] * 20

    assert guess(history(*jobs), **mine).run_s > 10 * guess(history(*jobs), **other).run_s


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        pytest.param({"user": "ann", "model": "net"}, {"num_gpus": 8}, id="a model in a new size"),
        pytest.param({"user": "ann"}, {"model": "new"}, id="a user's new model"),
        pytest.param({"num_gpus": 8}, {"user": "new"}, id="a size of a new user"),
    ],
)
def test_jobs_that_are_a_little_like_it_count_too(
    seen: dict[str, Any], asked: dict[str, Any]
) -> None:
    other: dict[str, Any] = {"user": seen["user"] if "model" in seen else "bob", "model": "other"}
    jobs = [(make_spec(**seen), 50_000.0), (make_spec(**other), 50.0)] * 20

    assert guess(history(*jobs), **(seen | asked)).run_s > 5_000.0


def test_a_user_without_a_past_is_guessed_by_the_others() -> None:
    known = history(*[(make_spec(user="old"), 60.0)] * 50)

    assert guess(known, user="new").run_s < UNKNOWN_S / 10


def test_what_is_old_fades() -> None:
    job = make_spec()

    assert guess(history(*[(job, 50.0)] * 100, *[(job, 50_000.0)] * 30)).run_s > 10_000.0


def test_a_job_that_runs_on_raises_the_guess_as_if_it_would_not_end_now() -> None:
    ended = [(make_spec(user="mine"), 60.0)] * 5
    known, longer = history(*ended), history(*ended)
    for _ in range(5):
        longer.outlived(make_spec(user="mine"), 0, bin_of(100_000.0))

    assert guess(longer, user="mine").run_s > 2 * guess(known, user="mine").run_s


def test_a_job_counted_on_its_way_counts_as_much_at_its_end() -> None:
    job, whole, halfway = make_spec(), RunTimes(), RunTimes()
    for run_s in [50.0, 200.0, 800.0, 3_200.0, 12_800.0] * 10:
        seen = min(bin_of(run_s), bin_of(900.0))
        whole.ended(job, run_s)
        halfway.outlived(job, 0, seen)
        halfway.ended(job, run_s, seen)

    assert guess(halfway).run_s == pytest.approx(guess(whole).run_s, rel=0.1)


@pytest.mark.parametrize("run_s", [0.0, 9.9, 10.0, 14.2, 3_600.0, 1e9])
def test_a_run_time_lies_before_the_end_of_its_bin(run_s: float) -> None:
    place = bin_of(run_s)

    assert run_s < outlived_at_s(place)
    assert place == 0 or run_s >= outlived_at_s(place - 1)


@pytest.mark.parametrize("run_s", [0.0, 1e9])
def test_run_times_beyond_all_bins_are_taken(run_s: float) -> None:
    found = guess(history(*[(make_spec(), run_s)] * 50))

    assert 1.0 <= found.run_s < 1e8


def test_running_jobs_are_counted_once_for_each_bin_that_they_outlive() -> None:
    often, once = Learner(), Learner()
    job = make_job("job", workers=2, placements=(), speed=2.0)
    for now in range(0, 20_000, 100):
        often.look([job], float(now))
    once.look([job], 19_900.0)
    told = RunTimes()
    told.outlived(job.spec, 0, bin_of(19_900.0))

    assert often.guess(job.spec) == once.guess(job.spec) == told.guess(job.spec)


def test_jobs_carried_in_teach_nothing() -> None:
    learner, job = Learner(), make_job("job", carry_in=True, speed=1.0)

    learner.look([job], 50_000.0)
    learner.ended(job.spec, 50_000.0)

    assert learner.guess(job.spec) == Learner().guess(job.spec)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param("given", lambda given_s: given_s, id="given"),
        pytest.param("none", lambda _: UNKNOWN_S, id="none"),
    ],
)
def test_who_learns_nothing_always_says_the_same(
    mode: str, expected: Callable[[float], float]
) -> None:
    estimator = ESTIMATORS[mode]()
    for _ in range(20):
        estimator.ended(make_spec(), 7.0)
    spec = make_spec(estimated_duration_s=123.0)

    assert believing(spec, estimator.guess(spec)).estimated_duration_s == expected(123.0)


def test_a_guess_does_not_look_at_how_long_the_job_will_run() -> None:
    known = history(*[(make_spec(), exp(place)) for place in range(12)])
    short, long = make_spec(duration_s=1.0), make_spec(duration_s=1e6)

    assert known.guess(short) == known.guess(long)
