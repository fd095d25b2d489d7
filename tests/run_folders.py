"""Made-up run folders in the form of spec §5, as lifelike as charts and tables need."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

JOB_HEAD = (
    *("job_id", "submit_s", "first_start_s", "finish_s", "queuing_s", "jct_s"),
    *("num_gpus", "gpus_per_worker", "min_workers", "max_workers"),
    *("elastic", "fungible", "heterogeneous"),
    *("preemptions", "resizes", "lost_gpu_s", "carry_in"),
)
LOAN_HEAD = ("server_id", "start_s", "reclaim_s", "end_s")
TIMELINE_HEAD = (
    *("t_s", "queued_jobs", "running_jobs", "training_gpus_used"),
    *("on_loan_servers", "on_loan_gpus_used", "inference_demand_servers", "forecast_servers"),
)
TRAINING_GPUS, POOL_SERVERS, DAY_S = 3544, 520, 86400.0


def make_summary(**changes: Any) -> dict[str, Any]:
    """A summary with the paper's figures of its scheme in its basic scenario."""
    queuing = {"mean": 2010.0, "p50": 26.0, "p75": 780.0, "p95": 3358.0, "p99": 9410.0, "max": 8e4}
    jct = {"mean": 11236.0, "p50": 568.0, "p75": 9e3, "p95": 56477.0, "p99": 2e5, "max": 9e5}
    summary = {
        "scheme": "aryl",
        "scenario": "basic",
        "seed": 1,
        "jobs": 50390,
        "rejected": [],
        "elastic_share": 0.05,
        "elastic_gpu_time_share": 0.36,
        "fungible_share": 0.21,
        "queuing_s": queuing,
        "jct_s": jct,
        "training_usage": 0.86,
        "overall_usage": 0.65,
        "on_loan_usage": 0.958,
        "preemptions": 6168,
        "preemption_ratio": 0.1224,
        "resizes": 9120,
        "loans": 4211,
        "reclaims": 3987,
        "flexible_share": 0.535,
        "collateral": 0.134,
        "lost_gpu_s": 5.4e7,
        "inference_shortfall_server_s": 7200.0,
        "cycles": 77000,
        "solver_calls": 310,
    }
    return summary | changes


def write_run(
    run_dir: Path, *, jobs: int = 400, days: float = 2.0, lends: bool = True, **changes: Any
) -> Path:
    """Write the four files that a report reads; `changes` go into the summary."""
    run_dir.mkdir(parents=True, exist_ok=True)
    summary = make_summary(jobs=jobs, **changes)
    (run_dir / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    chance = np.random.default_rng(7)
    write_rows(run_dir / "jobs.csv", JOB_HEAD, _jobs(chance, jobs, days * DAY_S))
    write_rows(run_dir / "timeline.csv", TIMELINE_HEAD, _timeline(chance, days * DAY_S, lends))
    write_rows(run_dir / "loans.csv", LOAN_HEAD, _loans(chance, days * DAY_S) if lends else ())
    return run_dir


def write_rows(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def _jobs(chance: np.random.Generator, count: int, end_s: float) -> Iterable[Sequence[object]]:
    submits = np.sort(chance.uniform(0, end_s, count))
    queuing = np.where(chance.random(count) < 0.55, 0.0, chance.lognormal(5.5, 2.2, count))
    running = chance.lognormal(6.7, 2.1, count).clip(5, 1.2e6)
    sizes = chance.choice([1, 2, 4, 8, 16, 32, 64], count, p=[0.5, 0.1, 0.1, 0.2, 0.06, 0.03, 0.01])
    for number in range(count):
        submit, wait, run = submits[number], queuing[number], running[number]
        gpus, elastic = int(sizes[number]), int(chance.random() < 0.05)
        flags = elastic, int(chance.random() < 0.21), 0, int(chance.random() < 0.1)
        times = submit, submit + wait, submit + wait + run, wait, wait + run
        yield (f"job-{number:05d}", *times, gpus, gpus, 1, 1 + elastic, *flags, 0, 0.0, 0)


def _timeline(chance: np.random.Generator, end_s: float, lends: bool) -> Iterable[Sequence[object]]:
    times = np.arange(0, end_s * 1.1, 300.0)
    day = np.sin(2 * np.pi * times / DAY_S)
    demand = np.ceil(POOL_SERVERS * (0.66 - 0.24 * day + chance.normal(0, 0.01, len(times))))
    forecast = np.ceil(demand.clip(max=POOL_SERVERS) * 1.03)
    on_loan = np.floor(0.98 * POOL_SERVERS - forecast).clip(min=0) * lends
    queued = (120 + 150 * day + chance.gamma(1.5, 30, len(times))).clip(min=0).round()
    used = (TRAINING_GPUS * (0.86 + 0.1 * day)).clip(max=TRAINING_GPUS).round()
    rows = (times, queued, used / 4, used, on_loan, on_loan * 7.6, demand, forecast)
    for row in zip(*rows, strict=True):
        yield row[0], *(int(value) for value in row[1:])


def _loans(chance: np.random.Generator, end_s: float) -> Iterable[Sequence[object]]:
    for number in range(300):
        start = float(chance.uniform(0, end_s))
        reclaim = start + float(chance.gamma(2, 3e4))
        yield f"infer-{number:04d}", start, reclaim, reclaim
