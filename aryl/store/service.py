"""What the service's API reads and writes, in parts."""

from collections.abc import Callable
from dataclasses import dataclass

from aryl.store.accounts import Audit, Tokens
from aryl.store.database import Database
from aryl.store.demand import Demand
from aryl.store.estimates import Estimates
from aryl.store.history import Events
from aryl.store.jobs import Jobs
from aryl.store.lease import LeaseReader
from aryl.store.loans import LoanReader
from aryl.store.plans import Plans
from aryl.store.series import Facts, Samples
from aryl.store.waiting import WaitReader


@dataclass(frozen=True, slots=True)
class ServiceStore:
    """The parts of a store, by what they are about; each call is one transaction."""

    jobs: Jobs
    waits: WaitReader
    plans: Plans
    loans: LoanReader
    events: Events
    demand: Demand
    samples: Samples
    estimates: Estimates
    tokens: Tokens
    audit: Audit
    facts: Facts
    lease: LeaseReader

    @classmethod
    def on(cls, database: Database, wall: Callable[[], float]) -> "ServiceStore":
        """A store on a database; `wall` tells seconds since the epoch."""
        return cls(
            jobs=Jobs(database, wall),
            waits=WaitReader(database),
            plans=Plans(database),
            loans=LoanReader(database),
            events=Events(database),
            demand=Demand(database, wall),
            samples=Samples(database),
            estimates=Estimates(database),
            tokens=Tokens(database, wall),
            audit=Audit(database),
            facts=Facts(database),
            lease=LeaseReader(database),
        )
