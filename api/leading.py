"""What one term of leading is made of: the store, the cluster and the policy, opened anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from api.settings import Settings
from aryl.clock import elapsed
from aryl.daemon.scheduler import Instant, Scheduler, Stage, Watcher
from aryl.daemon.wrapped import Shadow, ToldDemand
from aryl.engine.live import LiveCluster
from aryl.engine.ports import Clock
from aryl.model.plain import cluster_plain
from aryl.store import Database, SchedulerStore
from simulator.emulated import EmulatedCluster
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Leading:
    """Opens everything that a scheduler needs, for a term; what is opened is closed again."""

    settings: Settings
    world: World
    database: Database
    watcher: Watcher
    clock: Clock
    service: str  # the name under which the cluster's file knows this database

    @contextmanager
    def __call__(self, term: int) -> Iterator[Scheduler]:
        """A scheduler for a term. Raises `LeaseLost` where a later term has begun."""
        chosen, instant = self.settings, Instant()
        instant.move_to(self.clock.now())
        store = SchedulerStore(
            self.database,
            chosen.policy,
            term=term,
            mode=self.settings.mode,
            snapshot_every_s=chosen.scheduler.snapshot_every_s,
        )
        emulated = EmulatedCluster(
            self.world, instant, chosen.cluster.file, term=term, service=self.service
        )
        try:
            for name, fact in self._facts().items():
                store.put_fact(name, fact)
            cluster: LiveCluster = emulated
            if chosen.demand.source == "pushed":
                cluster = ToldDemand(cluster, store.pushed_demand, instant)
            if chosen.scheduler.shadow:
                cluster = Shadow(cluster)
            keep_s = chosen.scheduler.keep_s
            stage = Stage(instant, cluster, store, self.watcher, elapsed, keep_s)
            yield Scheduler(chosen.policy, stage)
        finally:
            emulated.close()

    def _facts(self) -> dict[str, object]:
        """What the API's processes need to know of this one."""
        return {
            "cluster": cluster_plain(self.world.cluster),
            "policy": asdict(self.settings.policy),
            "mode": self.settings.mode,
            "demand_source": self.settings.demand.source,
        }
