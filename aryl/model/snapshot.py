"""All that a decision may know."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, auto

from aryl.model.capacity import Capacity
from aryl.model.cluster import Cluster, Loan
from aryl.model.demand import DemandHistory
from aryl.model.job import Job
from aryl.model.queue import JobQueue


class Due(Flag):
    """Which of the paper's two loops is to decide now (paper §1)."""

    SCHEDULE = auto()
    ORCHESTRATE = auto()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of both pools and of every job that has not ended, at `now`.

    `running`, `elastic` (those of them that are) and `loans` are keyed by name in no particular
    order; `holders` names the jobs on each server that hosts any, sorted.
    """

    now: float
    version: int
    due: Due
    cluster: Cluster
    capacity: Capacity
    holders: Mapping[str, tuple[str, ...]]
    queue: JobQueue
    running: Mapping[str, Job]
    elastic: Mapping[str, Job]
    loans: Mapping[str, Loan]
    demand: DemandHistory

    @property
    def on_loan(self) -> int:
        """Servers on loan, those asked back left out."""
        return sum(loan.is_open for loan in self.loans.values())
