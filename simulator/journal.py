"""What happened in a replay: job lives, held GPUs, loans and usage, as the output files need it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from aryl.model.cluster import Pool
from aryl.model.job import JobSpec, WorkerKind
from aryl.model.snapshot import Snapshot

Place = tuple[str, str, WorkerKind]  # job, server, kind of worker


@dataclass(slots=True)
class JobRecord:
    """One job's life so far."""

    spec: JobSpec
    queued_since_s: float
    first_start_s: float | None = None
    finish_s: float | None = None
    queuing_s: float = 0.0
    preemptions: int = 0
    resizes: int = 0
    resized_s: float = -1.0
    lost_gpu_s: float = 0.0


class Allocation(NamedTuple):
    """An interval during which a job held workers of one kind on a server."""

    job_id: str
    server_id: str
    kind: WorkerKind
    workers: int
    gpus: int
    start_s: float
    end_s: float


class LoanRecord(NamedTuple):
    """A loan from its start until the server is back; open times are None."""

    server_id: str
    start_s: float
    reclaim_s: float | None
    end_s: float | None


@dataclass(slots=True)
class Meter:
    """The integral of a step function of time within a window."""

    start_s: float
    end_s: float
    level: float = 0.0
    total: float = 0.0
    since_s: float = 0.0

    def add(self, change: float, now: float) -> None:
        """Step by `change` at `now`."""
        self.set_to(self.level + change, now)

    def set_to(self, level: float, now: float) -> None:
        """Step to `level` at `now`."""
        within_s = min(now, self.end_s) - max(self.since_s, self.start_s)
        if within_s > 0.0:
            self.total += self.level * within_s
        self.level = level
        self.since_s = now


@dataclass(slots=True)
class Meters:
    """GPU-seconds and server-seconds between the first and the last submission.

    Only `shortfall_servers` covers the whole run.
    """

    training_gpus: Meter
    on_loan_gpus: Meter
    on_loan_servers: Meter
    demand_servers: Meter
    shortfall_servers: Meter


class Notes:
    """Is told what happens on a simulated cluster, and keeps nothing of it."""

    def started(self, job_id: str, now: float) -> None:
        """A job gets its base workers."""

    def resized(self, job_id: str, now: float) -> None:
        """A running job gets or loses flexible workers."""

    def preempted(self, job_id: str, now: float, lost_gpu_s: float) -> None:
        """A running job goes back to the queue."""

    def finished(self, job_id: str, now: float) -> None:
        """A job has done its work."""

    def holds(self, place: Place, workers: int, spec: JobSpec, now: float) -> None:
        """A job holds `workers` at a place from now on."""

    def used(self, pool: Pool, gpus: int, now: float) -> None:
        """Workers take (or, below 0, leave) GPUs of a pool's servers."""

    def lent(self, server_id: str, now: float) -> None:
        """A server is lent."""

    def asked_back(self, server_id: str, now: float) -> None:
        """A server is asked back."""

    def returned(self, server_id: str, now: float) -> None:
        """A server is back with inference."""


class Journal(Notes):
    """Collects what a replay does; nothing in it flows back into a decision."""

    def __init__(self, window_s: tuple[float, float], inference_servers: int) -> None:
        """Measure usage in the window between the first and the last submission."""
        self.jobs: dict[str, JobRecord] = {}
        self.allocations: list[Allocation] = []
        self._allocated: Callable[[Allocation], object] = self.allocations.append
        self.loans: list[LoanRecord] = []
        self.meters = Meters(
            training_gpus=Meter(*window_s),
            on_loan_gpus=Meter(*window_s),
            on_loan_servers=Meter(*window_s),
            demand_servers=Meter(*window_s),
            shortfall_servers=Meter(0.0, float("inf")),
        )
        self._inference_servers = inference_servers
        self._held: dict[Place, tuple[int, int, float]] = {}
        self._lent: dict[str, LoanRecord] = {}
        self._demand = 0

    def hand_on(self, allocated: Callable[[Allocation], object]) -> None:
        """Tell of each allocation as it ends, instead of keeping it in `allocations`."""
        self._allocated = allocated

    def resume(self, snapshot: Snapshot) -> None:
        """Take over what waits, runs and is lent; waiting counts from now on."""
        now = snapshot.now
        for job in (*snapshot.queue.jobs.values(), *snapshot.running.values()):
            self.submitted(job.spec, now)
        for job in snapshot.running.values():
            for p in job.placements:
                self.holds((job.id, p.server_id, p.kind), p.workers, job.spec, now)
                self.used(p.pool, p.workers * job.spec.gpus_per_worker, now)
        for loan in snapshot.loans.values():
            self._lent[loan.server_id] = LoanRecord(
                loan.server_id, loan.start_s, loan.reclaim_s, None
            )
            self._on_loan(1, now)

    def submitted(self, spec: JobSpec, now: float) -> None:
        """A job begins to wait."""
        self.jobs[spec.job_id] = JobRecord(spec, queued_since_s=now)

    def started(self, job_id: str, now: float) -> None:
        """A job gets its base workers."""
        record = self.jobs[job_id]
        record.queuing_s += now - record.queued_since_s
        if record.first_start_s is None:
            record.first_start_s = now

    def resized(self, job_id: str, now: float) -> None:
        """A job's flexible workers change; several changes at one instant are one resize."""
        record = self.jobs[job_id]
        if record.resized_s != now:
            record.resizes += 1
            record.resized_s = now

    def preempted(self, job_id: str, now: float, lost_gpu_s: float) -> None:
        """A job loses all workers and waits again."""
        record = self.jobs[job_id]
        record.preemptions += 1
        record.lost_gpu_s += lost_gpu_s
        record.queued_since_s = now

    def finished(self, job_id: str, now: float) -> None:
        """A job has done its work."""
        self.jobs[job_id].finish_s = now

    def holds(self, place: Place, workers: int, spec: JobSpec, now: float) -> None:
        """A job holds `workers` at a place from now on."""
        before = self._held.pop(place, None)
        if before:
            self._allocated(Allocation(*place, *before, now))
        if workers:
            self._held[place] = (workers, workers * spec.gpus_per_worker, now)

    def used(self, pool: Pool, gpus: int, now: float) -> None:
        """Workers take (or, below 0, leave) GPUs of a pool's servers."""
        meters = self.meters
        meter = meters.training_gpus if pool is Pool.TRAINING else meters.on_loan_gpus
        meter.add(gpus, now)

    def lent(self, server_id: str, now: float) -> None:
        """A server is lent."""
        self._lent[server_id] = LoanRecord(server_id, now, None, None)
        self._on_loan(1, now)

    def asked_back(self, server_id: str, now: float) -> None:
        """A server is asked back."""
        self._lent[server_id] = self._lent[server_id]._replace(reclaim_s=now)

    def returned(self, server_id: str, now: float) -> None:
        """A server is back with inference."""
        self.loans.append(self._lent.pop(server_id)._replace(end_s=now))
        self._on_loan(-1, now)

    def demanded(self, servers: int, now: float) -> None:
        """Inference needs `servers` from now on."""
        self._demand = servers
        self.meters.demand_servers.set_to(servers, now)
        self._on_loan(0, now)

    def close(self, now: float) -> None:
        """End the run: add up to now, and list loans that are still open."""
        self.loans += [self._lent[server_id] for server_id in sorted(self._lent)]
        meters = self.meters
        for meter in (meters.training_gpus, meters.on_loan_gpus, meters.demand_servers):
            meter.add(0.0, now)
        self._on_loan(0, now)

    def _on_loan(self, change: int, now: float) -> None:
        servers = self.meters.on_loan_servers
        servers.add(change, now)
        short = self._demand - (self._inference_servers - servers.level)
        self.meters.shortfall_servers.set_to(max(0.0, short), now)
