"""A service guesses run times as a replay does, where jobs run at the size that they asked for."""

from pathlib import Path

import numpy as np
import pytest

from aryl.model.job import JobSpec
from aryl.policy.registry import load_policy
from aryl.store import Database
from aryl.store.jobs import JobFilter
from simulator.inference import InferenceLoad
from simulator.observer import Observer
from simulator.replay import Replay
from simulator.world import World
from tests.builders import make_cluster, make_spec
from tests.service.stage import LiveStage
from traces.demand import DemandSeries


def workload(jobs: int) -> list[JobSpec]:
    """Jobs of a few users, each with a habit, at odd times so that nothing happens at once."""
    chance = np.random.default_rng(3)
    users = chance.integers(0, 4, jobs)
    runs_s = 100.0 * 8.0**users * chance.lognormal(0.0, 0.5, jobs)
    submits_s = np.cumsum(chance.exponential(200.0, jobs)) + 0.123
    rows = zip(users.tolist(), runs_s.tolist(), submits_s.tolist(), strict=True)
    return [
        make_spec(
            f"job-{n:03d}", user=f"user-{u}", submit_s=t, duration_s=run_s, fungible=u % 2 > 0
        )
        for n, (u, run_s, t) in enumerate(rows)
    ]


@pytest.fixture
def world() -> World:
    demand = InferenceLoad(DemandSeries(np.array([1, 0, 1, 2, 1, 0])))
    config = load_policy({"scheme": "aryl", "estimates": "learned"})
    return World(make_cluster([8], [4, 4]), demand, config)


def test_guesses_agree_with_those_of_a_replay(world: World, tmp_path: Path) -> None:
    jobs = workload(60)
    replay = Replay(world, jobs, Observer(), lambda: 0.0)
    replay.run()
    replayed = {n: r.spec.estimated_duration_s for n, r in replay.journal.jobs.items()}

    database = Database(f"sqlite:///{tmp_path}/aryl.db")
    stage = LiveStage(world, database, tmp_path / "cluster.db")
    stage.run(jobs, jobs[-1].submit_s + 1.0)

    records = stage.users.jobs.page(JobFilter(), limit=len(jobs))
    told = {r.id: r.job.spec.estimated_duration_s for r in records}
    assert not stage.watcher.faults
    assert told == pytest.approx(replayed)
    assert len(set(told.values())) > len(jobs) / 2
