"""A cluster that lives on its own, and how the store's picture of it is put right.

A live cluster outlives the scheduler: jobs end while nobody looks, and a crash may come between an
action and the note of it. So each step compares what the store believes with what the cluster
shows. The cluster is right about what runs; the store is right about what is wanted.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.ports import Cluster, Observation, Store
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster as ClusterShape
from aryl.model.cluster import Loan
from aryl.model.demand import DemandHistory
from aryl.model.job import Job, JobSpec
from aryl.model.plan import Waiting
from aryl.model.reason import Reason, ReasonCode, because


@dataclass(frozen=True, slots=True)
class Ending:
    """A job that the cluster runs no longer: `event` says why, `job` how it was left."""

    job: Job
    event: JobEvent
    at_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Brought:
    """A job that a user has brought to the cluster itself, under a name of theirs."""

    spec: JobSpec
    name: str
    owner: str


@dataclass(frozen=True, slots=True)
class NewBounds:
    """Other worker counts for a job, as its user has set them on the cluster."""

    job_id: str
    min_workers: int
    max_workers: int


@dataclass(frozen=True, slots=True)
class Wishes:
    """What users have asked of the cluster itself, and the store does not know yet."""

    brought: tuple[Brought, ...] = ()
    amended: tuple[NewBounds, ...] = ()
    withdrawn: tuple[str, ...] = ()  # jobs that are to end

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.brought or self.amended or self.withdrawn)


class LiveCluster(Cluster, Protocol):
    """A cluster with a life of its own."""

    def advance(self, known: Mapping[str, JobRecord]) -> Wishes:
        """Take in what has happened, and do what follows of what was applied.

        `known` are the jobs that have not ended as far as the store knows.
        """
        ...

    def show(self, waiting: Sequence[Waiting]) -> None:
        """Let users see on the cluster itself why their jobs wait, where it can show that."""
        ...

    def endings(self) -> Mapping[str, Ending]:
        """Jobs that ran and run no longer, by name, until they are forgotten or run again."""
        ...

    def forget(self, job_ids: Collection[str]) -> None:
        """The store knows how these jobs ended."""
        ...

    def stop(self, job_id: str) -> None:
        """End a running job for good; nothing happens where it does not run."""
        ...

    def amend(self, spec: JobSpec, saved: float) -> None:
        """A running job has other bounds, or has reported a checkpoint."""
        ...

    def next_change_s(self) -> float:
        """When something will happen by itself, as far as it is known; else infinity."""
        ...


@dataclass(frozen=True, slots=True)
class Inbox:
    """What users have done since the last look: jobs submitted, and jobs cancelled or edited.

    The first look of a term answers every running job and every job with an open cancel request.
    """

    arrived: int = 0
    edited: tuple[JobRecord, ...] = ()


class LiveStore(Store, Protocol):
    """What a scheduler remembers, while users add to it."""

    def refresh(self) -> Inbox:
        """Take in what users have submitted, cancelled and amended since the last look."""
        ...

    def take_up(self, wishes: Wishes, now: float) -> None:
        """Note what users have asked of the cluster, as if they had asked the service.

        The next `refresh` tells of it. A job whose name is known already is not noted again.
        """
        ...

    def shaped(self, cluster: ClusterShape) -> None:
        """Note which servers there are, and in what condition."""
        ...

    def live(self) -> Mapping[str, JobRecord]:
        """The jobs that have not ended, by name."""
        ...

    def correct(self, corrections: Iterable["Correction"]) -> None:
        """Note what the cluster did by itself."""
        ...

    def lent(self, loans: Mapping[str, Loan], now: float) -> None:
        """Note which servers are on loan by now, and which are back."""
        ...

    def demanded(self, bins: Sequence[tuple[float, float]]) -> None:
        """Note inference demand: where each bin starts, and its servers."""
        ...

    def pushed_demand(self) -> DemandHistory:
        """Inference demand as users have told it."""
        ...

    def prune(self, now: float, keep_s: float) -> int:
        """Forget some of what passed longer ago than `keep_s`; 0 where nothing is left of it."""
        ...

    def sampled(self, sight: Mapping[str, float | int | None]) -> None:
        """Add a row to the timeline."""
        ...


@dataclass(frozen=True, slots=True)
class Correction:
    """What the store missed of a job, and when it happened."""

    job: Job
    event: JobEvent
    at_s: float
    reason: Reason | None = None


def is_pressed(seen: Observation) -> bool:
    """Whether inference lacks servers at this moment that could still be asked back."""
    if seen.demand_now is None:
        return False
    by_id = seen.cluster.by_id
    lent = sum(loan.is_open and by_id[loan.server_id].serves for loan in seen.loans.values())
    serving = sum(server.serves for server in seen.cluster.inference_servers)
    return lent > 0 and seen.demand_now > serving - lent


def corrections(
    known: Mapping[str, JobRecord],
    seen: Observation,
    endings: Mapping[str, Ending],
    now: float,
) -> Iterator[Correction]:
    """What the store has to be told; `known` are the jobs that have not ended as far as it knows.

    A job may have ended and been started again since: what runs wins over what ended.
    """
    for job_id, ending in endings.items():
        record = known.get(job_id)
        if record and job_id not in seen.running:
            yield from _ended(record, ending, now)
    for job_id, record in known.items():
        job = seen.running.get(job_id)
        if job is None:
            if record.state is JobState.RUNNING and job_id not in endings:
                yield _lost(record.job, now)
        elif record.state is JobState.QUEUED:
            yield Correction(job, JobEvent.START, _started_s(job, now))
        elif job.placements != record.job.placements:
            yield Correction(job, JobEvent.RESIZE, now)


def _ended(record: JobRecord, ending: Ending, now: float) -> Iterator[Correction]:
    """The ending of a job, after its start where that was missed too."""
    if record.state is JobState.QUEUED:
        is_known = ending.job.preemptions == record.job.preemptions
        if ending.event is JobEvent.PREEMPT and is_known:
            return
        yield Correction(ending.job, JobEvent.START, _started_s(ending.job, now))
    yield Correction(ending.job, ending.event, ending.at_s)


def _started_s(job: Job, now: float) -> float:
    return now if job.started_s is None else job.started_s


def _lost(job: Job, now: float) -> Correction:
    """The cluster knows nothing of a job that should run: it starts again from what it saved."""
    return Correction(job.preempted(now), JobEvent.PREEMPT, now, because(ReasonCode.LOST))
