"""Jobs: what was asked for, and what one holds now."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import ceil, log2
from typing import NamedTuple

from aryl.model.cluster import ROUNDING, Pool


class WorkerKind(StrEnum):
    """Base workers are all or nothing; flexible ones come and go while the job runs."""

    BASE = "base"
    FLEXIBLE = "flexible"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a user submitted; worker counts are in training workers, no `allowed_workers`: any."""

    job_id: str
    submit_s: float
    num_gpus: int
    duration_s: float
    gpus_per_worker: int
    min_workers: int
    max_workers: int
    allowed_workers: tuple[int, ...] = ()
    fungible: bool = False
    heterogeneous: bool = False
    checkpoint_s: float = 0.0
    estimated_duration_s: float = 0.0
    carry_in: bool = False
    priority: int = 0
    user: str = ""
    queue: str = ""
    model: str = ""

    @property
    def requested_workers(self) -> int:
        """The workers asked for, at which the job runs for `duration_s`."""
        return self.num_gpus // self.gpus_per_worker

    @property
    def is_elastic(self) -> bool:
        """Whether the number of workers may change while the job runs."""
        return self.max_workers > self.min_workers

    @property
    def work(self) -> float:
        """The whole work, in worker-seconds of the training type (spec §4)."""
        return self.duration_s * self.requested_workers

    @property
    def estimated_work(self) -> float:
        """The whole work as far as a scheduler may know it."""
        return self.estimated_duration_s * self.requested_workers

    @property
    def can_borrow(self) -> bool:
        """Whether any of it may run on on-loan servers."""
        return self.fungible or self.heterogeneous

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of training workers with which the job may run, in order."""
        return tuple(filter(self.allows, range(self.min_workers, self.max_workers + 1)))

    def allows(self, workers: int) -> bool:
        """Whether the job may run with that many training workers."""
        within = self.min_workers <= workers <= self.max_workers
        return within and (not self.allowed_workers or workers in self.allowed_workers)


@dataclass(frozen=True, slots=True)
class Placement:
    """Workers of one kind of one job on one server, counted in that server's GPU type."""

    server_id: str
    pool: Pool
    kind: WorkerKind
    workers: int


class Holding(NamedTuple):
    """What a job holds, summed up: workers by kind in the training and in the inference pool."""

    base: tuple[int, int]
    flexible: tuple[int, int]

    def workers(self, pool: Pool) -> int:
        """All workers in a pool, in its GPU type."""
        return self.base[pool] + self.flexible[pool]


def holding_of(placements: Iterable[Placement]) -> Holding:
    """The sums over placements."""
    base, flexible = [0, 0], [0, 0]
    for placement in placements:
        kind = base if placement.kind is WorkerKind.BASE else flexible
        kind[placement.pool] += placement.workers
    return Holding((base[0], base[1]), (flexible[0], flexible[1]))


@dataclass(frozen=True, eq=False)
class Job:
    """A submitted job that has not ended, as it stands; a moment of it, compared by identity.

    `done` is the work done by `progress_s`, in worker-seconds; from then on it grows by `speed` a
    second. `progress_s` lies ahead while the job starts again or is resized. `saved` is the work
    in the last checkpoint that the job reported. Without placements the job waits in the queue.
    """

    spec: JobSpec
    placements: tuple[Placement, ...] = ()
    started_s: float | None = None
    done: float = 0.0
    progress_s: float = 0.0
    speed: float = 0.0
    preemptions: int = 0
    saved: float = 0.0

    @cached_property
    def holding(self) -> Holding:
        """Its placements, summed up."""
        return holding_of(self.placements)

    @cached_property
    def expected_end_s(self) -> float:
        """When a running job will have done its estimated work, which may be long ago."""
        return self.progress_s + (self.spec.estimated_work - self.done) / self.speed

    @property
    def id(self) -> str:
        """The job's name."""
        return self.spec.job_id

    def done_by(self, now: float) -> float:
        """The work done by `now`, in worker-seconds."""
        return self.done + self.speed * max(0.0, now - self.progress_s)

    def believed_work_by(self, now: float) -> float:
        """The whole work as a scheduler may believe at `now`, in worker-seconds.

        That is the estimate; of a job that has outlived it, it is doubled until it lasts, since
        who has run that long may well run as long again (Harchol-Balter and Downey, 1997).
        """
        estimate, done = self.spec.estimated_work, self.done_by(now)
        if done <= estimate * (1.0 + ROUNDING):
            return estimate
        return estimate * 2.0 ** ceil(log2(done / estimate)) if estimate else 2.0 * done

    def kept_if_preempted(self, now: float) -> float:
        """The work that a preemption would leave: that of the last checkpoint (spec §4).

        A checkpoint is written every `checkpoint_s` of progress, counted as run time at the
        requested size; what the job itself reported counts where it is more.
        """
        spec = self.spec
        if not spec.checkpoint_s:
            return self.saved
        interval = spec.checkpoint_s * spec.requested_workers
        done = min(self.done_by(now), spec.work)
        return max(self.saved, min(done, interval * (done // interval)))

    def loss_if_preempted(self, now: float) -> float:
        """The work that a preemption would discard, in worker-seconds."""
        return self.done_by(now) - self.kept_if_preempted(now)

    def preempted(self, now: float, *, suspends: bool = False) -> "Job":
        """The job without its workers: it waits again, with the work that a preemption leaves.

        Where it `suspends`, that is all of it.
        """
        done = min(self.done_by(now), self.spec.work) if suspends else self.kept_if_preempted(now)
        return Job(
            self.spec,
            started_s=self.started_s,
            done=done,
            progress_s=now,
            preemptions=self.preemptions + 1,
            saved=self.saved,
        )
