"""What Aryl remembers, in SQLite or PostgreSQL; nothing outside knows SQL.

`SchedulerStore` is the leader's side, `ServiceStore` the API's; they meet in one `Database`.
"""

from aryl.store.accounts import Principal, Role
from aryl.store.database import UNAVAILABLE, Database
from aryl.store.edits import Wish
from aryl.store.jobs import JobFilter
from aryl.store.lease import Lease
from aryl.store.scheduler import SchedulerStore
from aryl.store.series import Facts
from aryl.store.service import ServiceStore
from aryl.store.submitting import Submission

__all__ = [
    "UNAVAILABLE",
    "Database",
    "Facts",
    "JobFilter",
    "Lease",
    "Principal",
    "Role",
    "SchedulerStore",
    "ServiceStore",
    "Submission",
    "Wish",
]
