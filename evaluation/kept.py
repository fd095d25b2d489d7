"""What only a run's own files tell: jobs that ran on loan, and usage over time."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

import numpy as np

from aryl.model.errors import BadInput
from evaluation import paper
from evaluation.markdown import beside, seconds, table

DAY_S = 86_400.0
WINDOW_S = (3 * DAY_S, 5 * DAY_S)  # of Figure 7: 48 hours
LOANED = "infer-"  # what the names of inference servers begin with


def table_7(runs: Path) -> str:
    """Queuing and JCT of the jobs that ran on loan under `aryl`, and of the same under `fifo`."""
    there = {
        row["job_id"]
        for row in _rows(runs / "aryl" / "allocations.csv")
        if row["server_id"].startswith(LOANED)
    }
    rows = []
    for scheme, printed in zip(("fifo", "aryl"), paper.TABLE_7.values(), strict=True):
        jobs = [row for row in _rows(runs / scheme / "jobs.csv") if row["job_id"] in there]
        for figure, those in zip(("queuing_s", "jct_s"), printed, strict=True):
            values = [float(row[figure]) for row in jobs]
            found = (fmean(values), *np.percentile(values, (50, 95)))
            cells = [beside(seconds(f), seconds(p)) for f, p in zip(found, those, strict=True)]
            rows.append([f"{scheme}, {figure.removesuffix('_s')}", *cells])
    share = len(there) / sum(1 for _ in _rows(runs / "aryl" / "jobs.csv"))
    return table(("", "mean", "median", "p95"), rows) + f"\n\n{share:.1%} of jobs ran on loan."


def usage(run: Path, inference_gpus: int, all_gpus: int) -> tuple[list[float], list[float]]:
    """Hours of Figure 7's window, and the share of all GPUs in use in both pools."""
    hours, shares = [], []
    for row in _rows(run / "timeline.csv"):
        t_s = float(row["t_s"])
        if WINDOW_S[0] <= t_s < WINDOW_S[1]:
            busy = float(row["training_gpus_used"]) + float(row["on_loan_gpus_used"])
            busy += float(row["inference_demand_servers"]) * inference_gpus
            hours.append((t_s - WINDOW_S[0]) / 3600.0)
            shares.append(busy / all_gpus)
    return hours, shares


def on_loan_use_by_day(run: Path, server_gpus: int) -> list[float]:
    """The share of loaned GPUs in use, day by day (Figure 9)."""
    used: dict[int, float] = {}
    lent: dict[int, float] = {}
    for row in _rows(run / "timeline.csv"):
        day = int(float(row["t_s"]) // DAY_S)
        used[day] = used.get(day, 0.0) + float(row["on_loan_gpus_used"])
        lent[day] = lent.get(day, 0.0) + float(row["on_loan_servers"]) * server_gpus
    days = range(len(paper.FIGURE_9))
    return [used.get(day, 0.0) / lent[day] if lent.get(day) else 0.0 for day in days]


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    if not path.is_file():
        raise BadInput(str(path), "is not there", expected="the runs of `make evaluation`")
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
