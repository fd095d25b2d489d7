"""One decision in the making: the state as it would be, and the actions that lead there.

A draft is created from a snapshot, spent by one `decide`, and dropped. It copies capacity before
its first change, so forking it to try something costs microseconds.
"""

from collections.abc import Callable, Collection, Iterable

from aryl.model.capacity import Capacity, Group
from aryl.model.cluster import Cluster
from aryl.model.job import Holding, Job, Placement, WorkerKind, holding_of
from aryl.model.plan import (
    Action,
    LoanServer,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    Solve,
    StartJob,
)
from aryl.model.reason import Reason
from aryl.model.snapshot import Snapshot
from aryl.policy.units import together, whole_units, without


class Draft:
    """What is free, who holds what, and the actions so far."""

    __slots__ = (
        "_base",
        "_owns_capacity",
        "_started",
        "actions",
        "capacity",
        "cluster",
        "elapsed",
        "notes",
        "placed",
        "solves",
    )

    def __init__(self, snapshot: Snapshot, elapsed: Callable[[], float]) -> None:
        """Start from the snapshot's state; `elapsed` times solvers, and nothing depends on it."""
        self._base = snapshot
        self.elapsed = elapsed
        self._started: dict[str, Job] = {}
        self.cluster: Cluster = snapshot.cluster
        self.capacity: Capacity = snapshot.capacity
        self._owns_capacity = False
        self.placed: dict[str, tuple[Placement, ...]] = {}
        self.actions: list[Action] = []
        self.notes: list[Reason] = []
        self.solves: list[Solve] = []

    def fork(self) -> "Draft":
        """An independent continuation of this draft."""
        twin = object.__new__(Draft)
        twin._base = self._base
        twin.elapsed = self.elapsed
        twin._started = self._started.copy()
        twin.cluster = self.cluster
        twin.capacity = self.capacity
        twin._owns_capacity = self._owns_capacity = False
        twin.placed = self.placed.copy()
        twin.actions = self.actions.copy()
        twin.notes = self.notes.copy()
        twin.solves = self.solves.copy()
        return twin

    def job(self, job_id: str) -> Job:
        """A job that runs, or that this draft starts."""
        return self._started.get(job_id) or self._base.running[job_id]

    @property
    def started(self) -> Collection[Job]:
        """The jobs that this draft starts, as they waited."""
        return self._started.values()

    def placements(self, job_id: str) -> tuple[Placement, ...]:
        """What a job holds in this draft."""
        held = self.placed.get(job_id)
        return self._base.running[job_id].placements if held is None else held

    def holding(self, job: Job) -> Holding:
        """What a job holds in this draft, summed up."""
        changed = self.placed.get(job.id)
        return job.holding if changed is None else holding_of(changed)

    def elastic(self) -> list[Job]:
        """The elastic jobs that would run after this draft, by name."""
        before, started = self._base.elastic, self._started
        names = [name for name in before if name not in self.placed or self.placed[name]]
        names += [name for name, job in started.items() if job.spec.is_elastic]
        return [before.get(name) or started[name] for name in sorted(names)]

    @property
    def now(self) -> float:
        """When the snapshot was taken."""
        return self._base.now

    @property
    def unfinished(self) -> int:
        """How many jobs run or wait."""
        return len(self._base.running) + len(self._base.queue)

    @property
    def waiting(self) -> int:
        """How many jobs would wait after this draft."""
        preempted = sum(not held for held in self.placed.values())
        return len(self._base.queue) - len(self._started) + preempted

    def holders(self, server_id: str) -> list[str]:
        """The jobs with workers on a server, sorted; the draft's own starts included."""
        before = self._base.holders.get(server_id, ())
        names = [job_id for job_id in before if job_id not in self.placed]
        names += [
            job_id
            for job_id, held in self.placed.items()
            if any(p.server_id == server_id for p in held)
        ]
        return sorted(names)

    def start(self, job: Job, placements: Iterable[Placement], reason: Reason) -> None:
        """Give a queued job its base workers."""
        held = tuple(placements)
        self._started[job.id] = job
        self.placed[job.id] = held
        self._take(job, held)
        self.actions.append(StartJob(job.id, held, reason))

    def grow(self, job_id: str, added: Iterable[Placement], reason: Reason) -> None:
        """Add flexible workers to a job."""
        add = tuple(added)
        self._take(self.job(job_id), add)
        self.placed[job_id] = together(self.placements(job_id), add)
        self.actions.append(ResizeJob(job_id, reason, add=add))

    def shrink(self, job_id: str, removed: Iterable[Placement], reason: Reason) -> None:
        """Take flexible workers from a job, and what is left of a broken unit with them."""
        job = self.job(job_id)
        gone = tuple(removed)
        left = without(self.placements(job_id), gone)
        rest = whole_units(self.cluster, job.spec, left)
        if rest:
            gone, left = together(gone, rest), without(left, rest)
        self._release(job, gone)
        self.placed[job_id] = left
        self.actions.append(ResizeJob(job_id, reason, remove=gone))

    def preempt(self, job_id: str, reason: Reason, *, suspends: bool = False) -> None:
        """Take everything from a running job; it keeps its progress where it `suspends`."""
        self._release(self.job(job_id), self.placements(job_id))
        self.placed[job_id] = ()
        self.actions.append(PreemptJob(job_id, reason, suspends))

    def lend(self, index: int, reason: Reason) -> None:
        """Lend an inference server."""
        self._own().open_loan(index)
        self.actions.append(LoanServer(self.cluster.servers[index].id, reason))

    def keep_home(self) -> None:
        """Lend no server after all that no job has come to use."""
        lent = [a.server_id for a in self.actions if isinstance(a, LoanServer)]
        unused = {}
        for server_id in lent:
            index = self.cluster.by_id[server_id].index
            if self.capacity.now.group[index] is Group.VACANT_LOAN:
                self._own().close_loan(index)
                unused[server_id] = index
        self.actions = [
            a for a in self.actions if not (isinstance(a, LoanServer) and a.server_id in unused)
        ]

    def reclaim(self, index: int, reason: Reason) -> None:
        """Ask a vacant on-loan server back."""
        self._own().close_loan(index)
        self.actions.append(ReclaimServer(self.cluster.servers[index].id, reason))

    def note_solve(self, kind: str, items: int, since: float) -> None:
        """Record one call of an optimiser that began at `since` on the draft's own timer."""
        self.solves.append(Solve(kind, items, self.elapsed() - since))

    def _take(self, job: Job, placements: tuple[Placement, ...]) -> None:
        capacity = self._own()
        for p in placements:
            gpus = p.workers * job.spec.gpus_per_worker
            capacity.take(self.cluster.by_id[p.server_id].index, gpus, p.kind)

    def _release(self, job: Job, placements: tuple[Placement, ...]) -> None:
        capacity = self._own()
        for p in placements:
            gpus = p.workers * job.spec.gpus_per_worker
            capacity.release(self.cluster.by_id[p.server_id].index, gpus, p.kind)

    def _own(self) -> Capacity:
        """The capacity, copied once before it is changed."""
        if not self._owns_capacity:
            self.capacity = self.capacity.copy()
            self._owns_capacity = True
        return self.capacity


def flexible_on(draft: Draft, job_id: str, server_id: str) -> int:
    """The flexible workers that a job holds on a server."""
    return sum(
        p.workers
        for p in draft.placements(job_id)
        if p.server_id == server_id and p.kind is WorkerKind.FLEXIBLE
    )
