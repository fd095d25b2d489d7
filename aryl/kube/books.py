"""What is free and who holds what, while a plan's actions are written one by one."""

from collections.abc import Iterable

from aryl.engine.ports import Observation
from aryl.kube.moment import Moment
from aryl.kube.workloads import Workload
from aryl.model.books import capacity_of, holders_of
from aryl.model.cluster import Condition, Loan, Pool
from aryl.model.demand import DemandHistory
from aryl.model.job import Job, Placement


class Books:
    """The accounts of one moment; each action that was written is added."""

    def __init__(self, moment: Moment) -> None:
        """Begin with what was observed."""
        self.moment = moment
        self.workloads = dict(moment.workloads)
        self.running = dict(moment.running)
        self.loans = dict(moment.loans)
        self._held: dict[str, int] = {}
        for job in moment.running.values():
            self._count(job, 1)

    def write(self, workload: Workload) -> None:
        """What is written of a job by now."""
        self.workloads[workload.job_id] = workload
        job = workload.allocation.job if workload.allocation else None
        self.move(workload.job_id, job)

    def move(self, job_id: str, job: Job | None) -> None:
        """A job runs like this by now, or no longer."""
        before = self.running.pop(job_id, None)
        if before is not None:
            self._count(before, -1)
        if job is not None and job.placements:
            self.running[job_id] = job
            self._count(job, 1)

    def holds(self, server_id: str) -> bool:
        """Whether anybody has workers on a server."""
        return self._held.get(server_id, 0) > 0

    def obstacle(self, placements: Iterable[Placement], gpus_per_worker: int) -> str:
        """Why workers can't be where a plan puts them; "" where they can."""
        wanted: dict[str, int] = {}
        for p in placements:
            server = self.moment.cluster.by_id.get(p.server_id)
            if server is None:
                return f"{p.server_id} is gone"
            if server.condition is not Condition.OPEN:
                return f"{p.server_id} is {server.condition.value}"
            loan = self.loans.get(p.server_id)
            if server.pool is Pool.INFERENCE and not (loan and loan.is_open):
                return f"{p.server_id} is not on loan"
            wanted[p.server_id] = wanted.get(p.server_id, 0) + p.workers * gpus_per_worker
            free = server.usable_gpus - self._held.get(p.server_id, 0)
            if wanted[p.server_id] > free:
                return f"{p.server_id} has {free} free GPUs"
        return ""

    def lend(self, loan: Loan) -> None:
        """A server is on loan, or on its way back."""
        self.loans[loan.server_id] = loan

    def _count(self, job: Job, sign: int) -> None:
        for p in job.placements:
            gpus = sign * p.workers * job.spec.gpus_per_worker
            self._held[p.server_id] = self._held.get(p.server_id, 0) + gpus


def observation_of(moment: Moment, version: int) -> Observation:
    """A moment as the policy sees it, without demand."""
    running = moment.running
    return Observation(
        version=version,
        cluster=moment.cluster,
        capacity=capacity_of(moment.cluster, running.values(), moment.loans.values()),
        holders=holders_of(running.values()),
        running=running,
        elastic={name: job for name, job in running.items() if job.spec.is_elastic},
        loans=moment.loans,
        demand=DemandHistory(()),
    )
