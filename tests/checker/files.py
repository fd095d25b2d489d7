"""Reads a run's files and its trace as plain rows."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd, inf
from pathlib import Path
from typing import Any, NamedTuple

UNDRAWN = dict.fromkeys(
    ("elastic_jobs", "fungible_jobs", "heterogeneous_jobs", "checkpoint_jobs", "checkpoint_s"), 0.0
) | {"range": 1.0}


class Asked(NamedTuple):
    """A row of the trace; None: the trace leaves it open."""

    submit_s: float
    num_gpus: int
    duration_s: float
    gpus_per_worker: int | None
    min_workers: int | None
    max_workers: int | None
    allowed_workers: tuple[int, ...]
    fungible: bool | None
    heterogeneous: bool | None
    checkpoint_s: float
    carry_in: bool

    def worker_gpus(self, server_gpus: int) -> int:
        """The GPUs of a worker, by default what fits on servers without a rest."""
        if self.gpus_per_worker:
            return self.gpus_per_worker
        return self.num_gpus if self.num_gpus <= server_gpus else gcd(self.num_gpus, server_gpus)


class Ended(NamedTuple):
    """A row of jobs.csv."""

    job_id: str
    submit_s: float
    first_start_s: float
    finish_s: float
    queuing_s: float
    jct_s: float
    num_gpus: int
    gpus_per_worker: int
    min_workers: int
    max_workers: int
    elastic: bool
    fungible: bool
    heterogeneous: bool
    preemptions: int
    resizes: int
    lost_gpu_s: float
    carry_in: bool

    @property
    def requested_workers(self) -> int:
        """The workers at which the job takes its `duration_s`."""
        return self.num_gpus // self.gpus_per_worker


class Held(NamedTuple):
    """A row of allocations.csv."""

    job_id: str
    server_id: str
    kind: str
    workers: int
    gpus: int
    start_s: float
    end_s: float

    @property
    def is_base(self) -> bool:
        """Whether base workers are meant."""
        return self.kind == "base"

    @property
    def is_on_loan(self) -> bool:
        """Whether the server's home is the inference pool."""
        return self.server_id.startswith("infer-")


class Lent(NamedTuple):
    """A row of loans.csv; an open time is infinite."""

    server_id: str
    start_s: float
    reclaim_s: float
    end_s: float


class Seen(NamedTuple):
    """A row of timeline.csv; a forecast that there was not is None."""

    t_s: float
    queued_jobs: int
    running_jobs: int
    training_gpus_used: int
    on_loan_servers: int
    on_loan_gpus_used: int
    inference_demand_servers: int
    forecast_servers: float | None


@dataclass(frozen=True)
class RunFiles:
    """All that a run has written, beside all that it was given."""

    asked: Mapping[str, Asked]
    jobs: Sequence[Ended]
    held: Sequence[Held]
    loans: Sequence[Lent]
    timeline: Sequence[Seen]
    summary: Mapping[str, Any]

    @property
    def workload(self) -> Mapping[str, float]:
        """What was drawn for the jobs."""
        return self.summary["workload"] or UNDRAWN

    @cached_property
    def end_s(self) -> float:
        """When the last job ended."""
        return max((job.finish_s for job in self.jobs), default=0.0)

    @cached_property
    def measured(self) -> list[Ended]:
        """The jobs that statistics count."""
        return [job for job in self.jobs if not job.carry_in]

    @cached_property
    def held_by(self) -> Mapping[str, list[Held]]:
        """Rows of allocations.csv by job."""
        rows: dict[str, list[Held]] = defaultdict(list)
        for row in self.held:
            rows[row.job_id].append(row)
        return rows

    @cached_property
    def loans_of(self) -> Mapping[str, list[Lent]]:
        """Rows of loans.csv by server, first lent first."""
        rows: dict[str, list[Lent]] = defaultdict(list)
        for row in sorted(self.loans, key=lambda loan: loan.start_s):
            rows[row.server_id].append(row)
        return rows


def read_run(run_dir: Path, trace: Path) -> RunFiles:
    """Read the files of spec §5 and the trace that they came from.

    Which jobs a scenario lets write checkpoints no file says, unless it is all or none of them.
    """
    summary = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    workload = summary["workload"] or UNDRAWN
    assert workload["checkpoint_jobs"] in {0, 1}, "nobody can tell what a preemption loses"
    checkpoint_s = workload["checkpoint_jobs"] and workload["checkpoint_s"]
    return RunFiles(
        {row["job_id"]: _asked(row, checkpoint_s) for row in _rows(trace)},
        [_ended(row) for row in _rows(run_dir / "jobs.csv")],
        [_held(row) for row in _rows(run_dir / "allocations.csv")],
        [_lent(row) for row in _rows(run_dir / "loans.csv")],
        [_seen(row) for row in _rows(run_dir / "timeline.csv")],
        summary,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _asked(row: Mapping[str, str], drawn_checkpoint_s: float) -> Asked:
    def whole(name: str) -> int | None:
        return int(row[name]) if row.get(name) else None

    allowed = row.get("allowed_workers") or ""

    def flag(name: str) -> bool | None:
        return row[name] == "1" if row.get(name) else None

    return Asked(
        float(row["submit_s"]),
        int(row["num_gpus"]),
        float(row["duration_s"]),
        whole("gpus_per_worker"),
        whole("min_workers"),
        whole("max_workers"),
        tuple(int(part) for part in allowed.split("|") if part),
        flag("fungible"),
        flag("heterogeneous"),
        float(row.get("checkpoint_s") or 0.0) or drawn_checkpoint_s,
        row.get("carry_in") == "1",
    )


def _ended(row: Mapping[str, str]) -> Ended:
    names = Ended._fields
    return Ended._make(
        (
            row["job_id"],
            *(float(row[name]) for name in names[1:6]),
            *(int(row[name]) for name in names[6:10]),
            *(row[name] == "1" for name in names[10:13]),
            int(row["preemptions"]),
            int(row["resizes"]),
            float(row["lost_gpu_s"]),
            row["carry_in"] == "1",
        )
    )


def _held(row: Mapping[str, str]) -> Held:
    return Held(
        row["job_id"],
        row["server_id"],
        row["kind"],
        int(row["workers"]),
        int(row["gpus"]),
        float(row["start_s"]),
        float(row["end_s"]),
    )


def _lent(row: Mapping[str, str]) -> Lent:
    return Lent(
        row["server_id"],
        float(row["start_s"]),
        float(row["reclaim_s"] or inf),
        float(row["end_s"] or inf),
    )


def _seen(row: Mapping[str, str]) -> Seen:
    forecast = row["forecast_servers"]
    counts = [int(row[name]) for name in Seen._fields[1:-1]]
    return Seen._make((float(row["t_s"]), *counts, float(forecast) if forecast else None))
