"""The right to lead on Kubernetes: the cluster's Lease, and the database's, both at once.

The cluster's says to its users who leads, and is what a cut-off leader loses first. The database's
has the term, which fences off whatever an old leader still tries to write.
"""

from dataclasses import dataclass

from aryl.daemon.loop import Lease
from aryl.kube.lease import ClusterLease
from aryl.kube.throttle import Throttle
from aryl.model.errors import LeaseLost
from aryl.store import Lease as DatabaseLease


@dataclass(frozen=True, slots=True)
class BothLeases(Lease):
    """Leads who holds both."""

    cluster: ClusterLease
    database: DatabaseLease

    def acquire(self) -> int | None:
        """The database's term, once the cluster's lease is ours as well and knows that term.

        Objects on the cluster bear the terms in which they were written. A database that is new, or
        was restored, must not begin below them: it could lead, and change nothing.
        """
        if not self.cluster.take():
            return None
        try:
            term = self.database.acquire(above=self.cluster.term)
        except BaseException:
            self.cluster.release()  # somebody else may reach the database
            raise
        if term is None or term == self.cluster.term:
            return term
        self.cluster.term = term
        return term if self.cluster.renew() else None

    def renew(self) -> bool:
        """Keep both; False where either is gone."""
        return self.cluster.renew() and self.database.renew()

    def release(self) -> None:
        """Let another lead at once: who takes the cluster's lease finds the other one free."""
        try:
            self.database.release()
        finally:
            self.cluster.release()


@dataclass(slots=True)
class LeadersThrottle(Throttle):
    """Lets nothing pass but what a leader writes: one that was stopped for long is none."""

    lease: ClusterLease | None = None

    def take(self) -> float:
        """Let one write pass. Raises `LeaseLost` where the lease is ours no more."""
        waited_s = Throttle.take(self)
        if self.lease is not None and not self.lease.is_held:
            raise LeaseLost("the cluster's lease was not renewed in time")
        return waited_s
