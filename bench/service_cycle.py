"""A live scheduler's cycles on 1,000 servers with 2,000 jobs, on SQLite and on PostgreSQL.

    python bench/service_cycle.py [--steps 600] [--database sqlite]

Each step comes 10 s of cluster time after the one before, with the policy's own pacing: some jobs
have ended, as many arrive, and every 300 s the orchestrator lends or takes back as demand rises
and falls. 2,000 jobs are alive all the time, hundreds of them running. A cycle is all of observe,
decide, check, record, act and settle; a step is what the daemon does around it besides: read
submissions, compare with the cluster, note loans and the timeline. Everything is durable, the
emulated cluster included. Prints one JSON object: milliseconds, and the ratio of p99 to its limit.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aryl.daemon.scheduler import Instant, Scheduler, Stage
from aryl.engine.cycle import CycleReport, Step
from aryl.engine.live import Correction, Inbox
from aryl.engine.ports import Observation
from aryl.engine.records import JobRecord
from aryl.metrics import Metrics, process_registry
from aryl.model.cluster import build_cluster
from aryl.model.job import JobSpec
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Due
from aryl.policy.registry import load_policy
from aryl.store import Database, Lease, Principal, Role, SchedulerStore, ServiceStore, Submission
from bench.support.databases import KINDS, database_url
from bench.support.figures import Figures, against, spread_ms
from simulator.emulated import EmulatedCluster
from simulator.inference import InferenceLoad
from simulator.world import World
from traces.demand import DemandSeries

TRAINING, INFERENCE = 600, 400
JOBS = 2_000
LIMIT_MS = 200.0  # p99 of a cycle
WARM_UP_STEPS = 20
ELASTIC_SHARE = 0.4  # of arrivals
SIZES = (1, 2, 4, 8, 16, 32)  # GPUs, most jobs large enough that 500 of them fill the cluster
WEIGHTS = (1, 1, 2, 6, 4, 2)
BINS_A_DAY = 288
USER = Principal("bench", Role.SUBMITTER)
CONFIG = load_policy({})
STEP_S = CONFIG.cycle_s


@dataclass(slots=True)
class Notes:
    """What a scheduler tells of its work: seconds of cycles by loop, and of steps of cycles."""

    metrics: Metrics
    cycle_s: list[tuple[Due, float]] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)
    part_s: dict[Step, list[float]] = field(default_factory=dict)
    since: float = 0.0

    def reached(self, step: Step) -> None:
        """A step of a cycle is done."""
        now = time.perf_counter()
        if step is not Step.OBSERVED:  # what went before it is not told
            self.part_s.setdefault(step, []).append(now - self.since)
        self.since = now

    def took_in(self, inbox: Inbox) -> None:
        """Submissions were read."""
        self.metrics.fed(inbox.arrived + len(inbox.edited))

    def corrected(self, found: Sequence[Correction], known: Mapping[str, JobRecord]) -> None:
        """Jobs have ended."""
        self.metrics.corrected(found, known)

    def cycled(self, report: CycleReport, now: float) -> None:
        """A cycle has taken effect."""
        self.cycle_s.append((report.proposal.snapshot.due, report.seconds))
        self.actions.append(len(report.outcomes))
        self.metrics.cycled(report, now)

    def failed(self, error: Exception, now: float) -> None:
        """Nothing may fail here."""
        raise AssertionError(f"at {now}") from error

    def looked(self, seen: Observation, queue: JobQueue, now: float) -> None:
        """A step has ended."""
        self.metrics.seen(seen, queue, now, None)


@dataclass(slots=True)
class Bench:
    """A scheduler in mid-flight, and the user who feeds it."""

    users: ServiceStore
    store: SchedulerStore
    cluster: EmulatedCluster
    scheduler: Scheduler
    notes: Notes
    rng: random.Random
    now: float = 0.0
    submitted: int = 0

    def step(self) -> float:
        """Let time pass and as many jobs arrive as have ended; the seconds of the step then."""
        self.now += STEP_S
        self.arrive(JOBS - len(self.store.live()))
        since = time.perf_counter()
        self.scheduler.step(self.now)
        return time.perf_counter() - since

    def arrive(self, count: int) -> None:
        """Submit jobs, in one batch."""
        batch = []
        for _ in range(count):
            self.submitted += 1
            spec = _spec(f"job-{self.submitted:06d}", self.now, self.rng)
            batch.append(Submission(spec=spec, name=spec.job_id, owner=USER.name, who=USER))
        self.users.jobs.submit(batch)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--database", choices=KINDS)
    args = parser.parse_args()
    kinds = [args.database] if args.database else KINDS
    print(json.dumps({kind: _measured(kind, args.steps) for kind in kinds}, indent=2))


def _measured(kind: str, steps: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="aryl-") as folder:
        work = Path(folder)
        with database_url(kind, work) as url, closing(Database(url)) as database:
            bench = _bench(database, work)
            for _ in range(WARM_UP_STEPS):
                bench.step()
            bench.notes.cycle_s.clear()
            bench.notes.part_s.clear()
            bench.notes.actions.clear()
            step_s = [bench.step() for _ in range(steps)]
            bench.cluster.close()
            return _figures(bench, step_s)


def _bench(database: Database, work: Path) -> Bench:
    database.migrate()
    shape = build_cluster(training_servers=TRAINING, inference_servers=INFERENCE)
    wave = 1 - np.cos(2 * np.pi * np.arange(BINS_A_DAY) / BINS_A_DAY)
    demand = np.ceil(INFERENCE * (0.2 + 0.25 * wave)).astype(np.int64)
    world = World(shape, InferenceLoad(DemandSeries(demand)), CONFIG)
    term = Lease(database, "bench", time.time).acquire()
    assert term is not None, "nobody else leads"
    instant = Instant()
    cluster = EmulatedCluster(world, instant, work / "cluster.db", term=term)
    store = SchedulerStore(database, CONFIG, term=term)
    notes = Notes(Metrics(process_registry()))
    scheduler = Scheduler(CONFIG, Stage(instant, cluster, store, notes, time.perf_counter))
    users = ServiceStore.on(database, time.time)
    bench = Bench(users, store, cluster, scheduler, notes, random.Random(7))
    bench.arrive(JOBS)
    scheduler.step(0.0)
    return bench


def _figures(bench: Bench, step_s: Sequence[float]) -> dict[str, object]:
    notes = bench.notes
    cycle = spread_ms([seconds for _, seconds in notes.cycle_s])
    ticks = [seconds for due, seconds in notes.cycle_s if Due.ORCHESTRATE in due]
    return {
        "servers": TRAINING + INFERENCE,
        "live_and_running_jobs": [len(bench.store.live()), len(bench.cluster.observe().running)],
        "cycles": len(notes.cycle_s),
        "actions_per_cycle": round(sum(notes.actions) / len(notes.actions), 1),
        "cycle_ms": cycle,
        "orchestrator_cycle_ms": spread_ms(ticks),
        "step_ms": spread_ms(step_s),
        "part_ms": _parts(notes.part_s),
        "cycle_p99_ms": against(LIMIT_MS, cycle["p99"]),
    }


def _parts(part_s: Mapping[Step, Sequence[float]]) -> dict[str, Figures]:
    """Each step of a cycle; `acted` is one action's."""
    return {step.value: spread_ms(seconds) for step, seconds in part_s.items()}


def _spec(job_id: str, now: float, rng: random.Random) -> JobSpec:
    gpus = rng.choices(SIZES, WEIGHTS)[0]
    size = min(gpus, 8)
    workers = gpus // size
    duration_s = rng.lognormvariate(8.0, 1.5)
    most = workers * rng.randint(2, 4) if rng.random() < ELASTIC_SHARE else workers
    return JobSpec(
        job_id=job_id,
        submit_s=now,
        num_gpus=gpus,
        duration_s=duration_s,
        gpus_per_worker=size,
        min_workers=workers,
        max_workers=most,
        fungible=rng.random() < 0.3,
        estimated_duration_s=duration_s,
    )


if __name__ == "__main__":
    main()
