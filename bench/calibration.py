"""The numbers of docs/calibration.md: `python bench/calibration.py` prints its table.

Each seed's workload is replayed in strict FIFO order with best-fit placement on 8-GPU servers, as
`aryl sim run --scheme fifo --cluster paper` does, in a second instead of ten.
"""

import heapq
from bisect import bisect_right
from collections.abc import Mapping
from math import gcd, inf

import numpy as np
from numpy.typing import NDArray

from aryl.model.capacity import FreeIndex, Group
from traces.synthetic import Extent, Workload, draw_workload
from traces.synthetic_recipe import PAPER

SEEDS = 5
GPUS_PER_SERVER = 8
CYCLE_S = 10.0  # the simulator's default (spec: at most one cycle in that time)
BIN_S = 7_200.0  # the bins of the paper's Fig 2
TRAINING = (Group.TRAINING,)

Array = NDArray[np.float64]

# Paper §9 and Table 5; what is missing here the paper does not give.
PAPER_FIGURES = {
    "jobs": 50_390.0,
    "queuing mean": 3_072.0,
    "queuing p50": 55.0,
    "queuing p75": 1_892.0,
    "queuing p95": 8_357.0,
    "queuing p99": 14_323.0,
    "JCT mean": 16_610.0,
    "JCT p50": 791.0,
    "JCT p75": 29_163.0,
    "JCT p95": 82_933.0,
    "JCT p99": 376_513.0,
    "mean run time": 13_538.0,
    "training usage": 0.72,
    "share that queues, mean of 2-hour bins": 0.38,
}


def main() -> None:
    """Print the table: the paper, seed 0, and the range over the seeds."""
    columns = [figures_of(seed) for seed in range(SEEDS)]
    print(f"| figure | paper | seed 0 | off | seeds 0 to {SEEDS - 1} |")
    print("|---|---|---|---|---|")
    for name, first in columns[0].items():
        values = [column[name] for column in columns]
        paper = PAPER_FIGURES.get(name)
        off = f"{first / paper - 1:+.0%}" if paper else ""
        spread = f"{_number(min(values))} to {_number(max(values))}"
        shown = _number(paper) if paper is not None else "not given"
        print(f"| {name} | {shown} | {_number(first)} | {off} | {spread} |")


def figures_of(seed: int) -> Mapping[str, float]:
    """Draw the default workload of a seed, replay it, and measure what the paper gives."""
    extent = Extent()
    workload = draw_workload(seed, extent, PAPER)
    start_s = fifo_starts_s(workload, extent.gpus // GPUS_PER_SERVER)
    queuing_s = start_s - workload.submit_s
    return {
        "jobs": float(len(queuing_s)),
        **_distribution("queuing", queuing_s),
        **_distribution("JCT", queuing_s + workload.duration_s),
        "mean run time": float(workload.duration_s.mean()),
        "training usage": usage(workload, start_s, extent.gpus),
        "share that queues, mean of 2-hour bins": share_queuing(workload, queuing_s),
        "share that queues, of all submissions": float((queuing_s > CYCLE_S).mean()),
        "GPUs per job": float(workload.num_gpus.mean()),
        "share of multi-GPU jobs": float((workload.num_gpus > 1).mean()),
    }


def fifo_starts_s(workload: Workload, servers: int) -> Array:
    """When each job starts if the head of the queue blocks all behind it."""
    index = FreeIndex([GPUS_PER_SERVER] * servers, [Group.TRAINING] * servers)
    running: list[tuple[float, int, dict[int, int]]] = []
    submits_s, gpus = workload.submit_s.tolist(), workload.num_gpus.tolist()
    duration_s = workload.duration_s.tolist()
    starts_s: list[float] = []
    now, arrived = -CYCLE_S, 0
    while (head := len(starts_s)) < len(gpus):
        submit_s = submits_s[arrived] if arrived < len(gpus) else inf
        end_s = running[0][0] if running else inf
        now = max(min(submit_s, end_s), now + CYCLE_S)
        arrived = bisect_right(submits_s, now)
        while running and running[0][0] <= now:
            _, place, held = heapq.heappop(running)
            _add_free(index, held, _worker_gpus(gpus[place]))
        while head < arrived and (held := _servers_for(index, gpus[head])):
            _add_free(index, held, -_worker_gpus(gpus[head]))
            heapq.heappush(running, (now + duration_s[head], head, held))
            starts_s.append(now)
            head += 1
    return np.array(starts_s)


def _worker_gpus(num_gpus: int) -> int:
    return num_gpus if num_gpus <= GPUS_PER_SERVER else gcd(num_gpus, GPUS_PER_SERVER)


def _servers_for(index: FreeIndex, num_gpus: int) -> dict[int, int]:
    """How many of the job's workers each server takes by best fit; empty when not all fit."""
    size = _worker_gpus(num_gpus)
    workers = num_gpus // size
    if index.workers_that_fit(TRAINING, size) < workers:
        return {}
    return index.best_fit(TRAINING, size, workers, {})


def _add_free(index: FreeIndex, held: Mapping[int, int], gpus: int) -> None:
    for server, workers in held.items():
        index.move(server, index.free[server] + workers * gpus, Group.TRAINING)


def usage(workload: Workload, start_s: Array, gpus: int) -> float:
    """The share of GPU-time in use between the first and the last submission."""
    first, last = workload.submit_s[0], workload.submit_s[-1]
    end_s = np.clip(start_s + workload.duration_s, first, last)
    held_s = end_s - np.clip(start_s, first, last)
    return float((held_s * workload.num_gpus).sum() / (gpus * (last - first)))


def share_queuing(workload: Workload, queuing_s: Array) -> float:
    """The share of submissions that wait longer than a cycle, averaged over 2-hour bins."""
    bins = (workload.submit_s // BIN_S).astype(np.int64)
    count = np.bincount(bins)
    waiting = np.bincount(bins, weights=queuing_s > CYCLE_S)
    return float((waiting[count > 0] / count[count > 0]).mean())


def _distribution(name: str, values: Array) -> dict[str, float]:
    quantiles = {f"{name} p{q}": float(np.percentile(values, q)) for q in (50, 75, 95, 99)}
    return {f"{name} mean": float(values.mean()), **quantiles}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 2 else f"{value:.2f}"


if __name__ == "__main__":
    main()
