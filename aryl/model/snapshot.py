"""All that a decision may know."""

from collections.abc import Iterator, Mapping
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

    `demand_now` are the servers that inference needs at this very moment, where the cluster can
    see that, as far as `demand` does not hold it yet.

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
    demand_now: float | None = None

    @property
    def on_loan(self) -> int:
        """Servers on loan that would serve inference, those asked back left out."""
        return sum(loan.is_open for loan in self._lent())

    @property
    def not_at_home(self) -> int:
        """Servers on loan that would serve inference, those on their way back among them."""
        return sum(1 for _ in self._lent())

    def _lent(self) -> Iterator[Loan]:
        by_id = self.cluster.by_id
        return (loan for loan in self.loans.values() if by_id[loan.server_id].serves)
