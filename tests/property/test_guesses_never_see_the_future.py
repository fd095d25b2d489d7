"""Where run times are learnt, a decision knows those of jobs that have ended, and no others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aryl.engine.cycle import CycleReport
from aryl.model.job import JobSpec
from aryl.model.plan import Action
from aryl.policy.registry import load_policy
from simulator.inference import InferenceLoad
from simulator.observer import Observer
from simulator.replay import Replay
from simulator.world import World
from tests.builders import make_cluster, make_spec
from traces.demand import DemandSeries


class Diary(Observer):
    """Keeps each decision with its time."""

    def __init__(self) -> None:
        super().__init__()
        self.decided: list[tuple[float, tuple[Action, ...]]] = []

    def cycled(self, report: CycleReport, now: float) -> None:
        super().cycled(report, now)
        self.decided.append((now, report.proposal.plan.actions))


def replayed(jobs: Sequence[JobSpec], **entries: Any) -> tuple[Diary, dict[str, float]]:
    """What was decided, and when each job finished."""
    demand = InferenceLoad(DemandSeries(np.array([1, 0, 0, 1, 2, 1])))
    diary = Diary()
    world = World(make_cluster([4], [4, 4], factor=2.0), demand, load_policy(entries))
    replay = Replay(world, jobs, diary, lambda: 0.0)
    replay.run()
    ends = {name: job.finish_s for name, job in replay.journal.jobs.items()}
    return diary, {name: end_s for name, end_s in ends.items() if end_s is not None}


@st.composite
def workloads(draw: st.DrawFn) -> list[JobSpec]:
    """Jobs of two users that wait for each other."""
    jobs, submit_s = [], 0.0
    for number in range(draw(st.integers(4, 14))):
        submit_s += draw(st.sampled_from([0.0, 30.0, 400.0]))
        workers = draw(st.integers(1, 3))
        spec = make_spec(
            f"job-{number:02d}",
            submit_s=submit_s,
            duration_s=float(draw(st.sampled_from([20, 90, 500, 2_000, 9_000]))),
            workers=workers,
            max_workers=workers + draw(st.sampled_from([0, 2])),
            fungible=draw(st.booleans()),
            user=draw(st.sampled_from(["ann", "bob"])),
            checkpoint_s=draw(st.sampled_from([0.0, 60.0])),
        )
        jobs.append(spec)
    return jobs


def _until(diary: Diary, end_s: float) -> list[tuple[float, tuple[Action, ...]]]:
    return [(now, actions) for now, actions in diary.decided if now <= end_s]


@given(
    workloads(),
    st.floats(0.0, 1.0),
    st.sampled_from(["learned", "none"]),
    st.sampled_from(["aryl", "sjf"]),
)
@settings(max_examples=60)
def test_decisions_do_not_depend_on_run_times_of_jobs_that_have_not_ended(
    jobs: list[JobSpec], share: float, estimates: str, scheme: str
) -> None:
    diary, ends_s = replayed(jobs, scheme=scheme, estimates=estimates)
    moment_s = share * max(ends_s.values())
    others = [replace(job, estimated_duration_s=1.0) for job in jobs]
    others = [
        replace(job, duration_s=job.duration_s * 3.0 + 100.0)
        if ends_s[job.job_id] > moment_s
        else job
        for job in others
    ]

    twin, _ = replayed(others, scheme=scheme, estimates=estimates)

    assert _until(twin, moment_s) == _until(diary, moment_s)
