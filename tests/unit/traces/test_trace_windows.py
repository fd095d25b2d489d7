"""Cutting windows: who is carried in, and with how much left."""

import pytest

from aryl.model.errors import BadInput
from traces.job import Trace, TraceJob, trace_of
from traces.windows import window_of


def make_trace() -> Trace:
    jobs = [
        TraceJob(2, "ended", 0.0, 1, 100.0),
        TraceJob(3, "running", 50.0, 2, 100.0, estimated_duration_s=80.0),
        TraceJob(4, "at-start", 100.0, 4, 10.0),
        TraceJob(5, "inside", 150.0, 8, 1000.0),
        TraceJob(6, "at-end", 200.0, 1, 10.0),
    ]
    return trace_of("made-up.csv", jobs, {"note": ["a", "b", "c", "d", "e"]})


def test_a_window_holds_the_jobs_submitted_in_it_and_those_that_still_run() -> None:
    window = window_of(make_trace(), 100.0, 100.0)

    assert [(job.job_id, job.submit_s, job.duration_s, job.carry_in) for job in window.jobs] == [
        ("running", 0.0, 50.0, True),
        ("at-start", 0.0, 10.0, False),
        ("inside", 50.0, 1000.0, False),
    ]


def test_the_estimate_of_a_carried_in_job_shrinks_with_it() -> None:
    window = window_of(make_trace(), 100.0, 100.0)

    assert window.jobs[0].estimated_duration_s == 30.0


def test_an_estimate_that_is_used_up_does_not_go_below_zero() -> None:
    window = window_of(make_trace(), 140.0, 100.0)

    assert (window.jobs[0].job_id, window.jobs[0].estimated_duration_s) == ("running", 0.0)


def test_unknown_columns_go_along() -> None:
    assert window_of(make_trace(), 100.0, 100.0).extra == {"note": ("b", "c", "d")}


def test_a_job_that_was_carried_in_stays_so() -> None:
    trace = trace_of("made-up.csv", [TraceJob(2, "old", 0.0, 1, 100.0, carry_in=True)])

    whole, later = window_of(trace, 0.0, 10.0), window_of(trace, 30.0, 10.0)

    assert [(job.duration_s, job.carry_in) for job in whole.jobs] == [(100.0, True)]
    assert [(job.duration_s, job.carry_in) for job in later.jobs] == [(70.0, True)]


def test_windows_in_a_row_hold_each_submission_once() -> None:
    trace = make_trace()

    fresh = [
        job.job_id
        for start_s in range(0, 300, 50)
        for job in window_of(trace, float(start_s), 50.0).jobs
        if not job.carry_in
    ]

    assert fresh == [job.job_id for job in trace.jobs]


def test_a_window_beyond_the_trace_is_refused() -> None:
    with pytest.raises(BadInput, match="has no job between 5000 s and 5010 s"):
        window_of(make_trace(), 5000.0, 10.0)
