"""The cluster that a service schedules: what a service needs of it, whatever it is."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from aryl.daemon.loop import Lease
from aryl.daemon.scheduler import Instant
from aryl.engine.live import LiveCluster
from aryl.store import Lease as DatabaseLease
from aryl.store import SchedulerStore


@dataclass(frozen=True, slots=True)
class Term:
    """What a cluster is opened with, to be led for a term; `wake` tells that it has changed."""

    number: int
    instant: Instant
    store: SchedulerStore
    wake: Callable[[], None]


class Scheduled(Protocol):
    """A cluster that can be led, for one term after another."""

    @property
    def survives(self) -> tuple[type[Exception], ...]:
        """What is raised where the cluster is away: it is tried again."""
        ...

    @property
    def about(self) -> Mapping[str, str]:
        """What an operator is told of it at the start."""
        ...

    def lease(self, database: DatabaseLease, holder: str) -> Lease:
        """The right to lead, made of the database's."""
        ...

    def open(self, term: Term) -> AbstractContextManager[LiveCluster]:
        """The cluster, for a term; closed at its end."""
        ...

    def readiness(self) -> Mapping[str, str]:
        """What must hold beside the database before traffic comes here: `ok`, or what is wrong."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
