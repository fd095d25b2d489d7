"""The simulated cluster, the store and the journal under any sequence of events."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aryl.engine.cycle import Ports, run_cycle
from aryl.engine.lifecycle import JobState
from aryl.model.cluster import Cluster, Pool
from aryl.model.demand import BIN_S
from aryl.model.job import Job, JobSpec
from aryl.model.plan import PreemptJob
from aryl.model.snapshot import Due
from aryl.policy.check import inconsistencies
from aryl.policy.config import PolicyConfig
from aryl.policy.rules import rules_of
from simulator.clock import VirtualClock
from simulator.cluster import SimulatedCluster
from simulator.events import EventQueue, Kind
from simulator.inference import InferenceLoad
from simulator.journal import Journal
from simulator.store import MemoryStore
from simulator.world import World
from tests.builders import snapshot_of
from tests.ledger import Ledger
from tests.strategies import clusters, configs, often, specs
from traces.demand import DemandSeries

POOL = 6


class Scheduling(RuleBasedStateMachine):
    """Jobs arrive, time passes, jobs finish, both loops decide; demand follows its own course."""

    @initialize(
        shape=clusters(inference=POOL, min_inference=3),
        config=configs(loaning="forecast"),
        demand=st.permutations([0, 0, 1, 2, 4, POOL]),
        batch=st.lists(specs("job"), min_size=4, max_size=12),
    )
    def build(
        self, shape: Cluster, config: PolicyConfig, demand: list[int], batch: list[JobSpec]
    ) -> None:
        self.config = replace(config, resize_overhead_s=float(config.seed))
        self.shape = shape
        load = InferenceLoad(DemandSeries(np.array(demand)))
        self.clock, self.events = VirtualClock(), EventQueue()
        self.journal = Journal((0.0, 1e9), len(shape.inference_servers))
        self.store = MemoryStore(rules_of(self.config))
        world = World(shape, load, self.config)
        self.cluster = SimulatedCluster(world, self.clock, self.events, self.journal)
        self.ports = Ports(self.clock, self.cluster, self.store, lambda: 0.0)
        self.work: dict[str, tuple[int, float]] = {}  # preemptions and work done, as last seen
        self.submitted = 0
        self.ended: set[str] = set()
        self.clock.move_to(BIN_S)  # one bin of demand is known, so that servers are lent
        self.submit(batch)
        self.decide(Due.ORCHESTRATE)
        self.decide(Due.SCHEDULE)

    @rule(batch=st.lists(specs("job"), min_size=1, max_size=5))
    def submit(self, batch: list[JobSpec]) -> None:
        for spec in batch:
            if spec.gpus_per_worker * spec.requested_workers > self.shape.servers[0].gpus:
                continue  # it might wait for ever, and under strict fifo keep all others waiting
            job_id = f"job-{self.submitted}"
            job = Job(replace(spec, job_id=job_id, submit_s=self.clock.now()))
            self.submitted += 1
            self.journal.submitted(job.spec, self.clock.now())
            self.store.submit(job)

    @rule(seconds=st.sampled_from([BIN_S, 10.0, 0.0, 3_000.0]))
    def pass_time(self, seconds: float) -> None:
        end_s = self.clock.now() + seconds
        while self.events.next_time() <= end_s:
            self.happen()
        self.clock.move_to(end_s)
        self.decide(Due.ORCHESTRATE)
        self.decide(Due.SCHEDULE)

    @precondition(lambda self: bool(self.events))
    @rule()
    def happen(self) -> None:
        time_s, kind, _, subject, token = self.events.pop()
        self.clock.move_to(time_s)
        if kind is Kind.RETURN:
            self.cluster.return_server(subject)
            return
        before = self.cluster.observe().running.get(subject)
        if self.cluster.finish(subject, token):
            assert before is not None
            assert before.done_by(time_s) == pytest.approx(before.spec.work, rel=1e-9, abs=1e-6)
            self.store.finish(subject)
            self.ended.add(subject)

    @rule(due=st.sampled_from([Due.SCHEDULE, Due.ORCHESTRATE]))
    def decide(self, due: Due) -> None:
        now, before = self.clock.now(), self.cluster.observe().running
        report = run_cycle(self.ports, self.config, due)
        for outcome in report.outcomes:
            if isinstance(outcome.action, PreemptJob):
                assert outcome.job is not None
                assert outcome.job.done <= before[outcome.job.id].done_by(now)
        assert {outcome.status.value for outcome in report.outcomes} <= {"done"}

    @invariant()
    def the_books_obey_every_rule(self) -> None:
        seen = self.cluster.observe()
        snapshot = snapshot_of(seen, self.store.queue(), now=self.clock.now())
        assert inconsistencies(snapshot) == []
        ledger = Ledger(snapshot)
        for job_id in seen.running:
            ledger.check_job(job_id)

    @invariant()
    def the_store_and_the_cluster_agree(self) -> None:
        running, queued = self.cluster.observe().running, self.store.queue().jobs
        everyone = {f"job-{n}" for n in range(self.submitted)}
        assert sorted([*running, *queued, *self.ended]) == sorted(everyone)
        for job_id, state in self.store._states.items():
            assert (state is JobState.RUNNING) == (job_id in running)

    @invariant()
    def the_journal_meters_what_is_held(self) -> None:
        seen, meters = self.cluster.observe(), self.journal.meters
        ledger = Ledger(snapshot_of(seen, self.store.queue(), now=self.clock.now()))
        used = dict.fromkeys(Pool, 0)
        for server in seen.cluster.servers:
            used[server.pool] += ledger.used(server.id)
        assert meters.training_gpus.level == used[Pool.TRAINING]
        assert meters.on_loan_gpus.level == used[Pool.INFERENCE]
        assert meters.on_loan_servers.level == len(seen.loans)

    @invariant()
    def work_is_lost_by_preemption_only(self) -> None:
        now, before = self.clock.now(), self.work
        jobs = {**self.cluster.observe().running, **self.store.queue().jobs}
        self.work = {name: (job.preemptions, job.done_by(now)) for name, job in jobs.items()}
        for name, (preemptions, done) in self.work.items():
            spec = jobs[name].spec
            assert done <= spec.work * (1 + 1e-9) + 1e-6
            preempted_before, done_before = before.get(name, (0, 0.0))
            if preemptions == preempted_before:
                assert done >= done_before
            elif done:
                written = done / (spec.checkpoint_s * spec.requested_workers)
                assert written == pytest.approx(round(written))


TestScheduling = Scheduling.TestCase
TestScheduling.settings = settings(often(0.6), stateful_step_count=40)
