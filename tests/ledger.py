"""A plan carried out on the plainest books there are: none of the code under test keeps them."""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from aryl.model.cluster import Pool
from aryl.model.job import JobSpec, Placement, WorkerKind
from aryl.model.plan import (
    Action,
    LoanServer,
    Plan,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
)
from aryl.model.snapshot import Snapshot

Books = Counter[tuple[str, str, WorkerKind]]  # workers by job, server and kind


@dataclass
class Ledger:
    """Who holds what, which servers training may use, and who waits."""

    snapshot: Snapshot
    held: Books = field(default_factory=Counter)
    usable: dict[str, bool] = field(default_factory=dict)
    waiting: dict[str, JobSpec] = field(default_factory=dict)
    specs: dict[str, JobSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Copy the snapshot's state."""
        snapshot = self.snapshot
        for server in snapshot.cluster.servers:
            loan = snapshot.loans.get(server.id)
            self.usable[server.id] = server.pool is Pool.TRAINING or bool(loan and loan.is_open)
        for job in snapshot.running.values():
            self.specs[job.id] = job.spec
            for p in job.placements:
                self.held[job.id, p.server_id, p.kind] += p.workers
        self.waiting = {name: job.spec for name, job in snapshot.queue.jobs.items()}
        self.specs |= self.waiting

    def used(self, server_id: str) -> int:
        """GPUs held on a server."""
        return sum(
            workers * self.specs[job].gpus_per_worker
            for (job, server, _), workers in self.held.items()
            if server == server_id
        )

    def free(self, server_id: str) -> int:
        """GPUs that training may still take on a server."""
        size = self.snapshot.cluster.by_id[server_id].gpus
        return size - self.used(server_id) if self.usable[server_id] else 0

    def hosts_base(self, server_id: str) -> bool:
        """Whether any job has base workers on a server."""
        return any(
            s == server_id and k is WorkerKind.BASE for (_, s, k), n in self.held.items() if n
        )

    def holds(self, job_id: str) -> dict[tuple[str, WorkerKind], int]:
        """What a job holds, by server and kind."""
        return {(s, k): n for (j, s, k), n in self.held.items() if j == job_id and n}

    def running(self) -> list[str]:
        """The jobs that hold anything, by name."""
        return sorted({job for (job, _, _), workers in self.held.items() if workers})

    def carry_out(self, plan: Plan) -> "Ledger":
        """Follow all actions in order, checking the books at each."""
        for action in plan.actions:
            self.follow(action)
            for server in self.snapshot.cluster.servers:
                assert 0 <= self.used(server.id) <= server.gpus, f"{server.id} after {action}"
        return self

    def follow(self, action: Action) -> None:
        """Follow one action."""
        match action:
            case StartJob(job_id=job_id, placements=placements):
                del self.waiting[job_id]
                assert {p.kind for p in placements} == {WorkerKind.BASE}
                self._take(job_id, placements)
            case ResizeJob(job_id=job_id, remove=remove, add=add):
                assert {p.kind for p in (*remove, *add)} == {WorkerKind.FLEXIBLE}
                for p in remove:
                    self.held[job_id, p.server_id, p.kind] -= p.workers
                    assert self.held[job_id, p.server_id, p.kind] >= 0, "gives up what it holds"
                self._take(job_id, add)
            case PreemptJob(job_id=job_id):
                assert job_id in self.snapshot.running
                self.held = Counter({k: n for k, n in self.held.items() if k[0] != job_id})
            case LoanServer(server_id=server_id):
                assert self.snapshot.cluster.pool_of(server_id) is Pool.INFERENCE
                assert server_id not in self.snapshot.loans, "it is at home"
                assert not self.usable[server_id]
                self.usable[server_id] = True
            case ReclaimServer(server_id=server_id):
                assert self.usable[server_id]
                assert self.snapshot.cluster.pool_of(server_id) is Pool.INFERENCE
                assert self.used(server_id) == 0, "a returned server is vacant"
                self.usable[server_id] = False

    def _take(self, job_id: str, placements: tuple[Placement, ...]) -> None:
        for p in placements:
            assert p.workers >= 1
            assert p.pool is self.snapshot.cluster.pool_of(p.server_id)
            assert self.usable[p.server_id], "training may use the server"
            self.held[job_id, p.server_id, p.kind] += p.workers

    def units(self, job_id: str, *kinds: WorkerKind) -> int:
        """Whole training workers that a job's workers of these kinds (none: of all) stand for."""
        on_training, on_loan = self.by_pool(job_id, *kinds)
        return on_training + int(on_loan / Fraction(self.snapshot.cluster.factor))

    def by_pool(self, job_id: str, *kinds: WorkerKind) -> tuple[int, int]:
        """A job's workers on training servers and on inference servers."""
        counts = [0, 0]
        for (server, kind), workers in self.holds(job_id).items():
            if kind in (kinds or WorkerKind):
                counts[self.snapshot.cluster.pool_of(server)] += workers
        return counts[0], counts[1]

    def check_job(self, job_id: str) -> None:
        """Assert spec §6 for what one running job holds."""
        spec, factor = self.specs[job_id], Fraction(self.snapshot.cluster.factor)
        on_training, on_loan = self.by_pool(job_id)
        assert self.units(job_id, WorkerKind.BASE) >= spec.min_workers, "all base workers"
        total = self.units(job_id)
        assert spec.min_workers <= total <= spec.max_workers
        assert not spec.allowed_workers or total in spec.allowed_workers
        assert on_loan == ceil(int(on_loan / factor) * factor), "whole units of a training worker"
        assert not on_loan or spec.fungible or spec.heterogeneous
        assert spec.heterogeneous or not (on_loan and on_training), "one GPU type at a time"
