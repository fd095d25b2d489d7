"""What one term of leading is made of: the store, the cluster and the policy, opened anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from api.scheduled import Scheduled, Term
from api.settings import Settings
from aryl.clock import elapsed
from aryl.daemon.scheduler import Instant, Scheduler, Stage, Watcher
from aryl.daemon.wrapped import Shadow, ToldDemand
from aryl.engine.live import LiveCluster
from aryl.engine.ports import Clock
from aryl.store import Database, SchedulerStore
from aryl.store.series import CLUSTER, PUSHED


@dataclass(frozen=True, slots=True)
class Leading:
    """Opens everything that a scheduler needs, for a term; what is opened is closed again."""

    settings: Settings
    scheduled: Scheduled
    database: Database
    watcher: Watcher
    clock: Clock
    wake: Callable[[], None]

    @contextmanager
    def __call__(self, number: int) -> Iterator[Scheduler]:
        """A scheduler for a term. Raises `LeaseLost` where a later term has begun."""
        chosen, instant = self.settings, Instant()
        instant.move_to(self.clock.now())
        store = SchedulerStore(
            self.database,
            chosen.policy,
            term=number,
            mode=self.settings.mode,
            snapshot_every_s=chosen.scheduler.snapshot_every_s,
        )
        with self.scheduled.open(Term(number, instant, store, self.wake)) as opened:
            store.shaped(opened.observe().cluster)  # submissions wait for it
            for name, fact in self._facts().items():
                store.put_fact(name, fact)
            cluster: LiveCluster = opened
            if chosen.demand.source == PUSHED:
                cluster = ToldDemand(cluster, store.pushed_demand, instant)
            if chosen.scheduler.shadow:
                cluster = Shadow(cluster)
            keep_s = chosen.scheduler.keep_s
            stage = Stage(instant, cluster, store, self.watcher, elapsed, keep_s)
            yield Scheduler(chosen.policy, stage)

    def _facts(self) -> dict[str, object]:
        """What the API's processes need to know of this one, besides the cluster."""
        source = self.settings.demand.source
        return {
            "policy": asdict(self.settings.policy),
            "mode": self.settings.mode,
            "demand_source": PUSHED if source == PUSHED else CLUSTER,
        }
