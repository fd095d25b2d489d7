"""What a valid plan is, however it was made (spec §6).

`violations` follows a plan's actions with accounts of its own and looks only at the servers and
jobs that they touch, so it runs on every plan; `inconsistencies` looks at a whole snapshot. Each
answers with sentences; none means valid.
"""

from collections import Counter
from collections.abc import Iterable
from math import ceil

from aryl.model.cluster import Condition, Pool
from aryl.model.job import Job, JobSpec, Placement, WorkerKind
from aryl.model.plan import (
    Action,
    LoanServer,
    Plan,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
)
from aryl.model.snapshot import Due, Snapshot

Held = Counter[tuple[str, WorkerKind]]  # workers by server and kind


def violations(snapshot: Snapshot, plan: Plan, headroom: float = 0.0) -> list[str]:
    """The rules that a plan breaks, assuming that its snapshot breaks none."""
    if plan.version != snapshot.version:
        return [f"the plan is for version {plan.version}, the snapshot is {snapshot.version}"]
    return _Audit(snapshot, plan, headroom).found()


def inconsistencies(snapshot: Snapshot) -> list[str]:
    """The rules that a snapshot breaks."""
    running = snapshot.running
    elastic = {name: job for name, job in running.items() if job.spec.is_elastic}
    both = [name for name in snapshot.queue.jobs if name in running]
    return [
        *(fault for job in running.values() for fault in _faults_of_running(snapshot, job)),
        *_faults_of_servers(snapshot),
        *(f"{name} is queued and runs" for name in both),
        *([] if snapshot.elastic == elastic else ["the elastic jobs are listed wrongly"]),
    ]


def _faults_of_running(snapshot: Snapshot, job: Job) -> list[str]:
    found = _job_faults(snapshot, job.spec, _held(job.placements))
    for p in job.placements:
        if job.id not in snapshot.holders.get(p.server_id, ()):
            found.append(f"{p.server_id} does not list its job {job.id}")
        if _is_inference(snapshot, p.server_id) and p.server_id not in snapshot.loans:
            found.append(f"{job.id} runs on {p.server_id}, which is not on loan")
    return found


def _faults_of_servers(snapshot: Snapshot) -> list[str]:
    used: Counter[str] = Counter()
    for job in snapshot.running.values():
        for p in job.placements:
            used[p.server_id] += p.workers * job.spec.gpus_per_worker
    found = []
    for server in snapshot.cluster.servers:
        size = server.usable_gpus
        if used[server.id] > size:
            found.append(f"{server.id} has {size} GPUs and {used[server.id]} are held")
        if snapshot.capacity.now.free[server.index] != size - used[server.id]:
            found.append(f"{server.id} is accounted wrongly")
    return found


class _Audit:
    """One plan's actions, followed on accounts that cover only what they touch."""

    def __init__(self, snapshot: Snapshot, plan: Plan, headroom: float) -> None:
        self.snapshot, self.plan, self.headroom = snapshot, plan, headroom
        self.started: set[str] = set()
        self.preempted: set[str] = set()
        self.held: dict[str, Held] = {}
        self.used: dict[str, int] = {}
        self.lent: dict[str, bool] = {}
        self.faults: list[str] = []
        self.must_return: set[str] | None = None  # once somebody is preempted

    def found(self) -> list[str]:
        for action in self.plan.actions:
            self._follow(action)
        for job_id, held in self.held.items():
            if job_id not in self.preempted:
                self.faults += _job_faults(self.snapshot, self._job(job_id).spec, held)
        self._check_loans()
        self._check_waiting()
        return self.faults

    def _follow(self, action: Action) -> None:
        match action:
            case StartJob():
                self._start(action)
            case ResizeJob():
                self._resize(action)
            case PreemptJob():
                self._preempt(action)
            case LoanServer():
                self._lend(action.server_id)
            case ReclaimServer():
                self._reclaim(action.server_id)

    def _start(self, action: StartJob) -> None:
        job = self.snapshot.queue.jobs.get(action.job_id)
        if job is None or action.job_id in self.started:
            self.faults.append(f"{action.job_id} is started and is not queued")
            return
        self.started.add(action.job_id)
        if any(p.kind is not WorkerKind.BASE for p in action.placements):
            self.faults.append(f"{action.job_id} starts with workers that are not base workers")
        self.held[action.job_id] = Counter()
        self._take(job, action.placements)

    def _resize(self, action: ResizeJob) -> None:
        if action.job_id not in self.snapshot.running and action.job_id not in self.held:
            self.faults.append(f"{action.job_id} is resized and does not run")
            return
        if any(p.kind is not WorkerKind.FLEXIBLE for p in (*action.remove, *action.add)):
            self.faults.append(f"{action.job_id} is resized by base workers")
        self._release(self._job(action.job_id), action.remove)
        self._take(self._job(action.job_id), action.add)

    def _preempt(self, action: PreemptJob) -> None:
        if action.job_id not in self.snapshot.running:
            self.faults.append(f"{action.job_id} is preempted and does not run")
            return
        if self.must_return is None and not action.suspends:
            self.must_return = set(self._without_base())
        self.preempted.add(action.job_id)
        job, held = self._job(action.job_id), self._held_by(action.job_id)
        for (server_id, _), workers in held.items():
            self._use(server_id, -workers * job.spec.gpus_per_worker)
        held.clear()

    def _lend(self, server_id: str) -> None:
        if not _is_inference(self.snapshot, server_id) or self._is_lent(server_id):
            self.faults.append(f"{server_id} is lent and is not at home in the inference pool")
        elif self._condition(server_id) is not Condition.OPEN:
            self.faults.append(f"{server_id} is lent and is {self._condition(server_id).value}")
        self.lent[server_id] = True

    def _reclaim(self, server_id: str) -> None:
        if not self._is_lent(server_id):
            self.faults.append(f"{server_id} is asked back and is not on loan")
        if self._used(server_id):
            self.faults.append(f"{server_id} is returned with {self._used(server_id)} GPUs held")
        self.lent[server_id] = False

    def _take(self, job: Job, placements: Iterable[Placement]) -> None:
        held = self._held_by(job.id)
        for p in placements:
            held[p.server_id, p.kind] += p.workers
            self._use(p.server_id, p.workers * job.spec.gpus_per_worker)
            if p.workers < 1 or p.pool is not self.snapshot.cluster.pool_of(p.server_id):
                self.faults.append(
                    f"{job.id} is given {p.workers} workers on {p.pool.label} {p.server_id}"
                )
            if _is_inference(self.snapshot, p.server_id) and not self._is_lent(p.server_id):
                self.faults.append(f"{job.id} is placed on {p.server_id}, which is not on loan")
            if self._condition(p.server_id) is not Condition.OPEN:
                condition = self._condition(p.server_id).value
                self.faults.append(f"{job.id} is placed on {p.server_id}, which is {condition}")

    def _release(self, job: Job, placements: Iterable[Placement]) -> None:
        held = self._held_by(job.id)
        for p in placements:
            held[p.server_id, p.kind] -= p.workers
            self._use(p.server_id, -p.workers * job.spec.gpus_per_worker)
            if held[p.server_id, p.kind] < 0:
                self.faults.append(f"{job.id} gives up workers on {p.server_id} it does not hold")
            elif not held[p.server_id, p.kind]:
                del held[p.server_id, p.kind]

    def _use(self, server_id: str, gpus: int) -> None:
        self.used[server_id] = self._used(server_id) + gpus
        size = self.snapshot.cluster.by_id[server_id].usable_gpus
        if self.used[server_id] > size:
            self.faults.append(f"{server_id} has {size} GPUs and {self.used[server_id]} are held")

    def _job(self, job_id: str) -> Job:
        return self.snapshot.running.get(job_id) or self.snapshot.queue.jobs[job_id]

    def _held_by(self, job_id: str) -> Held:
        if job_id not in self.held:
            self.held[job_id] = _held(self.snapshot.running[job_id].placements)
        return self.held[job_id]

    def _used(self, server_id: str) -> int:
        """GPUs held on a server, counted from the jobs themselves."""
        if server_id not in self.used:
            self.used[server_id] = sum(
                p.workers * self.snapshot.running[job_id].spec.gpus_per_worker
                for job_id in self.snapshot.holders.get(server_id, ())
                for p in self.snapshot.running[job_id].placements
                if p.server_id == server_id
            )
        return self.used[server_id]

    def _is_lent(self, server_id: str) -> bool:
        if server_id in self.lent:
            return self.lent[server_id]
        loan = self.snapshot.loans.get(server_id)
        return loan is not None and loan.is_open

    def _condition(self, server_id: str) -> Condition:
        return self.snapshot.cluster.by_id[server_id].condition

    def _without_base(self) -> list[str]:
        """Open loans that hold no base workers by now: they go back before anyone is preempted."""
        kept = (Condition.PINNED, Condition.AWAY)  # nobody gains by their return
        lent = [
            server_id
            for server_id, loan in self.snapshot.loans.items()
            if loan.is_open and self._condition(server_id) not in kept
        ]
        return [s for s in sorted(lent) if self._is_lent(s) and not self._has_base(s)]

    def _has_base(self, server_id: str) -> bool:
        return any(
            (server_id, WorkerKind.BASE) in self._held_by(job_id)
            for job_id in self.snapshot.holders.get(server_id, ())
        )

    def _check_loans(self) -> None:
        kept = [s for s in sorted(self.must_return or ()) if self._is_lent(s)]
        if kept:
            self.faults.append(f"jobs are preempted though {', '.join(kept)} hold no base workers")
        lends = sum(isinstance(action, LoanServer) for action in self.plan.actions)
        if not lends:
            return
        away = [s.condition is Condition.AWAY for s in self.snapshot.cluster.inference_servers]
        servers = away.count(False)
        forecast = self.plan.outlook.forecast_servers if self.plan.outlook else 0.0
        lent = [self._condition(server_id) is Condition.AWAY for server_id in self.snapshot.loans]
        at_home = servers - lent.count(False) - lends
        if at_home < ceil(forecast + self.headroom * servers - 1e-6):
            self.faults.append(
                f"{lends} loans leave inference {at_home} servers with a forecast of {forecast}"
            )

    def _check_waiting(self) -> None:
        """Each job that stays queued has one reason; ends and counts show it for whole groups."""
        if Due.SCHEDULE not in self.snapshot.due:
            return
        queue, waiting = self.snapshot.queue, self.plan.waiting
        explained = sum(len(entry.job_ids) for entry in waiting)
        left = len(queue) - len(self.started)
        named = {entry.job_ids[0] for entry in waiting} | {entry.job_ids[-1] for entry in waiting}
        if explained != left or not named <= queue.jobs.keys() or named & self.started:
            self.faults.append(f"{left} jobs wait and {explained} have a reason")


def _held(placements: Iterable[Placement]) -> Held:
    held: Held = Counter()
    for p in placements:
        held[p.server_id, p.kind] += p.workers
    return held


def _is_inference(snapshot: Snapshot, server_id: str) -> bool:
    return snapshot.cluster.pool_of(server_id) is Pool.INFERENCE


def _job_faults(snapshot: Snapshot, spec: JobSpec, held: Held) -> list[str]:
    """What is wrong with what one running job holds."""
    cluster = snapshot.cluster
    units = {(pool, kind): 0 for pool in Pool for kind in WorkerKind}
    for (server_id, kind), workers in held.items():
        units[cluster.pool_of(server_id), kind] += workers
    loaned = {kind: units[Pool.INFERENCE, kind] for kind in WorkerKind}
    base = units[Pool.TRAINING, WorkerKind.BASE] + _whole(cluster.factor, loaned[WorkerKind.BASE])
    on_loan, on_training = sum(loaned.values()), sum(units.values()) - sum(loaned.values())
    total = on_training + _whole(cluster.factor, on_loan)
    faults = []
    if base < spec.min_workers:
        faults.append(f"{spec.job_id} holds {base} of its {spec.min_workers} base workers")
    if not spec.allows(total):
        faults.append(f"{spec.job_id} holds {total} workers, which it does not allow")
    if on_loan != ceil(_whole(cluster.factor, on_loan) * cluster.factor - 1e-9):
        faults.append(f"{spec.job_id} holds part of a training worker on loan")
    if on_loan and not spec.can_borrow:
        faults.append(f"{spec.job_id} holds on-loan GPUs and is neither fungible nor heterogeneous")
    if on_loan and on_training and not spec.heterogeneous:
        faults.append(f"{spec.job_id} holds both GPU types and is not heterogeneous")
    return faults


def _whole(factor: float, workers: int) -> int:
    return int(workers / factor + 1e-9)
