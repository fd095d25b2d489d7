"""What tests of stores share: a wall clock to turn, principals, submissions and leaders."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from aryl.model.job import JobSpec
from aryl.policy.config import PolicyConfig
from aryl.store.accounts import Principal, Role
from aryl.store.database import Database
from aryl.store.lease import Lease
from aryl.store.scheduler import SchedulerStore
from aryl.store.service import ServiceStore
from aryl.store.submitting import Submission

ADA = Principal("ada", Role.SUBMITTER)
OPERATOR = Principal("root", Role.OPERATOR)
FAR_AHEAD_S = 1e12  # any lease has expired by then

_numbers = count(1)


@dataclass
class Wall:
    """A wall clock that tests turn."""

    time_s: float = 1_800_000_000.0

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


def service(database: Database, wall: Wall | None = None) -> ServiceStore:
    """The API's side of a store."""
    return ServiceStore.on(database, wall or Wall())


def submission(spec: JobSpec, **changes: Any) -> Submission:
    """Ada's submission of a job."""
    given: dict[str, Any] = {"spec": spec, "name": spec.job_id, "owner": ADA.name, "who": ADA}
    return Submission(**given | changes)
