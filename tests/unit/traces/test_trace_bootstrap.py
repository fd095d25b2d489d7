"""Resampling days: what is kept of a day, and what is left to chance."""

from dataclasses import replace

import pytest

from aryl.model.errors import BadInput
from traces.bootstrap import bootstrapped
from traces.job import Trace, TraceJob, trace_of
from traces.statistics import DAY_S
from traces.synthetic import generate


def make_trace() -> Trace:
    """A job that was running before, three days with one, two and three jobs, and an evening."""
    jobs = [
        TraceJob(2, "running", 0.0, 2, 900.0, carry_in=True),
        *(
            TraceJob(3 + number, f"day{day}-{number}", day * DAY_S + 3600.0 * number, 1, 60.0)
            for day in range(3)
            for number in range(day + 1)
        ),
        TraceJob(9, "late", 3.4 * DAY_S, 4, 60.0),
    ]
    return trace_of("made-up.csv", jobs, {"note": [job.job_id for job in jobs]})


@pytest.mark.parametrize("seed", range(5))
def test_each_day_is_a_whole_day_of_the_trace(seed: int) -> None:
    made = bootstrapped(make_trace(), 7, seed)

    fresh = [job for job in made.trace.jobs if not job.carry_in]
    for new, old in enumerate(made.days):
        came = [job for job in fresh if new * DAY_S <= job.submit_s < (new + 1) * DAY_S]
        assert [(job.job_id, job.submit_s - new * DAY_S) for job in came] == [
            (f"d{new:02d}-day{old}-{number}", 3600.0 * number) for number in range(old + 1)
        ]


def test_every_day_is_drawn_sooner_or_later_and_some_more_than_once() -> None:
    days = bootstrapped(make_trace(), 60, seed=1).days

    assert set(days) == {0, 1, 2}
    assert all(10 < days.count(day) < 30 for day in range(3))


def test_ids_are_unique_though_a_day_comes_twice() -> None:
    jobs = bootstrapped(make_trace(), 120, seed=1).trace.jobs

    assert len({job.job_id for job in jobs}) == len(jobs)


def test_carried_in_jobs_stay_at_the_start() -> None:
    made = bootstrapped(make_trace(), 5, seed=1)

    carried = [job for job in made.trace.jobs if job.carry_in]
    assert [(job.job_id, job.submit_s, job.duration_s) for job in carried] == [
        ("d00-running", 0.0, 900.0)
    ]


def test_unknown_columns_go_along_with_their_jobs() -> None:
    made = bootstrapped(make_trace(), 5, seed=1).trace

    assert [job.job_id[4:] for job in made.jobs] == list(made.extra["note"])


def test_all_else_of_a_job_stays() -> None:
    source = generate(seed=2, jobs=600, days=4)
    before = {job.job_id: job for job in source.jobs}

    made = bootstrapped(source, 3, seed=1)

    assert made.trace.jobs
    for job in made.trace.jobs:
        day, _, name = job.job_id.partition("-")
        shift_s = (int(day[1:]) - made.days[int(day[1:])]) * DAY_S
        assert replace(job, job_id=name, submit_s=job.submit_s - shift_s) == before[name]


@pytest.mark.parametrize(("last_day", "whole"), [(0.2, 1), (0.9, 1), (1.4, 1), (1.6, 2), (2.0, 2)])
def test_a_last_day_counts_from_half_its_length_on(last_day: float, whole: int) -> None:
    jobs = [TraceJob(2, "first", 0.0, 1, 60.0), TraceJob(3, "last", last_day * DAY_S, 1, 60.0)]

    days = bootstrapped(trace_of("made-up.csv", jobs), 40, seed=1).days

    assert set(days) == set(range(whole))


def test_the_seed_alone_decides() -> None:
    assert bootstrapped(make_trace(), 9, seed=1) == bootstrapped(make_trace(), 9, seed=1)
    assert bootstrapped(make_trace(), 9, seed=1).days != bootstrapped(make_trace(), 9, seed=2).days


def test_days_without_a_job_are_refused() -> None:
    jobs = [TraceJob(2, "late", 2.9 * DAY_S, 1, 60.0)]

    with pytest.raises(BadInput, match=r"has no job in the days drawn \(\d\); expected more days"):
        [bootstrapped(trace_of("made-up.csv", jobs), 1, seed) for seed in range(9)]
