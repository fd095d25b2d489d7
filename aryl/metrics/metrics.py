"""Turns what the engine reports, and what one look shows, into series for Prometheus."""

from collections.abc import Iterable, Mapping
from math import inf

from prometheus_client import CollectorRegistry, Gauge

from aryl.engine.cycle import CycleReport, Timer
from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import Correction
from aryl.engine.ports import Observation, Outcome, Status
from aryl.engine.records import JobRecord
from aryl.metrics.families import (
    ACTIONS,
    MISSED,
    RECLAIMED,
    WAITS,
    Cause,
    families,
    forget,
    label_of,
)
from aryl.metrics.foresight import Foresight
from aryl.metrics.timing import StepTimer
from aryl.model.capacity import Group
from aryl.model.cluster import Loan, Pool
from aryl.model.errors import InvariantBroken, LeaseLost, SolverFailed, StalePlan
from aryl.model.job import Job
from aryl.model.plan import LoanServer, Plan, PreemptJob, ReclaimServer, ResizeJob, StartJob
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Due, Snapshot

ON_LOAN = (Group.VACANT_LOAN, Group.BASE_LOAN, Group.FLEXIBLE_LOAN)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LOOPS = {Due.SCHEDULE: "schedule", Due.ORCHESTRATE: "orchestrate"}
ENDS = {
    JobEvent.FINISH: JobState.FINISHED,
    JobEvent.FAIL: JobState.FAILED,
    JobEvent.CANCEL: JobState.CANCELLED,
}
CAUSES: Mapping[type[Exception], Cause] = {
    InvariantBroken: Cause.INVARIANT,
    StalePlan: Cause.STALE_PLAN,
    LeaseLost: Cause.LEASE_LOST,
    SolverFailed: Cause.SOLVER,
}


def cause_of(error: Exception) -> Cause:
    """The cause that one of Aryl's own errors stands for; `OTHER` for any other."""
    return CAUSES.get(type(error), Cause.OTHER)


class Metrics:
    """The series of one process. Each process and each test has a registry of its own.

    The scheduler's part is told of by one thread, the API's by any.
    """

    def __init__(self, registry: CollectorRegistry, *, lead_s: float = 300.0) -> None:
        """Register the series; forecasts look `lead_s` ahead."""
        self._of = families(registry)
        self._lead_s = lead_s
        self._start_over()

    def timer(self, elapsed: Timer) -> StepTimer:
        """A timer of the steps of cycles."""
        return StepTimer(elapsed, self._of.cycle_step_seconds)

    def led(self, term: int | None) -> None:
        """This process leads with that term of the lease; None: it does not.

        Who does not lead knows nothing of the cluster: what it showed of it is 0 again.
        """
        self._of.leader.set(term is not None)
        if term is not None:
            self._of.lease_term.set(term)
            return
        forget(self._of)
        self._start_over()

    def fed(self, events: int) -> None:
        """So many submissions and requests were read from the store."""
        self._of.events_fed_total.inc(events)

    def failed(self, cause: Cause) -> None:
        """A cycle, or a step of the daemon, has failed."""
        self._of.cycle_failures_total.labels(cause.value).inc()

    def submitted(self, jobs: int) -> None:
        """So many submitted jobs are durable and acknowledged."""
        self._of.submits_total.inc(jobs)

    def requested(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request to a route, by its template, was answered."""
        known = method if method in METHODS else "other"
        self._of.http_requests_total.labels(route, known, f"{status // 100}xx").inc()
        self._of.http_request_seconds.labels(route, known).observe(seconds)

    def cycled(self, report: CycleReport, now: float) -> None:
        """A cycle has taken effect at `now`."""
        snapshot, plan = report.proposal.snapshot, report.proposal.plan
        self._of.cycles_total.labels(LOOPS.get(snapshot.due, "both")).inc()
        self._of.cycle_seconds.observe(report.seconds)
        self._decided(plan, snapshot)
        for outcome in report.outcomes:
            self._acted(outcome, snapshot, now)

    def corrected(self, corrections: Iterable[Correction], known: Mapping[str, JobRecord]) -> None:
        """The store was told what it had missed; `known` is what it knew before."""
        for correction in corrections:
            job, event = correction.job, correction.event
            if event in ENDS:
                self._of.jobs_ended_total.labels(ENDS[event].value).inc()
            if event is JobEvent.FINISH:
                self._of.job_completion_seconds.observe(correction.at_s - job.spec.submit_s)
            elif event is JobEvent.PREEMPT:
                code = label_of(correction.reason.code) if correction.reason else MISSED
                self._preempted(code, known[job.id].job, job)

    def seen(
        self, seen: Observation, queue: JobQueue, now: float, demand_servers: float | None
    ) -> None:
        """One step of the daemon looks at cluster and queue; None: demand is not known."""
        self._of.steps_total.inc()
        self._of.running_jobs.set(len(seen.running))
        self._see_queue(queue, seen)
        self._see_servers(seen)
        self._see_loans(seen.loans, now)
        if len(seen.demand):
            self._of.demand_age_seconds.set(now - seen.demand.end_s)
        if demand_servers is not None:
            self._see_demand(demand_servers, seen, now)
        self._seen_s = now

    def advanced(self, seconds: float, writes: Mapping[tuple[str, str], int]) -> None:
        """A Kubernetes cluster was brought in line, by so many writes by verb and fate."""
        self._of.kube_advance_seconds.observe(seconds)
        for (verb, fate), count in writes.items():
            self._of.kube_writes_total.labels(verb, fate).inc(count)

    def mirrored(self, *, lists: int, failures: int, silent_s: float) -> None:
        """So often a Kubernetes cluster was listed, and in vain, since it was last told."""
        self._of.kube_lists_total.inc(lists)
        self._of.kube_watch_failures_total.inc(failures)
        self._of.kube_silence_seconds.set(silent_s)

    def _start_over(self) -> None:
        self._foresight = Foresight(self._lead_s)
        self._asked_back: dict[str, float] = {}  # servers on their way back, and since when
        self._seen_s = inf

    def _decided(self, plan: Plan, snapshot: Snapshot) -> None:
        of = self._of
        for solve in plan.solves:
            of.solver_seconds.labels(solve.kind).observe(solve.seconds)
        for note in plan.notes:
            of.plan_notes_total.labels(label_of(note.code)).inc()
        if plan.outlook:
            of.forecast_servers.set(plan.outlook.forecast_servers)
            of.loanable_servers.set(plan.outlook.loanable)
            self._foresight.foreseen(plan.outlook.forecast_servers, snapshot.now)
        if Due.SCHEDULE in snapshot.due:
            waiting = dict.fromkeys(WAITS, 0)
            for entry in plan.waiting:
                code = label_of(entry.reason.code)
                waiting[code] = waiting.get(code, 0) + len(entry.job_ids)
            _set_all(of.waiting_jobs, waiting)

    def _acted(self, outcome: Outcome, snapshot: Snapshot, now: float) -> None:
        """Count an action, and what came of it where it took effect."""
        action = outcome.action
        kind = ACTIONS[type(action).__name__]
        self._of.actions_total.labels(kind, outcome.status.value).inc()
        if outcome.status is not Status.DONE:
            return
        match action:
            case StartJob():
                waited_s = now - _queued_since_s(snapshot.queue.jobs[action.job_id])
                self._of.job_wait_seconds.observe(waited_s)
            case ResizeJob():
                pass
            case PreemptJob():
                assert outcome.job is not None, "who preempts a job tells how it was left"
                before = snapshot.running[action.job_id]
                self._preempted(label_of(action.reason.code), before, outcome.job)
            case LoanServer():
                self._of.loans_total.inc()
            case ReclaimServer():
                self._of.reclaims_total.labels(RECLAIMED[action.reason.code]).inc()
                self._asked_back[action.server_id] = now

    def _preempted(self, reason: str, before: Job, after: Job) -> None:
        """A job lost its workers when `after` begins, and the work that it no longer has."""
        self._of.preemptions_total.labels(reason).inc()
        lost = max(0.0, before.done_by(after.progress_s) - after.done)
        self._of.lost_gpu_seconds_total.inc(lost * before.spec.gpus_per_worker)

    def _see_queue(self, queue: JobQueue, seen: Observation) -> None:
        gpus = fitting = 0
        for shape, group in queue.groups.items():
            size, jobs = shape.gpus_per_worker, len(group.job_ids)
            gpus += jobs * shape.requested_workers * size
            room = seen.capacity.now.workers_that_fit((Group.TRAINING,), size)
            fitting += jobs if room >= shape.requested_workers else 0
        self._of.queue_jobs.set(len(queue))
        self._of.queue_gpus.set(gpus)
        self._of.queue_fitting_jobs.set(fitting)

    def _see_servers(self, seen: Observation) -> None:
        shape, free = seen.cluster, seen.capacity.now
        lent = [loan for loan in seen.loans.values() if loan.is_open]
        lent_gpus = sum(shape.by_id[loan.server_id].gpus for loan in lent)
        gpus = {"training": shape.training_gpus, "on-loan": lent_gpus}
        used = {
            "training": shape.training_gpus - free.free_gpus((Group.TRAINING,)),
            "on-loan": lent_gpus - free.free_gpus(ON_LOAN),
        }
        _set_all(self._of.pool_gpus, gpus)
        _set_all(self._of.pool_gpus_used, used)
        inference = len(shape.inference_servers)
        busy = sum(shape.pool_of(server) is Pool.TRAINING for server in seen.holders)
        states = {
            "free": len(shape.servers) - inference - busy,
            "busy": busy,
            "inference": inference - len(seen.loans),
            "on-loan": len(lent),
            "reclaiming": len(seen.loans) - len(lent),
        }
        _set_all(self._of.pool_servers, states)
        self._of.loans_open.set(len(seen.loans))

    def _see_loans(self, loans: Mapping[str, Loan], now: float) -> None:
        """Time the servers that are back since the last look."""
        for server_id, asked_s in tuple(self._asked_back.items()):
            if server_id not in loans:
                del self._asked_back[server_id]
                self._of.reclaim_seconds.observe(now - asked_s)
        for loan in loans.values():
            if loan.reclaim_s is not None:
                self._asked_back[loan.server_id] = loan.reclaim_s
        oldest_s = min(self._asked_back.values(), default=now)
        self._of.reclaim_oldest_seconds.set(now - oldest_s)

    def _see_demand(self, demand_servers: float, seen: Observation, now: float) -> None:
        at_home = len(seen.cluster.inference_servers) - len(seen.loans)
        shortfall = max(0.0, demand_servers - at_home)
        self._of.demand_servers.set(demand_servers)
        self._of.shortfall_servers.set(shortfall)
        self._of.shortfall_server_seconds_total.inc(shortfall * max(0.0, now - self._seen_s))
        error = self._foresight.came(demand_servers, now)
        if error is not None:
            self._of.forecast_error_servers.set(error)


def _queued_since_s(job: Job) -> float:
    """When a waiting job began to wait: at its submission, or when it was preempted last."""
    return job.progress_s if job.preemptions else job.spec.submit_s


def _set_all(gauge: Gauge, values: Mapping[str, float]) -> None:
    """Set a gauge by its only label."""
    for label, value in values.items():
        gauge.labels(label).set(value)
