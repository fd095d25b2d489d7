"""The simulated cluster by example: progress, overheads, checkpoints, and actions too late."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from aryl.engine.ports import Outcome, Status
from aryl.model.job import Job, Placement
from aryl.model.plan import (
    Action,
    LoanServer,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
)
from aryl.model.reason import ReasonCode, because
from aryl.policy.registry import load_policy
from simulator.clock import VirtualClock
from simulator.cluster import SimulatedCluster
from simulator.events import EventQueue, Kind
from simulator.inference import InferenceLoad
from simulator.journal import Allocation, Journal
from simulator.world import World
from tests.builders import base, flexible, make_cluster, make_spec
from traces.demand import DemandSeries

WHY = because(ReasonCode.FITS, gpus=1, place=1)


@dataclass
class Bench:
    """A cluster of one training and two inference servers, with its clock, heap and journal."""

    knobs: dict[str, Any] = field(default_factory=dict)
    factor: float = 1.0
    clock: VirtualClock = field(default_factory=VirtualClock)
    events: EventQueue = field(default_factory=EventQueue)
    waiting: dict[str, Job] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = make_cluster([8], [8, 8], factor=self.factor)
        load = InferenceLoad(DemandSeries(np.array([1])))
        self.journal = Journal((0.0, 1e6), 2)
        world = World(shape, load, load_policy(self.knobs))
        self.cluster = SimulatedCluster(world, self.clock, self.events, self.journal)

    def submit(self, job_id: str = "job", **changes: Any) -> None:
        spec = make_spec(job_id, **changes)
        self.journal.submitted(spec, self.clock.now())
        self.waiting[job_id] = Job(spec)

    def act(self, action: Action, *, at: float | None = None) -> Outcome:
        if at is not None:
            self.clock.move_to(at)
        job = self.waiting.pop(action.job_id, None) if isinstance(action, StartJob) else None
        outcome = self.cluster.apply(action, job)
        if outcome.job and not outcome.job.placements:
            self.waiting[outcome.job.id] = outcome.job
        return outcome

    def start(self, *placements: Placement, at: float | None = None) -> Job:
        outcome = self.act(StartJob("job", placements, WHY), at=at)
        assert outcome.status is Status.DONE
        assert outcome.job is not None
        return outcome.job

    def finish_next(self) -> float:
        """Let time pass until the job's finish comes true."""
        while True:
            time_s, kind, _, subject, token = self.events.pop()
            self.clock.move_to(time_s)
            if kind is Kind.FINISH and self.cluster.finish(subject, token):
                return time_s


def resize(*, add: tuple[Placement, ...] = (), remove: tuple[Placement, ...] = ()) -> ResizeJob:
    return ResizeJob("job", WHY, remove=remove, add=add)


PREEMPT = PreemptJob("job", WHY)


def test_a_job_at_its_requested_size_runs_for_its_duration() -> None:
    bench = Bench()
    bench.submit(workers=2, duration_s=100)
    bench.start(base(1, 2), at=10)

    assert bench.finish_next() == 110
    assert bench.journal.jobs["job"].finish_s == 110


def test_a_resize_changes_the_speed_from_then_on() -> None:
    bench = Bench()
    bench.submit(workers=2, max_workers=4, duration_s=100)
    bench.start(base(1, 2))
    bench.act(resize(add=(flexible(1, 2),)), at=40)

    # 80 of 200 worker-seconds are done; four workers do the other 120 in 30 s
    assert bench.finish_next() == 70
    assert bench.journal.jobs["job"].resizes == 1


def test_a_finish_foreseen_before_a_resize_is_out_of_date() -> None:
    bench = Bench()
    bench.submit(workers=2, max_workers=4, duration_s=100)
    bench.start(base(1, 2))
    _, _, _, subject, token = bench.events.pop()
    bench.act(resize(add=(flexible(1, 2),)), at=40)

    assert not bench.cluster.finish(subject, token)
    assert "job" in bench.cluster.observe().running


def test_several_resizes_at_one_instant_are_one() -> None:
    bench = Bench()
    bench.submit(workers=2, max_workers=6, duration_s=100)
    bench.start(base(1, 2))
    bench.act(resize(add=(flexible(1, 4),)), at=10)
    bench.act(resize(remove=(flexible(1, 2),)))
    bench.act(resize(remove=(flexible(1, 1),)), at=20)

    assert bench.journal.jobs["job"].resizes == 2


def test_a_resize_costs_its_overhead_without_progress() -> None:
    bench = Bench({"resize_overhead_s": 30})
    bench.submit(workers=2, max_workers=4, duration_s=100)
    bench.start(base(1, 2))
    bench.act(resize(add=(flexible(1, 2),)), at=40)

    assert bench.cluster.observe().running["job"].done_by(60) == 80
    assert bench.finish_next() == 100


def test_a_resize_while_a_job_restarts_does_not_shorten_the_restart() -> None:
    bench = Bench({"preemption_overhead_s": 63, "resize_overhead_s": 5})
    bench.submit(workers=2, max_workers=4, duration_s=100)
    bench.start(base(1, 2))
    bench.act(PREEMPT, at=10)
    bench.start(base(1, 2), at=20)
    bench.act(resize(add=(flexible(1, 2),)), at=30)

    assert bench.finish_next() == 20 + 63 + 50


@pytest.mark.parametrize(
    ("checkpoint_s", "kept", "lost_gpu_s"),
    [
        pytest.param(0, 0, 170, id="no checkpoints: all is lost"),
        pytest.param(30, 120, 50, id="back to the last checkpoint"),
        pytest.param(100, 0, 170, id="before the first checkpoint"),
    ],
)
def test_a_preemption_costs_the_progress_since_the_last_checkpoint_and_a_restart(
    checkpoint_s: float, kept: float, lost_gpu_s: float
) -> None:
    bench = Bench({"preemption_overhead_s": 63})
    bench.submit(workers=2, duration_s=100, gpus_per_worker=1, checkpoint_s=checkpoint_s)
    bench.start(base(1, 2))
    outcome = bench.act(PREEMPT, at=85)
    restarted = bench.start(base(1, 2), at=100)

    # two workers did 170 worker-seconds; a checkpoint is written every 2 x checkpoint_s of them
    assert outcome.job is not None
    assert (outcome.job.done, outcome.job.preemptions) == (kept, 1)
    assert restarted.done_by(163) == kept
    assert bench.finish_next() == 163 + (200 - kept) / 2
    record = bench.journal.jobs["job"]
    assert (record.preemptions, record.lost_gpu_s, record.queuing_s) == (1, lost_gpu_s, 15)


def test_lost_progress_is_counted_in_training_gpus() -> None:
    bench = Bench({"preemption_overhead_s": 0}, factor=3.0)
    bench.submit(workers=1, gpus_per_worker=2, duration_s=100, fungible=True)
    bench.act(LoanServer("infer-0001", WHY))
    bench.start(base(1, 3, loaned=True))
    bench.act(PREEMPT, at=50)

    # three workers on loan made one training worker's progress, which has 2 GPUs
    assert bench.journal.jobs["job"].lost_gpu_s == 100


def test_a_job_on_both_gpu_types_runs_at_the_efficiency_of_the_policy() -> None:
    bench = Bench({"heterogeneous_efficiency": 0.5}, factor=3.0)
    bench.submit(workers=2, duration_s=100, heterogeneous=True)
    bench.act(LoanServer("infer-0001", WHY))
    bench.start(base(1, 1), base(1, 3, loaned=True))

    assert bench.finish_next() == 200


def test_a_job_of_no_work_finishes_as_it_starts() -> None:
    bench = Bench()
    bench.submit(duration_s=0)
    bench.start(base(1, 1), at=5)

    assert bench.finish_next() == 5
    assert bench.journal.allocations == [
        Allocation("job", "train-0001", base(1).kind, 1, 1, 5.0, 5.0)
    ]


def test_allocations_are_intervals_of_the_same_workers_on_a_server() -> None:
    bench = Bench()
    bench.submit(workers=2, max_workers=4, duration_s=100, gpus_per_worker=2)
    bench.start(base(1, 2))
    bench.act(resize(add=(flexible(1, 2),)), at=40)
    bench.act(resize(remove=(flexible(1, 1),)), at=50)
    bench.finish_next()

    rows = [(a.kind.value, a.workers, a.gpus, a.start_s) for a in bench.journal.allocations]
    assert rows == [
        ("flexible", 2, 4, 40),
        ("base", 2, 4, 0),
        ("flexible", 1, 2, 50),
    ]


@pytest.mark.parametrize(
    ("actions", "detail"),
    [
        pytest.param([resize(add=(flexible(1),))], "the job does not run", id="resize too late"),
        pytest.param([PREEMPT], "the job does not run", id="preemption too late"),
        pytest.param(
            [StartJob("job", (base(1),), WHY)], "the job does not wait", id="a second start"
        ),
        pytest.param(
            [LoanServer("infer-0001", WHY), LoanServer("infer-0001", WHY)],
            "the server is on loan",
            id="lent twice",
        ),
    ],
)
def test_an_action_that_comes_too_late_is_refused_and_changes_nothing(
    actions: list[Action], detail: str
) -> None:
    bench = Bench()
    bench.submit(duration_s=10)
    bench.start(base(1))
    bench.finish_next()
    for action in actions[:-1]:
        bench.act(action)
    before = bench.cluster.observe()

    outcome = bench.act(actions[-1])

    after = bench.cluster.observe()
    assert (outcome.status, outcome.detail, outcome.job) == (Status.REFUSED, detail, None)
    assert (after.running, after.loans) == (before.running, before.loans)
    assert after.capacity.now.free == before.capacity.now.free


@pytest.mark.parametrize("vacate_s", [0.0, 120.0])
def test_a_server_is_back_once_it_is_vacated(vacate_s: float) -> None:
    bench = Bench({"vacate_s": vacate_s})
    bench.act(LoanServer("infer-0002", WHY), at=100)
    bench.act(ReclaimServer("infer-0002", WHY), at=400)

    if vacate_s:
        assert not bench.cluster.observe().loans["infer-0002"].is_open
        time_s, kind, _, subject, _ = bench.events.pop()
        assert (time_s, kind) == (400 + vacate_s, Kind.RETURN)
        bench.clock.move_to(time_s)
        bench.cluster.return_server(subject)
    assert bench.cluster.observe().loans == {}
    assert bench.journal.loans == [("infer-0002", 100, 400, 400 + vacate_s)]


def test_an_observation_stays_as_the_cluster_changes() -> None:
    bench = Bench()
    bench.submit(workers=2, max_workers=4)
    seen = bench.cluster.observe()
    bench.start(base(1, 2))
    later = bench.cluster.observe()
    bench.act(resize(add=(flexible(1, 2),)))
    bench.act(LoanServer("infer-0001", WHY))

    assert (seen.running, seen.holders, seen.capacity.now.free) == ({}, {}, [8, 8, 8])
    assert later.running["job"].placements == (base(1, 2),)
    assert (later.capacity.now.free, later.loans) == ([6, 8, 8], {})
    assert seen.version < later.version < bench.cluster.observe().version
