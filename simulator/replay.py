"""Replays jobs through the engine in virtual time: one heap, one loop.

A replay begins with a trace, at t = 0, or goes on from a snapshot of pools in which jobs run.
"""

from collections.abc import Callable, Sequence
from math import floor, inf

from aryl.engine.cycle import CycleReport, Ports, Proposal, Timer, carry_out, propose
from aryl.engine.estimating import ESTIMATORS, believing
from aryl.engine.pacing import Pacing
from aryl.model.demand import BIN_S
from aryl.model.job import Job, JobSpec
from aryl.model.plan import Plan
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.rules import rules_of
from simulator.clock import VirtualClock
from simulator.cluster import SimulatedCluster
from simulator.events import EventQueue, Kind
from simulator.journal import Journal
from simulator.observer import Observer, Sight
from simulator.store import MemoryStore
from simulator.world import World

Progress = Callable[[int], None]  # is told how many jobs have ended


class Replay:
    """One run of one policy over jobs sorted by submission."""

    def __init__(
        self, world: World, jobs: Sequence[JobSpec], observer: Observer, elapsed: Timer
    ) -> None:
        """Stand before the first event; the observer is shown each cycle and each demand bin."""
        self._config, self._load, self._jobs = world.config, world.load, jobs
        self._observer = observer
        self._clock, self._events = VirtualClock(), EventQueue()
        measured_s = [job.submit_s for job in jobs if not job.carry_in] or [0.0]
        window_s = (min(measured_s), max(measured_s))
        self.journal = Journal(window_s, len(world.cluster.inference_servers))
        self._store = MemoryStore(rules_of(world.config))
        self._estimator = ESTIMATORS[world.config.estimates]()
        self._cluster = SimulatedCluster(world, self._clock, self._events, self.journal)
        self._ports = Ports(self._clock, self._cluster, self._store, elapsed)
        self._arrived = self._ended = 0
        self._expected = len(jobs)  # how many are to end
        self._pacing = Pacing(world.config)
        self._wake_s = -inf
        self._in_flight: Proposal | None = None
        self._unseen_s: float | None = None  # a bin has begun and has not been shown yet

    def run(self, progress: Progress | None = None) -> None:
        """Run until every job has ended. Raises `InvariantBroken` where a plan breaks a rule."""
        self._await(sample_s=0.0, tick_s=0.0)
        while self.step():
            if progress:
                progress(self._ended)
        self.close()

    def resume(self, snapshot: Snapshot, plan: Plan | None = None) -> None:
        """Stand where a snapshot was taken, before its decision; a plan given takes effect first.

        Bins and looks at loans begin at whole multiples of their periods, as they do from t = 0.
        """
        now = snapshot.now
        self._clock.move_to(now)
        self.journal.resume(snapshot)
        self._cluster.restore(snapshot.running.values(), snapshot.loans.values(), snapshot.version)
        for job_id in snapshot.running:
            self._store.adopt(job_id)
        for job in snapshot.queue.jobs.values():
            self._store.submit(job)
        self._expected += len(snapshot.running) + len(snapshot.queue)
        self._pacing.changed()
        if Due.ORCHESTRATE in snapshot.due:
            self._pacing.tick()
        self._events.push(now, Kind.WAKE)
        self.journal.demanded(self._load.demand_at(now), now)
        self._await(_after(now, BIN_S), _after(now, self._config.orchestrator_s))
        if plan:
            self._settled(carry_out(self._ports, Proposal(snapshot, plan, 0.0)))

    @property
    def next_s(self) -> float:
        """When something happens next; infinity where every job has ended."""
        return self._events.next_time() if self._ended < self._expected else inf

    def step(self) -> bool:
        """Let the next instant happen, and decide; False where every job has ended."""
        if self._ended == self._expected:
            return False
        now = max(self._clock.now(), self._events.next_time())  # a resumed job may be overdue
        if self._unseen_s is not None and now > self._unseen_s:
            self._show()
        self._clock.move_to(now)
        while self._events.next_time() <= now:
            _, kind, _, subject, token = self._events.pop()
            self._happen(kind, subject, token, now)
        self._decide(now)
        return True

    def close(self) -> None:
        """End the run where it stands."""
        if self._unseen_s is not None:
            self._show()
        self.journal.close(self._clock.now())

    def _happen(self, kind: Kind, subject: str, token: int, now: float) -> None:
        match kind:
            case Kind.ARRIVAL:
                self._arrive(now)
            case Kind.FINISH:
                self._finish(subject, token)
            case Kind.SAMPLE:
                self.journal.demanded(self._load.demand_at(now), now)
                self._estimator.look(self._cluster.observe().running.values(), now)
                self._unseen_s = now
                self._events.push(now + BIN_S, Kind.SAMPLE)
            case Kind.TICK:
                self._pacing.tick()
                self._events.push(now + self._config.orchestrator_s, Kind.TICK)
            case Kind.RETURN:
                self._cluster.return_server(subject)
            case Kind.EFFECT:
                assert self._in_flight is not None
                proposal, self._in_flight = self._in_flight, None
                self._settled(carry_out(self._ports, proposal))
            case Kind.WAKE:
                pass  # it is time to decide; that follows

    def _await(self, sample_s: float, tick_s: float) -> None:
        """Foresee the next bin, the next look at loans and the next arrival."""
        self._events.push(sample_s, Kind.SAMPLE)
        if self._config.loaning != "none":
            self._events.push(tick_s, Kind.TICK)
        self._await_arrival()

    def _await_arrival(self) -> None:
        if self._arrived < len(self._jobs):
            self._events.push(self._jobs[self._arrived].submit_s, Kind.ARRIVAL)

    def _arrive(self, now: float) -> None:
        spec = self._jobs[self._arrived]
        self._arrived += 1
        guess = self._estimator.guess(spec)
        if guess:
            spec = believing(spec, guess)
            self._observer.guessed(spec.job_id, guess, now)
        self.journal.submitted(spec, now)
        self._store.submit(Job(spec))
        self._pacing.changed()
        self._await_arrival()

    def _finish(self, job_id: str, token: int) -> None:
        job = self._cluster.job(job_id)
        if job is not None and self._cluster.finish(job_id, token):
            self._estimator.ended(job.spec, job.spec.duration_s)
            self._store.finish(job_id)
            self._ended += 1
            self._pacing.changed()

    def _decide(self, now: float) -> None:
        """Run what is due; while a plan is on its way, nothing else is decided."""
        while not self._in_flight and (due := self._pacing.due(now)):
            self._cycle(due, now)
        wake_s = self._pacing.wake_s
        if not self._in_flight and now < wake_s < inf and wake_s != self._wake_s:
            self._wake_s = wake_s
            self._events.push(wake_s, Kind.WAKE)

    def _cycle(self, due: Due, now: float) -> None:
        proposal = propose(self._ports, self._config, due)
        if self._config.decision_latency_s and proposal.plan.actions:
            self._in_flight = proposal
            self._events.push(now + self._config.decision_latency_s, Kind.EFFECT)
        else:
            self._settled(carry_out(self._ports, proposal))

    def _settled(self, report: CycleReport) -> None:
        if report.is_news:
            self._pacing.changed()
        self._observer.cycled(report, self._clock.now())

    def _show(self) -> None:
        """Show the observer the bin that has begun, as its first instant left it."""
        assert self._unseen_s is not None
        meters = self.journal.meters
        self._observer.sampled(
            Sight(
                t_s=self._unseen_s,
                queued_jobs=len(self._store),
                running_jobs=self._cluster.running_jobs,
                training_gpus_used=int(meters.training_gpus.level),
                on_loan_servers=int(meters.on_loan_servers.level),
                on_loan_gpus_used=int(meters.on_loan_gpus.level),
                inference_demand_servers=int(meters.demand_servers.level),
            )
        )
        self._unseen_s = None


def _after(now: float, period_s: float) -> float:
    """The next whole multiple of a period."""
    return (floor(now / period_s) + 1) * period_s
