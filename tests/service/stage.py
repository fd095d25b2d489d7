"""A scheduler on a real database and an emulated cluster, whose time the test sets."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aryl.daemon.scheduler import Instant, Scheduler, Stage
from aryl.engine.cycle import Step
from aryl.engine.lifecycle import JobState
from aryl.model.job import JobSpec
from aryl.store.accounts import Principal, Role
from aryl.store.database import Database
from aryl.store.lease import Lease
from aryl.store.scheduler import SchedulerStore
from aryl.store.service import ServiceStore
from aryl.store.submitting import Submission
from simulator.emulated import EmulatedCluster
from simulator.world import World

USER = Principal("tester", Role.OPERATOR)


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class Unwatched:
    """A watcher that keeps nothing, and may be told to die at a step of a cycle."""

    def __init__(self, dies: Callable[[Step], bool] = lambda _: False) -> None:
        self._dies = dies
        self.deaths: Counter[Step] = Counter()
        self.faults: list[str] = []

    def reached(self, step: Step) -> None:
        if self._dies(step):
            self.deaths[step] += 1
            raise Killed

    def took_in(self, *_: Any) -> None:
        pass

    def corrected(self, *_: Any) -> None:
        pass

    def cycled(self, *_: Any) -> None:
        pass

    def looked(self, *_: Any) -> None:
        pass

    def failed(self, error: Exception, _now: float) -> None:
        self.faults.append(str(error))


@dataclass
class LiveStage:
    """One database and one cluster file, with the scheduler that leads now."""

    world: World
    database: Database
    cluster_file: Path
    wall_s: float = 1_000_000.0
    watcher: Unwatched = field(default_factory=Unwatched)

    def __post_init__(self) -> None:
        self.database.migrate()
        self.users = ServiceStore.on(self.database, lambda: self.wall_s)
        self.begin()

    def begin(self) -> None:
        """Start a scheduler; one that was there before is gone without a word."""
        self.wall_s += 60.0  # the lease of whoever led before has run out
        term = Lease(self.database, f"at {self.wall_s}", lambda: self.wall_s).acquire()
        assert term is not None
        instant = Instant()
        self.store = SchedulerStore(self.database, self.world.config, term=term)
        self.cluster = EmulatedCluster(self.world, instant, self.cluster_file, term=term)
        stage = Stage(instant, self.cluster, self.store, self.watcher, lambda: 0.0)
        self.scheduler = Scheduler(self.world.config, stage)

    def submit(self, specs: Sequence[JobSpec]) -> None:
        """Submit jobs as a user does."""
        batch = [
            Submission(spec=spec, name=spec.job_id, owner=USER.name, who=USER) for spec in specs
        ]
        for answer in self.users.jobs.submit(batch):
            assert not isinstance(answer, Exception), answer

    def run(self, specs: Sequence[JobSpec], until_s: float) -> None:
        """Submit each job at its time and step whenever something is due; restart when killed."""
        waiting = list(specs)
        next_s = waiting[0].submit_s if waiting else 0.0
        while next_s <= until_s:
            due = [spec for spec in waiting if spec.submit_s <= next_s]
            waiting = waiting[len(due) :]
            self.submit(due)
            arrival_s = waiting[0].submit_s if waiting else float("inf")
            next_s = min(arrival_s, self.step(next_s))

    def step(self, now: float) -> float:
        """One step; killed, a new scheduler takes it again."""
        while True:
            try:
                return self.scheduler.step(now)
            except Killed:
                self.begin()

    def agreement(self) -> list[str]:
        """Where the store and the cluster differ."""
        running = self.cluster.observe().running
        believed = {
            name: record
            for name, record in self.store.live().items()
            if record.state is JobState.RUNNING
        }
        return [
            *(f"{name} runs unknown" for name in running if name not in believed),
            *(f"{name} runs in the store only" for name in believed if name not in running),
            *(
                f"{name} is elsewhere"
                for name, job in running.items()
                if name in believed and believed[name].job.placements != job.placements
            ),
        ]
