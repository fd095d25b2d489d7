"""Replays of a few jobs: when decisions are made, and what a late plan may still do."""

import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

import numpy as np
import pytest

from aryl.model.job import JobSpec
from aryl.policy.registry import load_policy
from simulator.inference import InferenceLoad
from simulator.journal import JobRecord, LoanRecord
from simulator.observer import Observer
from simulator.replay import Replay
from simulator.world import World
from tests.builders import make_cluster, make_spec
from traces.demand import DemandSeries


def replayed(
    jobs: Sequence[JobSpec],
    *,
    demand: Sequence[int] = (0,),
    inference: int = 0,
    log: StringIO | None = None,
    **entries: Any,
) -> Replay:
    shape = make_cluster([8], [8] * inference)
    load = InferenceLoad(DemandSeries(np.array(demand)))
    config = load_policy({"scheme": "sjf", **entries})
    observer = Observer(log)
    replay = Replay(World(shape, load, config), jobs, observer, lambda: 0.0)
    replay.run()
    return replay


def lives(replay: Replay) -> dict[str, tuple[float | None, float | None]]:
    """When each job first started, and when it finished."""
    return {name: (r.first_start_s, r.finish_s) for name, r in replay.journal.jobs.items()}


def record(replay: Replay, job_id: str) -> JobRecord:
    return replay.journal.jobs[job_id]


def test_decisions_are_a_cycle_apart_and_made_only_where_something_changed() -> None:
    jobs = [
        make_spec("a", submit_s=0, duration_s=1_000),
        make_spec("b", submit_s=3, duration_s=1_000),
        make_spec("c", submit_s=7, duration_s=1_000),
        make_spec("d", submit_s=50, duration_s=1_000),
    ]
    replay = replayed(jobs, cycle_s=10)

    assert {name: life[0] for name, life in lives(replay).items()} == {
        "a": 0,
        "b": 10,
        "c": 10,
        "d": 50,
    }
    # 0 s, 10 s, 50 s, 1,000 s, 1,010 s (two jobs end) and 1,050 s
    assert replay._observer.tally.cycles == 6


def test_without_a_cycle_time_every_event_is_decided_on() -> None:
    jobs = [make_spec("a", submit_s=0), make_spec("b", submit_s=3), make_spec("c", submit_s=7)]

    assert [life[0] for life in lives(replayed(jobs, cycle_s=0)).values()] == [0, 3, 7]


def test_a_job_waits_until_gpus_are_free() -> None:
    jobs = [
        make_spec("a", workers=8, duration_s=100),
        make_spec("b", submit_s=20, workers=8, duration_s=100),
    ]
    replay = replayed(jobs, cycle_s=0)

    assert lives(replay) == {"a": (0, 100), "b": (100, 200)}
    assert record(replay, "b").queuing_s == 80


def test_jobs_carried_in_are_placed_first_and_count_for_nothing_in_the_window() -> None:
    jobs = [
        make_spec("carried", workers=8, duration_s=50, carry_in=True),
        make_spec("a", workers=8, duration_s=10, submit_s=0),
        make_spec("b", submit_s=100),
    ]
    replay = replayed(jobs, cycle_s=0)

    assert lives(replay)["carried"] == (0, 50)
    assert lives(replay)["a"] == (50, 60)
    assert replay.journal.meters.training_gpus.total == 8 * 60


def test_a_late_plan_takes_effect_a_latency_after_its_snapshot() -> None:
    jobs = [make_spec("a", submit_s=0, duration_s=100), make_spec("b", submit_s=2, duration_s=100)]
    replay = replayed(jobs, cycle_s=0, decision_latency_s=5)

    # while the first plan is on its way nothing else is decided
    assert lives(replay) == {"a": (5, 105), "b": (10, 110)}


def test_a_late_plan_s_actions_on_a_job_that_has_ended_are_refused() -> None:
    log = StringIO()
    jobs = [
        make_spec("elastic", submit_s=0, workers=2, max_workers=8, duration_s=400),
        make_spec("new", submit_s=100, workers=6, duration_s=10),
    ]
    # decided at 0, in effect at 5: 8 workers, done at 105; "new" is decided on at 100, for 105
    replay = replayed(jobs, scheme="aryl-scaling", cycle_s=0, decision_latency_s=5, log=log)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    refused = [(line["t_s"], line["action"]) for line in lines if line.get("outcome") == "refused"]

    assert refused == [(105.0, "ResizeJob")]
    assert lives(replay) == {"elastic": (5, 105), "new": (105, 115)}


@pytest.mark.parametrize("orchestrator_s", [300.0, 600.0])
def test_the_orchestrator_looks_at_loans_once_a_period(orchestrator_s: float) -> None:
    log = StringIO()
    jobs = [make_spec("a", duration_s=2_000)]
    replayed(
        jobs,
        demand=[3, 2, 1, 0],
        inference=4,
        scheme="aryl",
        forecaster="last",
        headroom=0,
        orchestrator_s=orchestrator_s,
        log=log,
    )
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    times = sorted({line["t_s"] for line in lines if line["action"] == "LoanServer"})

    # at 0 s nothing is known yet
    assert times[0] == orchestrator_s
    assert all(time_s % orchestrator_s == 0 for time_s in times)


def test_a_fungible_job_is_preempted_as_its_server_goes_back_and_starts_again() -> None:
    jobs = [
        make_spec("first", submit_s=0, workers=8, duration_s=2_600),
        make_spec("lent", submit_s=1, workers=8, duration_s=1_000, fungible=True),
    ]
    replay = replayed(
        jobs,
        demand=[0, 0, 1, 0, 0, 0, 0, 0],
        inference=1,
        scheme="aryl-loaning",
        forecaster="oracle",
        headroom=0,
        cycle_s=0,
    )

    # asked back at 600 for that bin; as its demand is the last known at 900, lent again at 1,200
    lent = record(replay, "lent")
    assert (lent.preemptions, lent.lost_gpu_s) == (1, 8 * (600 - 1))
    assert lent.finish_s == 1_200 + 63 + 1_000
    assert lent.queuing_s == 600
    assert replay.journal.loans == [
        LoanRecord("infer-0001", 0, 600, 600),
        LoanRecord("infer-0001", 1_200, None, None),
    ]
    assert replay.journal.meters.shortfall_servers.total == 0


def test_the_run_ends_when_every_job_has_ended() -> None:
    replay = replayed([make_spec("a", duration_s=42)], cycle_s=0)

    assert replay._clock.now() == 42
    assert [sight.t_s for sight in replay._observer.timeline] == [0]


def test_no_jobs_end_at_once() -> None:
    assert replayed([]).journal.jobs == {}


def test_progress_is_told_as_jobs_end() -> None:
    told: list[int] = []
    shape, load = make_cluster([8]), InferenceLoad(DemandSeries(np.array([0])))
    jobs = [make_spec("a"), make_spec("b", submit_s=5)]
    world = World(shape, load, load_policy({}, scheme="sjf"))
    Replay(world, jobs, Observer(), lambda: 0.0).run(told.append)

    assert told == sorted(told)
    assert told[-1] == 2


def test_the_timeline_shows_each_bin_as_its_first_instant_left_it() -> None:
    jobs = [
        make_spec("a", submit_s=0, workers=8, duration_s=300),
        make_spec("b", submit_s=10, workers=8, duration_s=500),
    ]
    replay = replayed(jobs, demand=[1, 2], inference=2, cycle_s=0)

    seen = [
        (s.t_s, s.queued_jobs, s.running_jobs, s.training_gpus_used, s.inference_demand_servers)
        for s in replay._observer.timeline
    ]
    assert seen == [(0, 0, 1, 8, 1), (300, 0, 1, 8, 2), (600, 0, 1, 8, 1)]
