"""What tests of stores share: both sides of one database, and a cluster's answers."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Correction
from aryl.engine.ports import Outcome, Status
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster
from aryl.model.errors import ArylError
from aryl.model.job import Job, JobSpec, Placement
from aryl.model.plan import (
    Action,
    LoanServer,
    Outlook,
    Plan,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
    Waiting,
)
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.units import together, without
from aryl.store import Database, Lease, Principal, Role, SchedulerStore, ServiceStore, Submission
from aryl.store.edits import Wish
from tests.builders import BOTH, make_cluster, make_snapshot

ADA = Principal("ada", Role.SUBMITTER)
OPERATOR = Principal("root", Role.OPERATOR)
CLUSTER = make_cluster((8,) * 8, (8,) * 8)
FAR_AHEAD_S = 1e12  # any lease has expired by then
NOON_WALL_S = 1_800_000_000.0

_numbers = count(1)


@dataclass
class Wall:
    """A wall clock that tests turn."""

    time_s: float = NOON_WALL_S

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.time_s


def leader(
    database: Database, config: PolicyConfig | None = None, **options: Any
) -> SchedulerStore:
    """The store of a scheduler that takes the lease over from whoever held it."""
    lease = Lease(database, f"leader-{next(_numbers)}", lambda: FAR_AHEAD_S)
    term = lease.acquire()
    assert term is not None
    lease.release()
    return SchedulerStore(database, config or PolicyConfig(), term=term, **options)


def submission(spec: JobSpec, **changes: Any) -> Submission:
    """Ada's submission of a job."""
    given: dict[str, Any] = {"spec": spec, "name": spec.job_id, "owner": ADA.name, "who": ADA}
    return Submission(**given | changes)


def wish(at_s: float = 0.0, **changes: Any) -> Wish:
    """Ada's wish at a moment of cluster time."""
    given: dict[str, Any] = {"who": ADA, "at_s": at_s}
    return Wish(**given | changes)


def start(job_id: str, *placements: Placement) -> StartJob:
    """A job gets its base workers."""
    return StartJob(job_id, placements, because(ReasonCode.FITS, gpus=1, place=1))


def resize(
    job_id: str, *, add: Iterable[Placement] = (), remove: Iterable[Placement] = ()
) -> ResizeJob:
    """A job's flexible workers change."""
    reason = because(ReasonCode.GROWS, workers=1, saved_s=10.0)
    return ResizeJob(job_id, reason, remove=tuple(remove), add=tuple(add))


def preempt(job_id: str) -> PreemptJob:
    """A job loses all workers."""
    return PreemptJob(job_id, because(ReasonCode.PREEMPTED_FOR_RECLAIM, servers=1))


def lend(server_id: str) -> LoanServer:
    """A server is lent."""
    return LoanServer(server_id, because(ReasonCode.LENT, loanable=1, forecast=2.5, on_loan=0))


def reclaim(server_id: str) -> ReclaimServer:
    """A server is asked back."""
    return ReclaimServer(server_id, because(ReasonCode.RECLAIMED_VACANT, demand=1))


def effect(job: Job, action: Action, now: float) -> Job:
    """The job as a cluster leaves it that carries out an action at `now`."""
    match action:
        case StartJob():
            held = action.placements
            speed = float(sum(p.workers for p in held))
            return replace(job, placements=held, started_s=now, progress_s=now, speed=speed)
        case ResizeJob():
            held = together(without(job.placements, action.remove), action.add)
            speed = float(sum(p.workers for p in held))
            done = job.done_by(now)
            return replace(job, placements=held, done=done, progress_s=now, speed=speed)
        case _:
            return Job(
                job.spec,
                started_s=job.started_s,
                done=job.kept_if_preempted(now),
                progress_s=now,
                preemptions=job.preemptions + 1,
                saved=job.saved,
            )


class Desk:
    """Users and a leading scheduler at one database."""

    def __init__(
        self, database: Database, config: PolicyConfig | None = None, **options: Any
    ) -> None:
        """Lead for a new term, with a first look taken."""
        self.database, self.wall = database, Wall()
        self.users = ServiceStore.on(database, self.wall)
        self.store = leader(database, config, **options)
        self.store.refresh()

    def submit(self, *specs: JobSpec, **changes: Any) -> list[JobRecord | ArylError]:
        """Submit jobs in one batch, and let the scheduler see them."""
        answers = self.users.jobs.submit([submission(spec, **changes) for spec in specs])
        self.store.refresh()
        return answers

    def snapshot(self, now: float, *, due: Due = BOTH, cluster: Cluster = CLUSTER) -> Snapshot:
        """What a cycle would look at."""
        running = [it.job for it in self.store.live().values() if it.job.placements]
        loans = {p.server_id for job in running for p in job.placements if p.pool}
        seen = make_snapshot(cluster, running=running, loans=sorted(loans), now=now, due=due)
        return replace(seen, queue=self.store.queue())

    def record(
        self,
        *actions: Action,
        now: float,
        waiting: tuple[Waiting, ...] = (),
        due: Due = BOTH,
        outlook: Outlook | None = None,
    ) -> None:
        """Record a plan made at `now`."""
        snapshot = self.snapshot(now, due=due)
        self.store.record(snapshot, Plan(snapshot.version, actions, waiting, outlook=outlook))

    def settle(self, *actions: Action, now: float, status: Status = Status.DONE) -> None:
        """Settle these actions as done, or with another fate."""
        jobs = {job_id: record.job for job_id, record in self.store.live().items()}
        outcomes = []
        for action in actions:
            job = None
            if status is Status.DONE and not isinstance(action, LoanServer | ReclaimServer):
                job = jobs[action.job_id] = effect(jobs[action.job_id], action, now)
            outcomes.append(Outcome(action, status, job, "" if job else status.value))
        self.store.settle(outcomes)

    def carry_out(self, *actions: Action, now: float) -> None:
        """Record a plan and settle it as done."""
        self.record(*actions, now=now)
        self.settle(*actions, now=now)

    def end(self, job_id: str, event: JobEvent, at_s: float) -> None:
        """A job ends by itself, or is cancelled."""
        self.store.correct([Correction(self.store.live()[job_id].job, event, at_s)])

    def known(self, job_id: str) -> JobRecord:
        """A job as users see it."""
        record = self.users.jobs.get(job_id)
        assert record is not None
        return record
