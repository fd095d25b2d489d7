"""The figures of a trace, against hand-made ones."""

import pytest

from traces.job import TraceJob, trace_of
from traces.statistics import describe, gpus_asked_for

HOUR_S = 3600.0


def make_job(job_id: str, submit_s: float, num_gpus: int, duration_s: float) -> TraceJob:
    return TraceJob(2, job_id, submit_s, num_gpus, duration_s)


TRACE = trace_of(
    "made-up.csv",
    [
        make_job("a", 0.0, 1, 30.0),
        make_job("b", HOUR_S, 8, HOUR_S),
        make_job("c", 25 * HOUR_S, 64, 2 * HOUR_S),
        TraceJob(5, "old", 0.0, 4, HOUR_S, carry_in=True),
    ],
)


def test_jobs_and_gpu_hours_are_counted_with_those_carried_in_apart() -> None:
    found = describe(TRACE)

    assert (found.jobs, found.carried_in) == (3, 1)
    assert found.gpu_hours == pytest.approx(1 / 120 + 8 + 128 + 4)
    assert found.carried_in_gpu_hours == 4.0
    assert found.span_s == 25 * HOUR_S


def test_offered_load_is_work_over_what_the_gpus_could_do() -> None:
    found = describe(TRACE, gpus=10)

    assert found.offered_load == pytest.approx((1 / 120 + 8 + 128 + 4) / 250)


def test_offered_load_needs_a_cluster_and_a_span() -> None:
    alone = trace_of("made-up.csv", [make_job("a", 5.0, 1, 30.0)])

    assert describe(TRACE).offered_load is None
    assert describe(alone, gpus=8).offered_load is None


def test_size_shares_add_up_and_fall_into_their_classes() -> None:
    sizes = {share.name: share for share in describe(TRACE).sizes}

    assert [name for name, share in sizes.items() if share.jobs] == ["1", "5-8", "over 32"]
    assert sum(share.jobs for share in sizes.values()) == pytest.approx(1)
    assert sizes["over 32"].gpu_hours == pytest.approx(128 / (136 + 1 / 120))


def test_run_time_percentiles_interpolate_between_ranks() -> None:
    jobs = [make_job(f"j{n}", float(n), 1, float(n)) for n in range(1, 12)]

    found = describe(trace_of("made-up.csv", jobs)).run_time_s

    assert found["p50"] == 6.0
    assert found["p95"] == pytest.approx(10.5)
    assert (found["mean"], found["max"]) == (6.0, 11.0)


@pytest.mark.parametrize(("first_hour", "hours"), [(0.0, [0, 1, 1]), (22.5, [22, 23, 23])])
def test_arrivals_fold_into_hours_of_the_day(first_hour: float, hours: list[int]) -> None:
    arrivals = describe(TRACE, first_hour=first_hour).arrivals_by_hour

    assert [hour for hour, count in enumerate(arrivals) for _ in range(count)] == hours


def test_arrivals_are_counted_by_day() -> None:
    assert describe(TRACE).arrivals_by_day == (2, 1)


def test_gpus_asked_for_is_the_mean_over_each_step() -> None:
    trace = trace_of(
        "made-up.csv",
        [make_job("a", 0.0, 2, 15.0), make_job("b", 5.0, 4, 10.0), make_job("c", 30.0, 1, 100.0)],
    )

    assert gpus_asked_for(trace, 10.0) == pytest.approx([4.0, 3.0, 0.0, 1.0])


def test_a_trace_of_only_carried_in_jobs_is_described_by_them() -> None:
    found = describe(trace_of("made-up.csv", [TraceJob(2, "old", 0.0, 4, 60.0, carry_in=True)]))

    assert (found.jobs, found.carried_in) == (0, 1)
    assert found.run_time_s["max"] == 60.0
