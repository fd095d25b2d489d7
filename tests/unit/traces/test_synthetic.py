"""The built-in workload: the paper's shape, the same for a seed, at any size."""

import numpy as np
import pytest

from bench.calibration import figures_of
from simulator.scenarios.drawing import drawn, shares_of
from simulator.scenarios.workload import Workload as Drawn
from traces.specs import job_specs
from traces.synthetic import Extent, Workload, draw_workload, generate
from traces.synthetic_arrivals import DAY_S
from traces.synthetic_people import MODELS
from traces.synthetic_recipe import OFFERED_LOAD, PAPER, PAPER_GPUS, PAPER_JOBS

SEED = 0


@pytest.fixture(scope="module")
def workload() -> Workload:
    return draw_workload(SEED, Extent(), PAPER)


def offered_load(workload: Workload, gpus: int, days: float) -> float:
    return float((workload.num_gpus * workload.duration_s).sum() / (gpus * days * DAY_S))


def test_the_default_is_the_papers_number_of_jobs_within_its_fifteen_days() -> None:
    trace = generate(seed=SEED)

    submits_s = [job.submit_s for job in trace.jobs]
    assert len({job.job_id for job in trace.jobs}) == PAPER_JOBS
    assert submits_s == sorted(submits_s)
    assert submits_s[0] >= 0
    assert 14 * DAY_S < submits_s[-1] < 15 * DAY_S
    assert trace.columns == {"user", "queue", "model"}


def test_times_are_whole_seconds_and_no_job_is_empty(workload: Workload) -> None:
    assert np.array_equal(workload.submit_s, np.floor(workload.submit_s))
    assert np.array_equal(workload.duration_s, np.floor(workload.duration_s))
    assert workload.duration_s.min() >= 1
    assert workload.num_gpus.min() >= 1


def test_the_same_seed_gives_the_same_trace() -> None:
    assert generate(seed=7, jobs=2_000) == generate(seed=7, jobs=2_000)


def test_another_seed_gives_another_trace(workload: Workload) -> None:
    other = draw_workload(SEED + 1, Extent(), PAPER)

    assert (other.submit_s != workload.submit_s).mean() > 0.9
    assert (other.duration_s != workload.duration_s).mean() > 0.9


def test_more_jobs_come_in_the_afternoon_than_before_dawn(workload: Workload) -> None:
    hours = np.bincount((workload.submit_s // 3_600).astype(int) % 24, minlength=24)

    assert hours[12:18].sum() > 4 * hours[0:6].sum()
    assert 12 <= hours.argmax() < 18


def test_weekdays_are_busier_than_weekends(workload: Workload) -> None:
    days = np.bincount((workload.submit_s // DAY_S).astype(int), minlength=15)

    weekend = [5, 6, 12, 13]
    assert days[weekend].mean() < 0.85 * np.delete(days, weekend).mean()


def test_run_times_go_from_seconds_to_days_with_the_papers_tail(workload: Workload) -> None:
    median, p95, p99 = np.percentile(workload.duration_s, [50, 95, 99])

    assert workload.duration_s.min() < 60
    assert median < 600
    assert p95 == pytest.approx(82_933, rel=0.1)  # paper §9, JCT
    assert p99 == pytest.approx(376_513, rel=0.1)


def test_jobs_of_one_project_resemble_each_other(workload: Workload) -> None:
    project = workload.user * len(MODELS) + workload.model
    log_run = np.log(workload.duration_s)

    count = np.bincount(project)
    mean = np.bincount(project, weights=log_run)[count > 0] / count[count > 0]
    between = np.average((mean - log_run.mean()) ** 2, weights=count[count > 0])
    assert between / log_run.var() > 0.3


def test_people_come_back_and_use_few_models_each(workload: Workload) -> None:
    jobs_by_user = np.bincount(workload.user)
    projects = np.unique(workload.user * len(MODELS) + workload.model).size

    assert 100 < jobs_by_user.size < 400
    assert projects <= 4 * jobs_by_user.size
    assert set(workload.model) == set(range(len(MODELS)))


def test_some_submissions_are_sweeps_of_one_users_like_jobs(workload: Workload) -> None:
    close = np.diff(workload.submit_s) <= 60
    alike = np.diff(workload.user) == 0

    share = np.bincount(workload.user) / PAPER_JOBS
    by_chance = float(share @ share)
    assert alike[close].mean() > 5 * by_chance


def test_five_percent_of_jobs_can_be_elastic_with_36_percent_of_gpu_time() -> None:
    trace = generate(seed=SEED)

    jobs = drawn(job_specs(trace, 8), Drawn(), trace.columns, seed=SEED)

    shares = shares_of(jobs)
    assert shares.elastic_jobs == pytest.approx(0.05, abs=0.001)  # paper §8
    assert shares.elastic_gpu_time == pytest.approx(0.36, abs=0.01)
    assert all(job.num_gpus > 1 for job in jobs if job.is_elastic)


@pytest.mark.parametrize(
    ("jobs", "days", "gpus"),
    [(50_390, 15.0, 3_544), (10_000, 15.0, 704), (10_000, 3.5, 3_544), (200_000, 15.0, 20_000)],
    ids=["the paper's", "a fifth of the cluster", "half a week", "a large cluster"],
)
def test_the_offered_load_is_the_same_at_any_size(jobs: int, days: float, gpus: int) -> None:
    workload = draw_workload(SEED, Extent(jobs, days, gpus), PAPER)

    assert workload.submit_s.size == jobs
    assert workload.submit_s[-1] < days * DAY_S
    assert offered_load(workload, gpus, days) == pytest.approx(OFFERED_LOAD, rel=0.002)
    assert workload.num_gpus.max() <= gpus / 8


def test_the_load_can_be_chosen() -> None:
    workload = draw_workload(SEED, Extent(load=0.5), PAPER)

    assert offered_load(workload, PAPER_GPUS, 15.0) == pytest.approx(0.5, rel=0.002)


@pytest.mark.parametrize("jobs", [1, 2, 63, 64, 65])
def test_a_handful_of_jobs_on_one_gpu_is_a_workload_too(jobs: int) -> None:
    trace = generate(seed=SEED, jobs=jobs, days=0.1, gpus=1)

    assert len(trace.jobs) == jobs
    assert all(job.num_gpus == 1 for job in trace.jobs)
    assert all(job.submit_s < 0.1 * DAY_S for job in trace.jobs)


@pytest.mark.parametrize("argument", ["jobs", "days", "gpus", "load"])
def test_a_number_that_is_not_positive_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match=f"{argument}=0"):
        generate(**{"seed": SEED, argument: 0})


@pytest.mark.slow
def test_a_fifo_replay_queues_and_completes_near_the_paper() -> None:
    figures = figures_of(SEED)

    assert figures["queuing p50"] == pytest.approx(55, rel=0.15)  # paper §9
    assert figures["queuing p95"] == pytest.approx(8_357, rel=0.15)
    assert figures["JCT p50"] == pytest.approx(791, rel=0.15)
    assert figures["JCT p95"] == pytest.approx(82_933, rel=0.15)
    assert figures["training usage"] == pytest.approx(0.72, abs=0.02)
    assert 0.3 < figures["share that queues, of all submissions"] < 0.7
