"""A scheduler that dies at any step of a cycle: the next one takes over, and no job suffers."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aryl.engine.cycle import Step
from aryl.engine.lifecycle import JobState
from aryl.model.job import JobSpec
from aryl.policy.registry import load_policy
from aryl.store.database import Database
from simulator.inference import InferenceLoad
from simulator.world import World
from tests.builders import make_cluster, make_spec
from tests.service.stage import LiveStage, Unwatched
from traces.demand import DemandSeries

END_S = 20_000.0


def busy_world() -> World:
    """Two small pools whose inference demand comes and goes, so that servers do too."""
    demand = [1, 1, 3, 4, 4, 2, 1, 1, 3, 4] * 3
    knobs = {"cycle_s": 10.0, "forecaster": "last", "headroom": 0.0, "vacate_s": 20.0}
    load = InferenceLoad(DemandSeries(np.array(demand)))
    return World(make_cluster([8, 8], [8] * 4), load, load_policy(knobs))


def busy_jobs() -> list[JobSpec]:
    """Elastic, fungible and plain jobs, more than fit at once."""
    kinds = (
        {"workers": 2, "max_workers": 6, "gpus_per_worker": 2, "duration_s": 900.0},
        {"workers": 4, "gpus_per_worker": 2, "duration_s": 500.0, "fungible": True},
        {"workers": 1, "gpus_per_worker": 8, "duration_s": 1_300.0, "fungible": True},
        {"workers": 2, "gpus_per_worker": 4, "duration_s": 700.0, "checkpoint_s": 100.0},
    )
    return [
        make_spec(f"job-{n:02d}", **kinds[n % len(kinds)], submit_s=45.0 * n) for n in range(32)
    ]


def stage_at(tmp_path: Path, dies: Callable[[Step], bool]) -> LiveStage:
    database = Database(f"sqlite:///{tmp_path}/aryl.db")
    watcher = Unwatched(dies)
    return LiveStage(busy_world(), database, tmp_path / "cluster.db", watcher=watcher)


def check_all_is_well(stage: LiveStage, jobs: list[JobSpec]) -> None:
    assert stage.agreement() == []
    assert stage.watcher.faults == []
    assert stage.users.jobs.counts()[JobState.FINISHED] == len(jobs)
    for spec in jobs:
        record = stage.users.jobs.get(spec.job_id)
        assert record is not None
        events = [found.event.kind for found in stage.users.events.of_job(spec.job_id)]
        kinds = Counter(events)
        assert kinds["finished"] == 1, f"{spec.job_id}: {events}"
        assert kinds["started"] == kinds["preempted"] + 1, f"{spec.job_id}: {events}"
        assert record.job.preemptions == kinds["preempted"]
        assert record.job.done == spec.work
        assert record.plan_id is None


def test_without_a_death_all_is_well(tmp_path: Path) -> None:
    jobs, stage = busy_jobs(), stage_at(tmp_path, lambda _: False)
    stage.run(jobs, END_S)
    check_all_is_well(stage, jobs)
    kinds = Counter(found.event.kind for found in stage.users.events.after(0, 10_000))
    assert kinds["resized"] > 10, "the workload is to be a busy one"
    assert kinds["preempted"] > 2
    assert kinds["returned"] > 2


@pytest.mark.parametrize("step", list(Step))
def test_whoever_follows_a_scheduler_that_died_at_a_step_loses_nothing(
    tmp_path: Path, step: Step
) -> None:
    draw = random.Random(step.value)
    jobs, stage = busy_jobs(), stage_at(tmp_path, lambda at: at is step and draw.random() < 0.3)
    stage.run(jobs, END_S)
    check_all_is_well(stage, jobs)
    assert stage.watcher.deaths[step] > 5


@pytest.mark.parametrize("seed", range(5))
def test_every_job_ends_once_however_often_the_scheduler_dies(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    jobs, stage = busy_jobs(), stage_at(tmp_path, lambda _: draw.random() < 0.1)
    stage.run(jobs, END_S)
    check_all_is_well(stage, jobs)
    assert stage.watcher.deaths.total() > 30
