"""What follows from a job's numbers: sizes, work, progress, and what a preemption leaves."""

import pytest

from aryl.model.cluster import Pool
from aryl.model.job import Placement, holding_of
from aryl.policy.units import speed
from tests.builders import base, flexible, make_cluster, make_job, make_spec


def test_work_counts_worker_seconds_at_the_requested_size() -> None:
    spec = make_spec(num_gpus=8, gpus_per_worker=2, duration_s=50, estimated_duration_s=60)

    assert (spec.requested_workers, spec.work, spec.estimated_work) == (4, 200, 240)


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [
        pytest.param((), [2, 3, 4, 5, 6], id="any number between"),
        pytest.param((2, 4, 8), [2, 4], id="those listed, within the range"),
    ],
)
def test_a_job_runs_with_the_workers_it_allows(listed: tuple[int, ...], allowed: list[int]) -> None:
    spec = make_spec(min_workers=2, max_workers=6, allowed_workers=listed)

    assert [w for w in range(10) if spec.allows(w)] == allowed


@pytest.mark.parametrize(("now", "done"), [(0, 40), (99, 40), (100, 40), (101, 42), (130, 100)])
def test_progress_begins_once_the_restart_is_over(now: float, done: float) -> None:
    assert make_job(done=40.0, progress_s=100.0, speed=2.0).done_by(now) == done


@pytest.mark.parametrize(
    ("checkpoint_s", "done", "kept"),
    [
        pytest.param(0, 1_000, 0, id="none is written: from zero"),
        pytest.param(100, 399, 0, id="before the first"),
        pytest.param(100, 400, 400, id="at the first"),
        pytest.param(100, 1_000, 800, id="from the last multiple"),
        pytest.param(100, 2_400, 2_400, id="at the end"),
        pytest.param(100, 2_400.0000001, 2_400, id="a float's breadth beyond the end"),
        pytest.param(10_000, 2_000, 0, id="none before the end"),
    ],
)
def test_a_preemption_leaves_the_work_of_the_last_checkpoint(
    checkpoint_s: float, done: float, kept: float
) -> None:
    # four workers were asked for: 100 s of run time are 400 worker-seconds
    spec = make_spec(workers=4, duration_s=600, checkpoint_s=checkpoint_s)
    job = make_job(spec=spec, done=done)

    assert job.kept_if_preempted(0) == kept
    assert job.loss_if_preempted(0) == pytest.approx(done - kept)


def test_a_suspended_job_keeps_all_its_progress() -> None:
    job = make_job(spec=make_spec(workers=4, duration_s=600), done=1_000)

    assert job.preempted(50.0, suspends=True).done == 1_000
    assert job.preempted(50.0, suspends=True).preemptions == 1
    assert job.preempted(50.0).done == 0


@pytest.mark.parametrize(
    ("done", "believed"),
    [
        pytest.param(0, 2_400, id="the estimate"),
        pytest.param(2_400, 2_400, id="until it is outlived"),
        pytest.param(2_401, 4_800, id="then twice"),
        pytest.param(4_801, 9_600, id="and twice again"),
    ],
)
def test_an_estimate_that_a_job_outlives_is_doubled(done: float, believed: float) -> None:
    spec = make_spec(workers=4, duration_s=9_999, estimated_duration_s=600)
    job = make_job(spec=spec, done=done - 40, progress_s=10.0, speed=4.0)

    assert job.believed_work_by(20.0) == believed


def test_a_job_without_an_estimate_is_believed_to_run_as_long_again() -> None:
    job = make_job(estimated_duration_s=0.0, done=30.0)

    assert job.believed_work_by(0.0) == 60.0
    assert make_job(estimated_duration_s=0.0).believed_work_by(0.0) == 0.0


def test_a_holding_sums_workers_by_kind_and_pool() -> None:
    held = holding_of([base(1, 2), base(2, 1), flexible(1, 3), flexible(1, 4, loaned=True)])

    assert held == ((3, 0), (3, 4))
    assert held.workers(Pool.TRAINING) == 6
    assert held.workers(Pool.INFERENCE) == 4


@pytest.mark.parametrize(
    ("placements", "rate"),
    [
        pytest.param([base(1, 4)], 4, id="training workers count one each"),
        pytest.param([base(1, 3, loaned=True)], 1, id="three on loan do the work of one"),
        pytest.param([base(1, 8, loaned=True)], 2, id="part of a unit does nothing"),
        pytest.param([base(1, 2), flexible(1, 3, loaned=True)], 2.1, id="a mix runs at 0.7"),
        pytest.param([], 0, id="nothing held, nothing done"),
    ],
)
def test_speed_follows_from_what_is_held(placements: list[Placement], rate: float) -> None:
    cluster = make_cluster([8], [8], factor=3.0)
    spec = make_spec(workers=2, max_workers=8)

    assert speed(
        cluster,
        spec,
        holding_of(placements),
        model="linear",
        heterogeneous_efficiency=0.7,
    ) == pytest.approx(rate)
