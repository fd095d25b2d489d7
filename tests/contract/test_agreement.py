"""A whole replay on a database decides as one in memory, and its records agree with the journal."""

from dataclasses import asdict, replace
from random import Random

import numpy as np
import pytest

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.model.job import Job, JobSpec
from aryl.policy.config import PolicyConfig, policy_config
from aryl.policy.rules import rules_of
from aryl.store import Database
from simulator.inference import InferenceLoad
from simulator.observer import Observer
from simulator.replay import Replay
from simulator.store import MemoryStore
from simulator.world import World
from tests.builders import make_cluster, make_spec
from tests.contract.worlds import Desk
from traces.demand import DemandSeries

JOBS = 60
DEMAND = [6, 1, 0, 5, 2, 6, 6, 0, 3]  # servers of six by bin: loans come and go
POLICIES = [
    policy_config({}),
    policy_config({"ordering": "fifo", "vacate_s": 40.0, "reclaim": "scf"}),
]


class KeptInDatabase(MemoryStore):
    """A replay's store with a database behind it."""

    def __init__(self, desk: Desk, config: PolicyConfig, replay: Replay) -> None:
        super().__init__(rules_of(config))
        self._desk, self._clock = desk, replay._clock
        store = desk.store
        for name in ("queue", "record", "settle"):
            setattr(self, name, getattr(store, name))

    def submit(self, job: Job) -> None:
        self._desk.submit(job.spec)

    def finish(self, job_id: str) -> None:
        self._desk.end(job_id, JobEvent.FINISH, self._clock.now())


def _specs() -> list[JobSpec]:
    chance = Random(7)
    specs = []
    for number in range(JOBS):
        workers, size = chance.choice([1, 1, 2, 4]), chance.choice([1, 2, 4])
        specs.append(
            make_spec(
                f"j{number:03}",
                submit_s=float(20 * number),
                workers=workers,
                max_workers=workers * chance.choice([1, 2, 3]),
                gpus_per_worker=size,
                duration_s=float(chance.randint(100, 3_000)),
                checkpoint_s=chance.choice([0.0, 120.0]),
                fungible=chance.random() < 0.6,
            )
        )
    return specs


def _replay(config: PolicyConfig) -> Replay:
    cluster = make_cluster((8,) * 3, (8,) * 6)
    world = World(cluster, InferenceLoad(DemandSeries(np.array(DEMAND))), config)
    return Replay(world, _specs(), Observer(), lambda: 0.0)


@pytest.mark.parametrize("config", POLICIES, ids=["aryl", "fifo"])
def test_records_agree_with_the_journal(database: Database, config: PolicyConfig) -> None:
    in_memory, kept = _replay(config), _replay(config)
    in_memory.run()
    desk = Desk(database, config)
    kept._store = KeptInDatabase(desk, config, kept)
    kept._ports = replace(kept._ports, store=kept._store)

    kept._await(sample_s=0.0, tick_s=0.0)
    while kept.step():
        desk.store.lent(kept._cluster.observe().loans, kept._clock.now())
    kept.close()

    assert kept.journal.allocations == in_memory.journal.allocations
    journal = kept.journal.jobs
    assert len(journal) == JOBS
    for job_id, past in journal.items():
        record = desk.known(job_id)
        known = asdict(past)
        assert record.state is JobState.FINISHED
        for name in ("first_start_s", "finish_s", "queuing_s", "resizes", "lost_gpu_s"):
            assert getattr(record, name) == known[name], (job_id, name)
        assert record.job.preemptions == past.preemptions
    loans = [
        (it.server_id, it.start_s, it.reclaim_s, it.end_s) for it in desk.users.loans.since(-1.0)
    ]
    assert sorted(loans) == sorted(tuple(loan) for loan in kept.journal.loans)
    assert sum(past.preemptions for past in journal.values()) > 5
    assert sum(past.resizes for past in journal.values()) > 10
    assert len(loans) >= 5
