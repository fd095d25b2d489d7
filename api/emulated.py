"""The emulated cluster as what a service schedules."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from api.scheduled import Scheduled, Term
from api.settings import Settings
from aryl.daemon.loop import Lease
from aryl.engine.live import LiveCluster
from aryl.store import Lease as DatabaseLease
from simulator.cluster_file import AWAY
from simulator.emulated import EmulatedCluster
from simulator.inputs import read_world
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Emulated(Scheduled):
    """A file in which jobs run; `service` is the name under which it knows the database."""

    settings: Settings
    world: World
    service: str
    survives = AWAY

    @classmethod
    def of(cls, settings: Settings, service: str) -> "Emulated":
        """The cluster that the settings describe. Raises `BadInput`."""
        chosen = settings.cluster
        world = read_world(chosen.shape, settings.policy, chosen.inference, chosen.inference_peak)
        return cls(settings, world, service)

    @property
    def about(self) -> Mapping[str, str]:
        """Its shape, speed and file."""
        shown = self.settings.cluster
        return {"cluster": f"emulated, {shown.shape}, {shown.speed:g} x, {shown.file}"}

    def lease(self, database: DatabaseLease, _holder: str) -> Lease:
        """The database's: the file asks for its term."""
        return database

    @contextmanager
    def open(self, term: Term) -> Iterator[LiveCluster]:
        """The file, for a term."""
        cluster = EmulatedCluster(
            self.world,
            term.instant,
            self.settings.cluster.file,
            term=term.number,
            service=self.service,
        )
        try:
            yield cluster
        finally:
            cluster.close()

    def readiness(self) -> Mapping[str, str]:
        """Nothing: a file is there."""
        return {}

    def close(self) -> None:
        """Nothing is held between terms."""
