"""A leader on Kubernetes with 1,000 nodes and 5,000 pods: a real API server, kubelets played.

    python bench/kube.py [--steps 100] [--scale 1.0]

1. *start*: a job of 64 workers on the empty cluster, with the usual limits on writes: until all are
   bound.
2. *steady*: 1,000 jobs are alive, as many as fit run. Before each step, 10 s of cluster time after
   the last, two jobs have ended, as many arrive, five inference pods have gone and five have come.
   A step waits for the server's answers to all that it writes; `thinking` is the rest, `cpu` what
   its thread computes, whatever else the machine does. Writes are not throttled here, as steps
   follow one another faster than time does. kube-scheduler's questions are put to another process
   of the service at the same time.
3. *resync*: a new leader, until its first decisions are written.

`memory` is the peak of this process, which does what the daemon does. API server, etcd and kubelets
share the machine with it. Prints one JSON object. Takes four minutes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from aryl.store import Database
from bench.support.figures import Figures, against, spread_ms
from bench.support.kube_leader import Leader, Took
from bench.support.kube_world import Remote, Size, can_play, far_world

JOBS = 1_000  # alive
WIDE = 64  # workers of the job that starts alone
ENDING, MOVING = 2, 5  # jobs and inference pods, before each step
CALM_S = 0.3  # until a watch has told of what was done
WARM_UP = 5
RESYNCS = 3
RESYNC_S, STEP_MS, MEMORY_MIB, EXTENDER_MS = 10.0, 500.0, 500.0, 10.0
EXTENDER = Path(__file__).with_name("extender.py")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--scale", type=float, default=1.0)
    args = parser.parse_args()
    if not can_play():
        print("left out: needs a Kubernetes control plane; `make control-plane` builds one")
        return
    print(json.dumps(_measured(args.steps, args.scale), indent=2))


def _measured(steps: int, scale: float) -> dict[str, object]:
    size = Size(*(round(n * scale) for n in (600, 400, 1_900, 600)))
    with (
        tempfile.TemporaryDirectory(prefix="aryl-") as folder,
        closing(Database(f"sqlite:///{folder}/aryl.db")) as database,
        far_world(size) as world,
    ):
        world.ask("populate")
        leader = Leader(database, world.kubeconfig, round(JOBS * scale))
        wide = _started(leader, world, round(WIDE * min(1.0, scale)))
        filling = _filled(leader, world)
        steady = _steady(leader, world, steps)
        resyncs = [_resync(leader) for _ in range(RESYNCS)]
        pods, lent = world.ask("pods"), len(leader.cluster.observe().loans)
        leader.end()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    slowest = max(resyncs, key=lambda found: found["whole_s"])
    return {
        "nodes": size.training + size.inference,
        "pods": pods,
        "lent": lent,
        "load": os.getloadavg(),
        "start": wide,
        "filling": filling,
        **steady,
        "resyncs": resyncs,
        "resync_s": against(RESYNC_S, slowest["whole_s"]),
        "memory_mib": against(MEMORY_MIB, peak_mib),
    }


def _started(leader: Leader, world: Remote, workers: int) -> Figures:
    """A wide job alone, until all its workers are bound."""
    leader.begin(throttled=True)
    leader.rest()  # what nodes are marked with is not counted
    leader.submit(workers)
    api, steps = leader.api, 0
    since, writes, requests = time.perf_counter(), api.writes, api.requests
    while world.ask("workers").get("bound", 0) < workers:
        leader.step()
        steps += 1
    return {
        "workers": workers,
        "until_all_are_bound_s": round(time.perf_counter() - since, 2),
        "writes": api.writes - writes,
        "requests": api.requests - requests,
        "steps": steps,
    }


def _filled(leader: Leader, world: Remote) -> Figures:
    """All jobs arrive at once: until nothing is left to write."""
    leader.begin()
    leader.arrive()
    since, writes = time.perf_counter(), leader.api.writes
    leader.rest()
    taken_s = time.perf_counter() - since
    return {
        "seconds": round(taken_s, 1),
        "writes_per_s": round((leader.api.writes - writes) / taken_s, 1),
        "workers": world.ask("workers").get("bound", 0),
    }


def _steady(leader: Leader, world: Remote, steps: int) -> dict[str, object]:
    """Steps while jobs and inference pods come and go, and kube-scheduler asks."""
    took: list[Took] = []
    writes: list[int] = []
    with _asked_meanwhile() as questions:
        for number in range(WARM_UP + steps):
            world.ask("churn", ENDING, MOVING)
            leader.arrive()
            time.sleep(CALM_S)
            before, step = leader.api.writes, leader.step()
            if number >= WARM_UP:
                took.append(step)
                writes.append(leader.api.writes - before)
    leader.rest()
    quiet = [leader.step() for _ in range(10)]
    step_ms = spread_ms([step.whole_s for step in took])
    extender = json.loads(questions[0])["filter_ms"]
    return {
        "live_and_running_jobs": [
            len(leader.store.live()),
            len(leader.cluster.observe().running),
        ],
        "steps": steps,
        "writes_per_step": round(sum(writes) / steps, 1),
        "step_ms": step_ms,
        "thinking_ms": spread_ms([step.whole_s - step.waited_s for step in took]),
        "cpu_ms": spread_ms([step.cpu_s for step in took]),
        "nothing_new_ms": spread_ms([step.whole_s for step in quiet]),
        "extender_filter_ms": extender,
        "step_p99_ms": against(STEP_MS, step_ms["p99"]),
        "extender_p99_ms": against(EXTENDER_MS, extender["p99"]),
    }


@contextmanager
def _asked_meanwhile() -> Iterator[list[str]]:
    """What bench/extender.py prints, run beside the block; there once the block has ended."""
    printed: list[str] = []
    command = [sys.executable, str(EXTENDER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:  # noqa: S603 - ours
        try:
            yield printed
        except BaseException:
            asking.terminate()
            raise
        printed.append(asking.communicate()[0])


def _resync(leader: Leader) -> Figures:
    """A new leader sees everything and decides, as after a crash."""
    leader.end()
    since = time.perf_counter()
    seen_s = leader.begin()
    step = leader.step()
    return {
        "seen_s": round(seen_s, 2),
        "first_step_s": round(step.whole_s, 2),
        "of_it_cpu_s": round(step.cpu_s, 2),
        "whole_s": round(time.perf_counter() - since, 2),
    }


if __name__ == "__main__":
    main()
