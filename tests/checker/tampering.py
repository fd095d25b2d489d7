"""Copies of a run that break one rule each, to see that the checker finds it."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

Row = dict[str, str]
TABLES = ("jobs", "allocations", "loans", "timeline")


@dataclass(frozen=True, slots=True)
class Tables:
    """A run's files and its trace, to be changed at will."""

    trace: list[Row]
    jobs: list[Row]
    allocations: list[Row]
    loans: list[Row]
    timeline: list[Row]
    summary: dict[str, Any]

    def job(self, job_id: str) -> Row:
        """The row of jobs.csv."""
        return next(row for row in self.jobs if row["job_id"] == job_id)

    def asked(self, job_id: str) -> Row:
        """The row of the trace."""
        return next(row for row in self.trace if row["job_id"] == job_id)

    def held(self, **wanted: str) -> Iterator[Row]:
        """Rows of allocations.csv of some length whose columns begin so."""
        for row in self.allocations:
            fits = all(row[name].startswith(text) for name, text in wanted.items())
            if fits and row["start_s"] != row["end_s"]:
                yield row

    def rows_of(self, job_id: str) -> list[Row]:
        """All that a job held."""
        return [row for row in self.allocations if row["job_id"] == job_id]

    def preempted(self) -> tuple[str, str, str]:
        """A preempted job, with the times of a preemption and of its next start."""
        for job in self.jobs:
            if int(job["preemptions"]):
                bases = [r for r in self.rows_of(job["job_id"]) if r["kind"] == "base"]
                spans = sorted({(float(r["start_s"]), float(r["end_s"])) for r in bases})
                for before, after in pairwise(spans):
                    if before[0] < before[1] < after[0]:
                        return job["job_id"], str(before[1]), str(after[0])
        raise LookupError("the run preempts nobody")


Tampering = Callable[[Tables], None]


def tampered(run_dir: Path, trace: Path, copy: Path, tampering: Tampering) -> tuple[Path, Path]:
    """Change a copy of a run; the copy and its trace."""
    shutil.copytree(run_dir, copy)
    summary = json.loads((copy / "summary.json").read_text(encoding="utf-8"))
    rows = {name: _read(copy / f"{name}.csv") for name in TABLES}
    tables = Tables(_read(trace), **rows, summary=summary)
    tampering(tables)
    for name in TABLES:
        _write(copy / f"{name}.csv", getattr(tables, name))
    (copy / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    _write(copy / "trace.csv", tables.trace)
    return copy, copy / "trace.csv"


def add(row: Row, column: str, amount: float) -> None:
    """Add to a number in a row, which stays whole where it was."""
    whole = row[column].isdigit()
    row[column] = str(int(row[column]) + round(amount) if whole else float(row[column]) + amount)


def more_workers(row: Row, workers: int) -> None:
    """Let a row of allocations.csv hold more workers, with their GPUs."""
    size = int(row["gpus"]) // int(row["workers"])
    add(row, "workers", workers)
    row["gpus"] = str(int(row["workers"]) * size)


def _read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> None:
    columns = list(rows[0]) if rows else path.read_text(encoding="utf-8").split("\n")[0].split(",")
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.DictWriter(file, columns, lineterminator="\n")
        lines.writeheader()
        lines.writerows(rows)
