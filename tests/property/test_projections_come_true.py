"""Where estimates are exact and demand is known, a projection is what the replay really does."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.engine.cycle import CycleReport
from aryl.model.cluster import Cluster
from aryl.model.job import JobSpec
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import untimed
from simulator.difference import compare
from simulator.inference import InferenceLoad
from simulator.observer import Observer
from simulator.projection import Hypothesis, Limits, project
from simulator.replay import Replay
from simulator.world import World
from tests.property.test_decisions_depend_on_nothing_else import content
from tests.strategies import clusters, configs, often, snapshots, specs
from traces.demand import DemandSeries

POOL = 6
LIMITS = Limits(horizon_s=10_000.0, cycles=60)
FAR = Limits(horizon_s=1e9, cycles=1_000_000)


class Album(Observer):
    """Keeps every snapshot in which jobs are scheduled."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshots: list[Snapshot] = []

    def cycled(self, report: CycleReport, now: float) -> None:
        super().cycled(report, now)
        if Due.SCHEDULE in report.proposal.snapshot.due:
            self.snapshots.append(report.proposal.snapshot)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Small pools, demand that comes and goes, and any policy with any pacing."""
    shape = draw(clusters(inference=POOL, min_inference=3))
    demand = draw(st.permutations([0, 0, 1, 2, 3, POOL]))
    pacing: dict[str, Any] = {
        "cycle_s": draw(st.sampled_from([10.0, 0.0])),
        "decision_latency_s": draw(st.sampled_from([0.0, 0.0, 7.0])),
        "resize_overhead_s": draw(st.sampled_from([0.0, 30.0])),
    }
    load = InferenceLoad(DemandSeries(np.array(demand)))
    return World(shape, load, draw(configs(**pacing)))


@st.composite
def batches(draw: st.DrawFn, shape: Cluster) -> Sequence[JobSpec]:
    """Jobs that are all submitted within a minute, each of which fits on one server."""
    drawn = [draw(specs(f"job-{n}")) for n in range(draw(st.integers(4, 12)))]
    return sorted(
        (
            replace(spec, submit_s=2 * spec.submit_s, estimated_duration_s=spec.duration_s)
            for spec in drawn
            if spec.gpus_per_worker * spec.requested_workers <= shape.servers[0].gpus
        ),
        key=lambda spec: spec.submit_s,
    )


def replayed(world: World, jobs: Sequence[JobSpec]) -> tuple[Replay, list[Snapshot]]:
    album = Album()
    replay = Replay(world, jobs, album, untimed)
    replay.run()
    last_s = max((job.submit_s for job in jobs), default=0.0)
    return replay, [s for s in album.snapshots if s.now >= last_s and len(s.queue) + len(s.running)]


@given(st.data(), worlds())
@often(1.5)
def test_the_rest_of_a_replay_is_foreseen_to_the_second(data: st.DataObject, world: World) -> None:
    replay, seen = replayed(world, data.draw(batches(world.cluster)))
    if not seen:
        return
    snapshot = data.draw(st.sampled_from(seen))

    foreseen = project(snapshot, world.config, limits=FAR, load=world.load)

    truth = replay.journal.jobs
    live = snapshot.queue.jobs.keys() | snapshot.running.keys()
    first_s = {name: truth[name].first_start_s or 0.0 for name in snapshot.queue.jobs}
    fresh = {name: start_s for name, start_s in first_s.items() if start_s >= snapshot.now}
    assert foreseen.finishes == {name: truth[name].finish_s for name in live}
    assert {name: foreseen.starts[name] for name in fresh} == fresh


@st.composite
def hypotheses(draw: st.DrawFn, snapshot: Snapshot) -> Hypothesis:
    """Anything that may be supposed of a snapshot."""
    at_home = len(snapshot.cluster.inference_servers) - len(snapshot.loans)
    return Hypothesis(
        submits=tuple(draw(specs(f"new-{n}")) for n in range(draw(st.integers(0, 2)))),
        lend=draw(st.integers(0, at_home)),
        give_back=draw(st.integers(0, snapshot.on_loan)),
        config=draw(st.none() | configs()),
    )


@given(st.data(), snapshots(), configs())
def test_projecting_changes_nothing_and_says_the_same_again(
    data: st.DataObject, snapshot: Snapshot, config: PolicyConfig
) -> None:
    supposed = data.draw(hypotheses(snapshot))
    before = content(snapshot)

    foreseen = project(snapshot, config, supposed, LIMITS)

    assert content(snapshot) == before
    assert project(snapshot, config, supposed, LIMITS) == foreseen


@given(st.data(), snapshots(), configs())
def test_every_job_s_course_adds_up(
    data: st.DataObject, snapshot: Snapshot, config: PolicyConfig
) -> None:
    foreseen = project(snapshot, config, data.draw(hypotheses(snapshot)), LIMITS)

    now, until_s = foreseen.now_s, foreseen.until_s
    assert now <= until_s <= now + LIMITS.horizon_s
    known = snapshot.queue.jobs.keys() | snapshot.running.keys()
    assert foreseen.courses.keys() == known | set(foreseen.submitted)
    for name, course in foreseen.courses.items():
        end_s = until_s if course.finish_s is None else course.finish_s
        moments = [t_s for t_s, _ in (*course.sizes, (end_s, 0))]
        assert moments == sorted(moments)
        assert (moments[0], course.waited_by(now)) == (now, 0.0)
        held_s = sum(
            b - a for (a, b), (_, n) in zip(pairwise(moments), course.sizes, strict=True) if n
        )
        assert course.waited_by(until_s) == pytest.approx(end_s - now - held_s)
        if name not in snapshot.running:
            assert course.start_s == next((t for t, workers in course.sizes if workers), None)


@given(snapshots(), configs())
def test_nothing_supposed_makes_no_difference(snapshot: Snapshot, config: PolicyConfig) -> None:
    base = project(snapshot, config, limits=LIMITS)
    changed = project(snapshot, config, Hypothesis(config=config), LIMITS)
    difference = compare(base, changed)

    assert changed == base
    assert difference.base == difference.changed
    assert not (difference.delayed + difference.sooner)
    assert not (difference.preempted + difference.shrunk)


@given(st.data(), snapshots(), configs())
def test_who_is_delayed_one_way_is_sooner_the_other_way(
    data: st.DataObject, snapshot: Snapshot, config: PolicyConfig
) -> None:
    supposed = replace(data.draw(hypotheses(snapshot)), submits=())
    base = project(snapshot, config, limits=LIMITS)
    changed = project(snapshot, config, supposed, LIMITS)
    there, back = compare(base, changed), compare(changed, base)

    assert [(s.job_id, s.delay_s) for s in there.delayed] == [
        (s.job_id, -s.delay_s) for s in back.sooner
    ]
    assert (there.base, there.changed) == (back.changed, back.base)
