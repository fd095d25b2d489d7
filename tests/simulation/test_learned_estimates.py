"""What a replay makes of run times that are learnt, or not known at all."""

import json
from collections.abc import Sequence
from io import StringIO
from math import log
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from aryl.model.job import JobSpec
from aryl.policy.registry import load_policy
from simulator.inference import InferenceLoad
from simulator.inputs import RunInputs
from simulator.observer import Observer
from simulator.replay import Replay
from simulator.summary import Finished, summary_of
from simulator.world import World
from tests.builders import make_cluster, make_spec
from traces.demand import DemandSeries


def run_of(jobs: Sequence[JobSpec], log_file: StringIO | None = None, **entries: Any) -> Finished:
    demand = InferenceLoad(DemandSeries(np.array([0])))
    world = World(make_cluster([8]), demand, load_policy({"scheme": "sjf"} | entries))
    observer = Observer(log_file)
    replay = Replay(world, jobs, observer, lambda: 0.0)
    replay.run()
    inputs = RunInputs(world=world, scenario="as-is", seed=0, jobs=tuple(jobs), rejected=())
    return Finished(inputs, replay.journal, observer, 0.0, 0.0)


def habits(jobs: int) -> list[JobSpec]:
    """One user's jobs take minutes, another's hours; together they are too much for a day."""
    chance = np.random.default_rng(5)
    runs_s = {"quick": 300.0, "slow": 9_000.0}
    users = chance.choice(["quick", "slow"], jobs)
    spread = chance.lognormal(0.0, 0.3, jobs)
    return [
        make_spec(
            f"job-{number:03d}",
            submit_s=number * 300.0,
            duration_s=float(runs_s[str(user)] * factor),
            user=str(user),
            workers=2,
        )
        for number, (user, factor) in enumerate(zip(users, spread, strict=True))
    ]


def queuing_s(run: Finished) -> float:
    return fmean(job.queuing_s for job in run.journal.jobs.values())


def test_learnt_run_times_are_worth_nearly_as_much_as_known_ones() -> None:
    jobs = habits(200)

    known = queuing_s(run_of(jobs))
    learned = queuing_s(run_of(jobs, estimates="learned"))
    unknown = queuing_s(run_of(jobs, ordering="fifo-backfill"))

    assert known <= learned < (known + unknown) / 2


def test_how_far_off_guesses_were_and_were_expected_to_be_is_in_the_summary() -> None:
    found = summary_of(run_of(habits(200), estimates="learned"))["estimates"]

    assert found["mode"] == "learned"
    assert found["median_log_error"] < log(2.0)
    assert found["median_log_error"] <= found["mean_log_error"]
    assert found["within_factor_2"] > 0.5
    assert found["expected_log_error"] == pytest.approx(found["mean_log_error"], rel=0.5)


def test_estimates_that_are_given_have_the_errors_that_they_have() -> None:
    jobs = [make_spec("right"), make_spec("wrong", estimated_duration_s=300.0)]

    assert summary_of(run_of(jobs))["estimates"] == {
        "mode": "given",
        "median_log_error": pytest.approx(log(3.0) / 2),
        "mean_log_error": pytest.approx(log(3.0) / 2),
        "within_factor_2": 0.5,
        "expected_log_error": 0.0,
    }


def test_without_estimates_there_are_no_errors() -> None:
    found = summary_of(run_of(habits(3), estimates="none"))["estimates"]

    assert found.pop("mode") == "none"
    assert set(found.values()) == {None}


def test_each_first_guess_is_an_event() -> None:
    log_file, jobs = StringIO(), habits(30)

    run_of(jobs, log_file, estimates="learned")

    events = [json.loads(line) for line in log_file.getvalue().splitlines()]
    guesses = {e["job_id"]: e for e in events if e["action"] == "Guess"}
    assert list(guesses) == [job.job_id for job in jobs]
    assert guesses["job-000"]["log_error"] > guesses["job-029"]["log_error"] > 0.0
