"""One decision on a large cluster: 1,000 servers, 500 running and 1,000 queued, 300 elastic.

    python bench/decision.py [--decisions 300]

Each decision follows a random finish or arrival, so that something has changed. Prints one JSON
object: milliseconds of `decide` alone and of a whole `propose` (observe, decide, check, record),
and the same decision's ratio to sorting its 1,500 jobs, which a machine's speed cancels out of.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from aryl.engine.cycle import Ports, carry_out, propose
from aryl.model.cluster import Cluster, build_cluster
from aryl.model.job import Job, JobSpec
from aryl.model.plan import LoanServer
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Due
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from aryl.policy.rules import rules_of
from simulator.clock import VirtualClock
from simulator.cluster import SimulatedCluster
from simulator.events import EventQueue
from simulator.inference import InferenceLoad
from simulator.journal import Journal
from simulator.store import MemoryStore
from simulator.world import World
from traces.demand import DemandSeries

TRAINING, ON_LOAN = 600, 400
RUNNING, QUEUED = 500, 1000
ELASTIC_SHARE = 0.4  # of arrivals; elastic jobs are first more often, and 300 come to run
SIZES = (1, 2, 4, 8, 16, 32)  # GPUs, most jobs large enough that 500 of them fill the cluster
WEIGHTS = (1, 1, 2, 6, 4, 2)


CONFIG = load_policy({"cycle_s": 0})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """Milliseconds of decide, propose and the sort; jobs that ran, waited and were elastic."""

    milliseconds: tuple[float, float, float]
    sizes: tuple[int, int, int]


@dataclass(slots=True)
class Stage:
    """A cluster in mid-flight, with jobs to come."""

    cluster: SimulatedCluster
    store: MemoryStore
    ports: Ports
    journal: Journal
    clock: VirtualClock
    rng: random.Random
    arrived: int = 0

    def arrive(self, count: int) -> None:
        """Submit jobs."""
        for _ in range(count):
            self.arrived += 1
            spec = _spec(self.arrived, self.rng)
            job = Job(spec)
            self.journal.submitted(spec, self.clock.now())
            self.store.submit(job)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=300)
    args = parser.parse_args()
    shape = build_cluster(training_servers=TRAINING, inference_servers=ON_LOAN)
    stage = _stage(shape, World(shape, InferenceLoad(_no_demand()), CONFIG))
    samples = [_sample(stage) for _ in range(args.decisions)]
    decide_ms, propose_ms, sort_ms = zip(*(sample.milliseconds for sample in samples), strict=True)
    sizes = zip(*(sample.sizes for sample in samples), strict=True)
    ratio = statistics.median(decide_ms) / statistics.median(sort_ms)
    figures = {
        "servers": len(shape.servers),
        "median_running_queued_elastic": [round(statistics.median(size)) for size in sizes],
        "decide_ms": _spread(decide_ms),
        "propose_ms": _spread(propose_ms),
        "decide_to_sort_ratio": round(ratio, 2),
    }
    print(json.dumps(figures, indent=2))


def _sample(stage: Stage) -> Sample:
    """Time one decision after a change, and let it take effect."""
    _change(stage)
    proposal, propose_ms = _timed(lambda: propose(stage.ports, CONFIG, Due.SCHEDULE))
    snapshot = proposal.snapshot
    _, decide_ms = _timed(lambda: decide(snapshot, CONFIG))
    jobs = [*snapshot.queue.jobs.values(), *snapshot.running.values()]
    _, sort_ms = _timed(lambda: sorted(jobs, key=rules_of(CONFIG).rank))
    carry_out(stage.ports, proposal)
    sizes = len(snapshot.running), len(snapshot.queue), len(snapshot.elastic)
    return Sample((decide_ms, propose_ms, sort_ms), sizes)


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    since = time.perf_counter()
    result = call()
    return result, 1e3 * (time.perf_counter() - since)


def _stage(shape: Cluster, world: World) -> Stage:
    clock, events = VirtualClock(), EventQueue()
    journal = Journal((0.0, 1.0), ON_LOAN)
    cluster = SimulatedCluster(world, clock, events, journal)
    store = MemoryStore(rules_of(world.config))
    ports = Ports(clock, cluster, store, time.perf_counter)
    for server in shape.inference_servers:
        cluster.apply(LoanServer(server.id, because(ReasonCode.LENT)))
    stage = Stage(cluster, store, ports, journal, clock, random.Random(7))
    stage.arrive(RUNNING + QUEUED)
    carry_out(ports, propose(ports, world.config, Due.SCHEDULE))
    stage.arrive(max(0, QUEUED - len(store)))
    return stage


def _change(stage: Stage) -> None:
    """Let one running job finish and one arrive."""
    running = stage.cluster.observe().running
    job_id = stage.rng.choice(sorted(running))
    stage.cluster.end(job_id)
    stage.store.finish(job_id)
    stage.arrive(1)


def _spec(number: int, rng: random.Random) -> JobSpec:
    gpus = rng.choices(SIZES, WEIGHTS)[0]
    size = min(gpus, 8)
    workers = gpus // size
    duration_s = rng.lognormvariate(8.0, 1.5)
    most = workers * rng.randint(2, 4) if rng.random() < ELASTIC_SHARE else workers
    return JobSpec(
        job_id=f"job-{number:06d}",
        submit_s=0.0,
        num_gpus=gpus,
        duration_s=duration_s,
        gpus_per_worker=size,
        min_workers=workers,
        max_workers=most,
        fungible=rng.random() < 0.3,
        estimated_duration_s=duration_s,
    )


def _no_demand() -> DemandSeries:
    return DemandSeries(np.zeros(1, dtype=np.int64))


def _spread(values: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, (50, 99))
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(max(values), 3)}


if __name__ == "__main__":
    main()
