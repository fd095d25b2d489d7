"""What the engine needs of the world: three small ports, and the values that cross them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from aryl.model.capacity import Capacity
from aryl.model.cluster import Cluster as ClusterShape
from aryl.model.cluster import Loan
from aryl.model.demand import DemandHistory
from aryl.model.job import Job
from aryl.model.plan import Action, Plan
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Observation:
    """Both pools as they are; no later change reaches it.

    `demand_now` as in `Snapshot`.
    """

    version: int
    cluster: ClusterShape
    capacity: Capacity
    holders: Mapping[str, tuple[str, ...]]
    running: Mapping[str, Job]
    elastic: Mapping[str, Job]
    loans: Mapping[str, Loan]
    demand: DemandHistory
    demand_now: float | None = None


class Status(Enum):
    """What became of an action."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    WITHHELD = "withheld"  # in shadow, where Aryl only recommends


@dataclass(frozen=True, slots=True)
class Outcome:
    """An action's fate; `job` is the job it touched, as it stands now, where it touched one."""

    action: Action
    status: Status
    job: Job | None = None
    detail: str = ""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Seconds, since the epoch or the trace's start."""
        ...


class Cluster(Protocol):
    """Shows both pools, and changes them."""

    def observe(self) -> Observation:
        """Everything that runs and is lent."""
        ...

    def apply(self, action: Action, job: Job | None = None) -> Outcome:
        """Carry out one action; `job` is the one that a `StartJob` starts, as it waits.

        An action that no longer suits the state is refused, not raised; the second of two equal
        actions changes nothing.
        """
        ...


class Store(Protocol):
    """Remembers what was submitted, planned and done."""

    def queue(self) -> JobQueue:
        """The jobs that wait, preferably ranked as the policy in force ranks them."""
        ...

    def record(self, snapshot: Snapshot, plan: Plan) -> None:
        """Make a plan durable, with what it answers, before any of it takes effect."""
        ...

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Note what became of a plan: started jobs leave the queue, preempted ones join it."""
        ...
