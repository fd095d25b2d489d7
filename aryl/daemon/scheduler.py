"""One leader's work: each step takes in what happened, and runs the cycles that are due.

A step is level-triggered: it acts on what is, never on what woke it. Everything in it happens at
one instant of cluster time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import Protocol

from aryl.engine.cycle import CycleReport, Ports, Step, Timer, run_cycle
from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import (
    Correction,
    Inbox,
    LiveCluster,
    LiveStore,
    corrections,
    is_pressed,
)
from aryl.engine.pacing import Pacing
from aryl.engine.ports import Observation, Status
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster, Pool
from aryl.model.demand import BIN_S
from aryl.model.errors import InvariantBroken, StalePlan
from aryl.model.plan import ResizeJob
from aryl.model.queue import JobQueue
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Due
from aryl.policy.config import PolicyConfig
from aryl.policy.units import training_workers, whole_units

PRUNED_BATCHES = 20  # small writes, so that no submission waits behind a large one
PRUNED_S = 3_600.0  # cluster time between two looks for what may be forgotten
SHAPED_S = 10.0  # cluster time between two notes of the servers: they change with every pod
TRIES = 5  # a plan is stale when a user edits a job meanwhile; five times in a row is no accident


class Watcher(Protocol):
    """Is told what a scheduler does: for metrics and logs; it changes nothing."""

    def reached(self, step: Step) -> None:
        """A step of a cycle is done."""
        ...

    def took_in(self, inbox: Inbox) -> None:
        """What users have done was read."""
        ...

    def corrected(self, found: Sequence[Correction], known: Mapping[str, JobRecord]) -> None:
        """Jobs changed without a plan; `known` are the jobs as the store knew them."""
        ...

    def cycled(self, report: CycleReport, now: float) -> None:
        """A cycle has taken effect."""
        ...

    def failed(self, error: InvariantBroken | StalePlan, now: float) -> None:
        """A plan was not carried out."""
        ...

    def looked(self, seen: Observation, queue: JobQueue, now: float) -> None:
        """A step has ended with both pools and the queue like this."""
        ...


class Instant:
    """The one moment at which a step happens."""

    def __init__(self) -> None:
        """Stand at the beginning of time."""
        self._now = 0.0

    def now(self) -> float:
        """Seconds of cluster time."""
        return self._now

    def move_to(self, now: float) -> None:
        """Begin a step; time does not run backwards, whatever the wall clock does."""
        self._now = max(self._now, now)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scheduler works with; `instant` is the clock that the cluster sees too.

    What passed longer ago than `keep_s` is forgotten.
    """

    instant: Instant
    cluster: LiveCluster
    store: LiveStore
    watcher: Watcher
    elapsed: Timer
    keep_s: float = inf


class Scheduler:
    """Leads for one term."""

    def __init__(self, config: PolicyConfig, stage: Stage) -> None:
        """Begin with a look at everything."""
        self._config, self._pacing = config, Pacing(config)
        self._instant, self._cluster, self._store = stage.instant, stage.cluster, stage.store
        self._watcher, self._keep_s = stage.watcher, stage.keep_s
        self._ports = Ports(
            stage.instant, stage.cluster, stage.store, stage.elapsed, stage.watcher.reached
        )
        self._lends = config.loaning != "none"
        self._tick_s = -inf  # the next look at loans
        self._bin_s = -inf  # the start of the newest demand bin seen
        self._told_s = -inf  # the end of the newest demand bin that the store knows
        self._unwanted: dict[str, None] = {}  # cancelled by their users, and not ended yet
        self._pressed_s = -inf  # the last look at loans that was not waited for
        self._shape: Cluster | None = None  # as the store knows it
        self._shaped_s = -inf
        self._servers: Cluster | None = None  # at the last comparison with the store
        self._is_refused = False  # something of the last plan was: it is decided anew
        self._version = -1  # the cluster's, at the last comparison with the store
        self._forecast_servers: float | None = None
        self._pacing.changed()

    def step(self, now: float) -> float:
        """Do what is due at `now`; when to step next at the latest, in cluster time.

        Raises `LeaseLost` where another scheduler leads.
        """
        self._instant.move_to(now)
        now = self._instant.now()
        self._take_in(now)
        self._note_demand(now)
        if self._lends and (now >= self._tick_s or self._is_pressed(now)):
            self._tick_s = (floor(now / self._config.orchestrator_s) + 1) * (
                self._config.orchestrator_s
            )
            self._pacing.tick()
        while due := self._pacing.due(now):
            self._cycle(due, now)
        self._follow_up(now)
        self._watcher.looked(self._cluster.observe(), self._store.queue(), now)
        return min(
            self._tick_s if self._lends else inf,
            self._pacing.wake_s,
            self._cluster.next_change_s(),
            self._bin_s + BIN_S,
        )

    def _take_in(self, now: float) -> None:
        """Let the store catch up with users and with the cluster, and the cluster with users."""
        self._follow_up(now)
        inbox = self._store.refresh()
        self._watcher.took_in(inbox)
        for record in inbox.edited:
            self._obey(record, now)
        has_changed = self._cancel(now)
        has_changed |= self._compare(now) or self._is_refused
        self._is_refused = False
        if inbox.arrived or inbox.edited or has_changed:
            self._pacing.changed()

    def _follow_up(self, now: float) -> None:
        """Let the cluster do what follows of what it was told, and hear what its users want."""
        wishes = self._cluster.advance(self._store.live())
        if wishes:
            self._store.take_up(wishes, now)

    def _is_pressed(self, now: float) -> bool:
        """Whether inference lacks servers now, and it was not tried only just to get them back."""
        if now < self._pressed_s + self._config.cycle_s or not is_pressed(self._cluster.observe()):
            return False
        self._pressed_s = now
        return True

    def _obey(self, record: JobRecord, now: float) -> None:
        """Pass on what a user has changed of a job."""
        if record.cancel_requested_s is not None:
            self._unwanted[record.id] = None
        elif record.state is JobState.RUNNING:
            self._cluster.amend(record.job.spec, record.job.saved)
            self._keep_bounds(record, now)

    def _keep_bounds(self, record: JobRecord, now: float) -> None:
        """Shrink a job that holds more than it may by now."""
        seen, spec = self._cluster.observe(), record.job.spec
        job = seen.running.get(record.id)
        if job is None or training_workers(seen.cluster, job.holding) <= spec.max_workers:
            return
        gone = whole_units(seen.cluster, spec, job.placements)
        reason = because(
            ReasonCode.SHRINKS_FOR_BOUNDS,
            workers=sum(p.workers for p in gone),
            max_workers=spec.max_workers,
        )
        outcome = self._cluster.apply(ResizeJob(record.id, reason, remove=gone))
        if outcome.job is not None:
            self._store.correct([Correction(outcome.job, JobEvent.RESIZE, now, reason)])

    def _cancel(self, now: float) -> bool:
        """End the jobs that their users have cancelled; whether a queued one was among them."""
        gone = []
        known, running = self._store.live(), self._cluster.observe().running
        for job_id in list(self._unwanted):
            record = known.get(job_id)
            if job_id in running:
                self._cluster.stop(job_id)  # its ending is noted by the next comparison
            elif record is not None and record.state is JobState.QUEUED:
                gone.append(Correction(record.job, JobEvent.CANCEL, now))
            if record is None or job_id not in running:
                del self._unwanted[job_id]
        if gone:
            self._watcher.corrected(gone, known)
            self._store.correct(gone)
        return bool(gone)

    def _compare(self, now: float) -> bool:
        """Put the store right where the cluster has moved on; whether that is news to decide on."""
        endings, seen = self._cluster.endings(), self._cluster.observe()
        if seen.version == self._version and not endings:
            return False
        is_other = seen.cluster is not self._servers
        self._version, self._servers = seen.version, seen.cluster
        if seen.cluster is not self._shape and now >= self._shaped_s + SHAPED_S:
            self._shape, self._shaped_s = seen.cluster, now
            self._store.shaped(seen.cluster)
        known = self._store.live()
        found = list(corrections(known, seen, endings, now))
        if found:
            self._watcher.corrected(found, known)
            self._store.correct(found)
        self._store.lent(seen.loans, now)
        self._cluster.forget(list(endings))
        return bool(found) or is_other

    def _note_demand(self, now: float) -> None:
        """Once in a bin, keep the demand that has become known, and a row of the timeline."""
        bin_s = floor(now / BIN_S) * BIN_S
        if bin_s <= self._bin_s:
            return
        self._bin_s = bin_s
        seen = self._cluster.observe()
        history = seen.demand
        starts = [history.first_s + place * BIN_S for place in range(len(history))]
        pairs = zip(starts, history.values, strict=True)
        self._store.demanded([(start, float(s)) for start, s in pairs if start >= self._told_s])
        self._told_s = history.end_s
        self._store.sampled(self._sight(seen, bin_s))
        if bin_s % PRUNED_S == 0.0:
            batches = (self._store.prune(now, self._keep_s) for _ in range(PRUNED_BATCHES))
            all(batches)  # until nothing is left of it

    def _sight(self, seen: Observation, bin_s: float) -> dict[str, float | int | None]:
        used = {Pool.TRAINING: 0, Pool.INFERENCE: 0}
        for job in seen.running.values():
            for p in job.placements:
                used[p.pool] += p.workers * job.spec.gpus_per_worker
        values = seen.demand.values
        return {
            "t_s": bin_s,
            "queued_jobs": len(self._store.queue()),
            "running_jobs": len(seen.running),
            "training_gpus_used": used[Pool.TRAINING],
            "on_loan_servers": len(seen.loans),
            "on_loan_gpus_used": used[Pool.INFERENCE],
            "inference_demand_servers": float(values[-1:][0]) if len(values) else None,
            "forecast_servers": self._forecast_servers,
        }

    def _cycle(self, due: Due, now: float) -> None:
        """Run one cycle, again where a user was quicker; a broken plan is never carried out."""
        for attempt in range(TRIES):
            try:
                report = run_cycle(self._ports, self._config, due)
            except StalePlan as error:
                self._watcher.failed(error, now)
                if attempt + 1 == TRIES:
                    self._pacing.changed()
                    return
                self._take_in(now)
            except InvariantBroken as error:
                self._watcher.failed(error, now)
                return
            else:
                self._settled(report, now)
                return

    def _settled(self, report: CycleReport, now: float) -> None:
        plan = report.proposal.plan
        if plan.outlook:
            self._forecast_servers = plan.outlook.forecast_servers
        if report.is_news:
            self._pacing.changed()
        self._is_refused |= any(o.status is Status.REFUSED for o in report.outcomes)
        if report.outcomes:
            self._store.lent(self._cluster.observe().loans, now)
        if plan.waiting:
            self._cluster.show(plan.waiting)
        self._watcher.cycled(report, now)
