"""Reads a run's own output files (spec §5) as arrays, for reports on it."""

import csv
import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aryl.model.errors import BadInput

Column = NDArray[np.float64]
Columns = Mapping[str, Column]

JOB_NUMBERS = (
    "submit_s",
    "queuing_s",
    "jct_s",
    "num_gpus",
    "elastic",
    "fungible",
    "heterogeneous",
    "preemptions",
    "resizes",
    "carry_in",
)
LOAN_NUMBERS = ("start_s", "reclaim_s", "end_s")
TIMELINE_NUMBERS = (
    "t_s",
    "queued_jobs",
    "running_jobs",
    "training_gpus_used",
    "on_loan_servers",
    "on_loan_gpus_used",
    "inference_demand_servers",
    "forecast_servers",
)


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run left behind; columns are float64, NaN where the file has no value.

    `jobs` and `job_ids` leave out carried-in jobs, as every statistic does (spec §3).
    """

    summary: Mapping[str, Any]
    job_ids: tuple[str, ...]
    jobs: Columns
    loans: Columns
    timeline: Columns


def read_run(run_dir: Path) -> RunOutput:
    """Read summary, jobs, loans and timeline of a run folder; refuse missing files and columns."""
    ids, jobs = read_jobs(run_dir)
    return RunOutput(
        summary=read_summary(run_dir),
        job_ids=ids,
        jobs=jobs,
        loans=_read_numbers(run_dir / "loans.csv", LOAN_NUMBERS),
        timeline=_read_numbers(run_dir / "timeline.csv", TIMELINE_NUMBERS),
    )


def read_summary(run_dir: Path) -> dict[str, Any]:
    """Read summary.json of a run folder."""
    path = run_dir / "summary.json"
    _require(path)
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return summary


def read_jobs(run_dir: Path) -> tuple[tuple[str, ...], Columns]:
    """Read names and numbers of the jobs that count, in the file's order."""
    path = run_dir / "jobs.csv"
    columns = _read_numbers(path, JOB_NUMBERS)
    counted = columns["carry_in"] != 1
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        place = _places(path, next(rows), ("job_id",))[0]
        ids = tuple(row[place] for row, counts in zip(rows, counted, strict=True) if counts)
    return ids, {name: values[counted] for name, values in columns.items()}


def _read_numbers(path: Path, names: Sequence[str]) -> Columns:
    _require(path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        pick = itemgetter(*_places(path, next(rows, []), names))
        # One flat array of doubles: a long run's columns never stand in memory as strings.
        flat = array("d", (float(text or "nan") for row in rows for text in pick(row)))
    table = np.frombuffer(flat, dtype=np.float64) if flat else np.empty(0)
    return dict(zip(names, table.reshape(-1, len(names)).T.copy(), strict=True))


def _places(path: Path, header: list[str], names: Sequence[str]) -> list[int]:
    for name in names:
        if name not in header:
            raise BadInput(str(path), "is missing", row=1, column=name)
    return [header.index(name) for name in names]


def _require(path: Path) -> None:
    if not path.is_file():
        raise BadInput(str(path), "is missing", expected="a file that `aryl sim run` writes")
