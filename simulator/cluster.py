"""The Cluster port in memory: both pools and every running job, in virtual time.

It keeps the books (who holds what, how far each job is), tells a journal what happened, and a
heap when each job will finish. It decides nothing.
"""

from collections.abc import Iterable
from dataclasses import replace

from aryl.engine.ports import Observation, Outcome, Status
from aryl.model.books import capacity_of, holders_of
from aryl.model.capacity import Capacity
from aryl.model.cluster import Loan
from aryl.model.job import Job, Placement, WorkerKind, holding_of
from aryl.model.plan import (
    Action,
    LoanServer,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
)
from aryl.policy.loanable import FORESIGHT_S
from aryl.policy.units import speed, together, without
from simulator.clock import VirtualClock
from simulator.events import EventQueue, Kind
from simulator.journal import Notes
from simulator.world import World

Held = dict[tuple[str, WorkerKind], int]  # workers by server and kind


class SimulatedCluster:
    """Two pools whose jobs make progress as their workers do."""

    def __init__(
        self, world: World, clock: VirtualClock, events: EventQueue, journal: Notes
    ) -> None:
        """Start with every server vacant and nothing on loan."""
        self._shape, self._load, self._config = world.cluster, world.load, world.config
        self._clock, self._events, self._journal = clock, events, journal
        self._capacity = Capacity(world.cluster)
        self._holders: dict[str, tuple[str, ...]] = {}
        self._running: dict[str, Job] = {}
        self._elastic: dict[str, Job] = {}
        self._is_shared = False  # an observation holds the books: they are copied before a change
        self._loans: dict[str, Loan] = {}
        self._token: dict[str, int] = {}
        self._runs = 0
        self._version = 0
        foresees = self._config.forecaster == "oracle"
        lead_s = self._config.orchestrator_s + self._config.vacate_s
        self._ahead_s = max(lead_s, FORESIGHT_S) if foresees else 0.0

    def restore(self, running: Iterable[Job], loans: Iterable[Loan], version: int = 0) -> None:
        """Take over what ran and was lent when a picture was taken; what comes of it follows."""
        jobs, lent = tuple(running), tuple(loans)
        self._capacity = capacity_of(self._shape, jobs, lent)
        self._holders = holders_of(jobs)
        self._loans = {loan.server_id: loan for loan in lent}
        self._version = version
        for job in jobs:
            self._follow(job)
        for loan in lent:
            if loan.reclaim_s is not None:
                back_s = loan.reclaim_s + self._config.vacate_s
                self._events.push(back_s, Kind.RETURN, loan.server_id)

    def observe(self) -> Observation:
        """All that runs and is lent."""
        self._is_shared = True
        return Observation(
            version=self._version,
            cluster=self._shape,
            capacity=self._capacity,
            holders=self._holders,
            running=self._running,
            elastic=self._elastic,
            loans=self._loans,
            demand=self._load.history_at(self._clock.now(), ahead_s=self._ahead_s),
        )

    def apply(self, action: Action, job: Job | None = None) -> Outcome:
        """Carry out one action; what no longer suits the state is refused."""
        self._own()
        match action:
            case StartJob():
                return self._start(action, job)
            case ResizeJob():
                return self._resize(action)
            case PreemptJob():
                return self._preempt(action)
            case LoanServer():
                return self._lend(action)
            case ReclaimServer():
                return self._reclaim(action)

    def finish(self, job_id: str, token: int) -> bool:
        """End a job whose work is done; False where the event is out of date."""
        if not self.is_due(job_id, token):
            return False
        self.end(job_id)
        return True

    def end(self, job_id: str) -> None:
        """End a running job now."""
        self._own()
        self._hold(self._stop(job_id), ())
        self._journal.finished(job_id, self._clock.now())

    def amend(self, job: Job) -> None:
        """A running job has another spec, or has saved more; what it holds stays."""
        self._own()
        self._running[job.id] = job
        self._elastic.pop(job.id, None)
        if job.spec.is_elastic:
            self._elastic[job.id] = job

    def is_due(self, job_id: str, token: int) -> bool:
        """Whether a foreseen finish still holds."""
        return self._token.get(job_id) == token

    def job(self, job_id: str) -> Job | None:
        """A running job as it stands."""
        return self._running.get(job_id)

    def loan(self, server_id: str) -> Loan | None:
        """The loan of a server, until it is back."""
        return self._loans.get(server_id)

    def return_server(self, server_id: str) -> None:
        """Give a vacated server back to inference."""
        self._own()
        del self._loans[server_id]
        self._journal.returned(server_id, self._clock.now())

    @property
    def version(self) -> int:
        """How many changes there have been."""
        return self._version

    @property
    def running_jobs(self) -> int:
        """How many jobs hold GPUs."""
        return len(self._running)

    def _start(self, action: StartJob, job: Job | None) -> Outcome:
        if job is None or job.id in self._running:
            return Outcome(action, Status.REFUSED, detail="the job does not wait")
        if not self._fits(job, action.placements):
            return Outcome(action, Status.REFUSED, detail="the workers do not fit")
        now = self._clock.now()
        overhead_s = self._config.preemption_overhead_s if job.preemptions else 0.0
        started = replace(job, started_s=now, progress_s=now + overhead_s)
        self._journal.started(job.id, now)
        return Outcome(action, Status.DONE, self._run(started, action.placements))

    def _resize(self, action: ResizeJob) -> Outcome:
        job = self._running.get(action.job_id)
        if job is None:
            return Outcome(action, Status.REFUSED, detail="the job does not run")
        now = self._clock.now()
        resized = replace(
            job,
            done=job.done_by(now),
            progress_s=max(job.progress_s, now + self._config.resize_overhead_s),
        )
        placements = together(without(job.placements, action.remove), action.add)
        self._journal.resized(job.id, now)
        return Outcome(action, Status.DONE, self._run(resized, placements))

    def _preempt(self, action: PreemptJob) -> Outcome:
        if action.job_id not in self._running:
            return Outcome(action, Status.REFUSED, detail="the job does not run")
        job, now = self._stop(action.job_id), self._clock.now()
        waits = job.preempted(now, suspends=action.suspends)
        lost_gpu_s = max(0.0, job.done_by(now) - waits.done) * job.spec.gpus_per_worker
        self._hold(job, ())
        self._journal.preempted(job.id, now, lost_gpu_s)
        return Outcome(action, Status.DONE, waits)

    def _fits(self, job: Job, placements: Iterable[Placement]) -> bool:
        free, by_id = self._capacity.now.free, self._shape.by_id
        size = job.spec.gpus_per_worker
        return all(free[by_id[p.server_id].index] >= p.workers * size for p in placements)

    def _lend(self, action: LoanServer) -> Outcome:
        now = self._clock.now()
        if action.server_id in self._loans:
            return Outcome(action, Status.REFUSED, detail="the server is on loan")
        self._capacity.open_loan(self._shape.by_id[action.server_id].index)
        self._loans[action.server_id] = Loan(action.server_id, now)
        self._journal.lent(action.server_id, now)
        return Outcome(action, Status.DONE)

    def _reclaim(self, action: ReclaimServer) -> Outcome:
        now, server_id = self._clock.now(), action.server_id
        loan = self._loans.get(server_id)
        if loan is None or not loan.is_open or server_id in self._holders:
            return Outcome(action, Status.REFUSED, detail="the server is not on loan and vacant")
        self._capacity.close_loan(self._shape.by_id[server_id].index)
        self._loans[server_id] = replace(loan, reclaim_s=now)
        self._journal.asked_back(server_id, now)
        if self._config.vacate_s:
            self._events.push(now + self._config.vacate_s, Kind.RETURN, server_id)
        else:
            self.return_server(server_id)
        return Outcome(action, Status.DONE)

    def _run(self, job: Job, placements: tuple[Placement, ...]) -> Job:
        """Let a job hold the placements and foresee when it will finish."""
        self._hold(job, placements)
        rate = speed(
            self._shape,
            job.spec,
            holding_of(placements),
            model=self._config.speedup,
            heterogeneous_efficiency=self._config.heterogeneous_efficiency,
        )
        running = replace(job, placements=placements, speed=rate)
        self._follow(running)
        return running

    def _follow(self, job: Job) -> None:
        """List a running job, and foresee its finish from where its progress begins."""
        self._running[job.id] = job
        if job.spec.is_elastic:
            self._elastic[job.id] = job
        self._runs += 1  # a finish foreseen before this change is out of date
        self._token[job.id] = self._runs
        left_s = max(0.0, job.spec.work - job.done) / job.speed
        self._events.push(job.progress_s + left_s, Kind.FINISH, job.id, self._runs)

    def _stop(self, job_id: str) -> Job:
        """Let a job run no longer."""
        del self._token[job_id]
        self._elastic.pop(job_id, None)
        return self._running.pop(job_id)

    def _own(self) -> None:
        """Prepare a change: leave the books to the observation that holds them, if any."""
        self._version += 1
        if self._is_shared:
            self._capacity = self._capacity.copy()
            self._holders = self._holders.copy()
            self._running = self._running.copy()
            self._elastic = self._elastic.copy()
            self._loans = self._loans.copy()
            self._is_shared = False

    def _hold(self, job: Job, placements: tuple[Placement, ...]) -> None:
        """Move the books from what the job held to what it holds now, releases first."""
        before, after = _by_place(job.placements), _by_place(placements)
        changes = [(after.get(place, 0) - before.get(place, 0), place) for place in before | after]
        for added, (server_id, kind) in sorted(changes, key=lambda change: change[0]):
            if not added:
                continue
            gpus = added * job.spec.gpus_per_worker
            index = self._shape.by_id[server_id].index
            if added < 0:
                self._capacity.release(index, -gpus, kind)
            else:
                self._capacity.take(index, gpus, kind)
            workers = after.get((server_id, kind), 0)
            now, pool = self._clock.now(), self._shape.servers[index].pool
            self._journal.holds((job.id, server_id, kind), workers, job.spec, now)
            self._journal.used(pool, gpus, now)
        self._list_holders(job.id, before, after)

    def _list_holders(self, job_id: str, before: Held, after: Held) -> None:
        was, now_on = {place[0] for place in before}, {place[0] for place in after}
        for server_id in sorted(was - now_on):
            left = tuple(name for name in self._holders[server_id] if name != job_id)
            if left:
                self._holders[server_id] = left
            else:
                del self._holders[server_id]
        for server_id in sorted(now_on - was):
            here = self._holders.get(server_id, ())
            self._holders[server_id] = tuple(sorted((*here, job_id)))


def _by_place(placements: Iterable[Placement]) -> Held:
    return {(p.server_id, p.kind): p.workers for p in placements}
