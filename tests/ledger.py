"""A plan carried out on the plainest books there are: none of the code under test keeps them."""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from aryl.model.cluster import Condition, Pool
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
        return self.room(server_id) - self.used(server_id) if self.room(server_id) else 0

    def room(self, server_id: str) -> int:
        """GPUs that training could take on a server if it held none."""
        if not self.usable[server_id] or not self.is_open(server_id):
            return 0
        server = self.snapshot.cluster.by_id[server_id]
        return server.gpus - server.shut_gpus

    def is_open(self, server_id: str) -> bool:
        """Whether a server's condition lets it be given workers, or be lent."""
        return self.snapshot.cluster.by_id[server_id].condition is Condition.OPEN

    def movable(self) -> list[str]:
        """Servers on loan that would serve inference if they were asked back, by name."""
        by_id = self.snapshot.cluster.by_id
        serving = {Condition.OPEN, Condition.BUSY}
        lent = [name for name, loan in self.snapshot.loans.items() if loan.is_open]
        return sorted(name for name in lent if by_id[name].condition in serving)

    def taken(self) -> list[str]:
        """Those of them on which inference runs already and no base workers stand in the way."""
        by_id = self.snapshot.cluster.by_id
        busy = [s for s in self.movable() if by_id[s].condition is Condition.BUSY]
        return [server for server in busy if not self.hosts_base(server)]

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
                usable = server.gpus - server.shut_gpus
                assert 0 <= self.used(server.id) <= usable, f"{server.id} after {action}"
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
                assert self.is_open(server_id), "nothing else uses it, and it is well"
                self.usable[server_id] = True
            case ReclaimServer(server_id=server_id):
                assert self.usable[server_id]
                assert self.snapshot.cluster.pool_of(server_id) is Pool.INFERENCE
                assert self.used(server_id) == 0, "a returned server is vacant"
                condition = self.snapshot.cluster.by_id[server_id].condition
                assert condition not in {Condition.AWAY, Condition.PINNED}, "it can serve inference"
                self.usable[server_id] = False

    def _take(self, job_id: str, placements: tuple[Placement, ...]) -> None:
        for p in placements:
            assert p.workers >= 1
            assert p.pool is self.snapshot.cluster.pool_of(p.server_id)
            assert self.usable[p.server_id], "training may use the server"
            assert self.is_open(p.server_id), "only an open server is given workers"
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
