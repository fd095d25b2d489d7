"""The reclaim study: problems are kept as they were asked, and policies judged on the same ones."""

from collections.abc import Callable

import numpy as np
import pytest

from aryl.policy.registry import load_policy
from aryl.policy.victims import RECLAIMS, Reclaim, Victim, greedy
from simulator.inference import InferenceLoad
from simulator.inputs import RunInputs
from simulator.reclaim_study import Trial, asking, recording, tried, verdict
from simulator.run import replayed
from simulator.world import World
from tests.builders import make_cluster, make_spec
from traces.demand import DemandSeries

# Figure 5: GPUs of each job on each server.
FIGURE_5 = {
    "a": {"S1": 6, "S2": 6},
    "b": {"S3": 8},
    "c": {"S4": 8, "S5": 2},
    "d": {"S5": 2, "S6": 8},
}


def figure_5(count: int) -> Reclaim:
    servers = [f"S{n}" for n in range(1, 7)]
    jobs_on = {s: tuple(job for job, on in FIGURE_5.items() if s in on) for s in servers}
    return Reclaim(jobs_on, {name: Victim(on) for name, on in FIGURE_5.items()}, count)


def ticking() -> Callable[[], float]:
    """A timer that is one second further at each look."""
    seconds = iter(range(1_000))
    return lambda: float(next(seconds))


def trial(greedy: int, exact: int, *, is_proven: bool = True) -> Trial:
    return Trial(
        asked=4,
        jobs=9,
        preempted={"greedy": greedy, "exact": exact},
        seconds={"greedy": 1.0, "exact": 30.0},
        shared=3,
        is_proven=is_proven,
    )


def test_all_policies_are_tried_on_the_same_problem() -> None:
    found = tried(figure_5(2), ticking())

    assert found.preempted["greedy"] == found.preempted["exact"] == 1
    assert found.preempted.keys() == RECLAIMS.keys()
    assert (found.asked, found.jobs, found.shared, found.is_proven) == (2, 4, 2, True)
    assert set(found.seconds.values()) == {1.0}


def test_a_verdict_sums_up_what_is_proven() -> None:
    trials = [trial(3, 3), trial(6, 5), trial(99, 1, is_proven=False)]

    found = verdict(trials)

    assert found is not None
    assert (found.trials, found.unproven) == (2, 1)
    assert (found.same, found.more) == pytest.approx((0.5, 1 / 8))
    assert (found.shared, found.slower) == pytest.approx((0.75, 30.0))
    assert verdict(trials[2:]) is None


def test_a_state_is_asked_for_other_numbers_of_servers_where_it_has_as_many() -> None:
    assert [p.count for p in asking([figure_5(1), figure_5(2)], 6)] == [6, 6]
    assert asking([figure_5(1)], 7) == []


def test_problems_are_recorded_as_a_replay_meets_them_and_the_registry_is_left_as_it_was() -> None:
    # lent after the first bin, filled by a fungible job, needed again from the fourth bin on
    demand = DemandSeries(np.array([0, 0, 0, 2]))
    world = World(
        make_cluster([1], [8, 8]),
        InferenceLoad(demand),
        load_policy({"scheme": "aryl-loaning", "forecaster": "last", "headroom": 0.0}),
    )
    jobs = tuple(
        make_spec(f"job-{n}", submit_s=n * 300.0, duration_s=10_000.0, fungible=True)
        for n in range(3)
    )
    inputs = RunInputs(world, "as-is", 0, jobs, ())

    with recording("greedy") as problems:
        run = replayed(inputs)

    assert RECLAIMS["greedy"] is greedy
    assert sum(record.preemptions for record in run.journal.jobs.values()) > 0
    assert {job for problem in problems for job in problem.jobs} <= {"job-1", "job-2"}
    assert all(problem.count <= len(problem.jobs_on) for problem in problems)
    assert problems
