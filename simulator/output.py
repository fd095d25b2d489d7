"""Writes a run's files (spec §5)."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from aryl.model.errors import BadInput
from simulator.journal import Allocation, JobRecord
from simulator.observer import Sight
from simulator.summary import Finished, summary_of, timing_of

JOB_COLUMNS = (
    "job_id",
    "submit_s",
    "first_start_s",
    "finish_s",
    "queuing_s",
    "jct_s",
    "num_gpus",
    "gpus_per_worker",
    "min_workers",
    "max_workers",
    "elastic",
    "fungible",
    "heterogeneous",
    "preemptions",
    "resizes",
    "lost_gpu_s",
    "carry_in",
)
ALLOCATION_COLUMNS = ("job_id", "server_id", "kind", "workers", "gpus", "start_s", "end_s")
LOAN_COLUMNS = ("server_id", "start_s", "reclaim_s", "end_s")


EVENTS, ALLOCATIONS = "events.jsonl", "allocations.csv"


def check_folder(out: Path) -> None:
    """Refuse an output folder that is a file. Raises `BadInput`."""
    if out.exists() and not out.is_dir():
        raise BadInput("--out", "is a file", value=str(out), expected="a folder, or a new path")


def open_folder(out: Path) -> None:
    """Make the folder and try to write to it. Raises `BadInput` where that fails."""
    check_folder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _part_of(out / EVENTS).touch()
        _part_of(out / EVENTS).unlink()
    except OSError as error:
        problem = f"can't be written to: {error.strerror}"
        raise BadInput("--out", problem, value=str(out), expected="a folder of yours") from error


@contextmanager
def growing(path: Path) -> Iterator[IO[str]]:
    """A file that has its name once it is whole; where writing breaks off, it is gone."""
    part = _part_of(path)
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def allocations_in(out: Path) -> Iterator[Callable[[Allocation], object]]:
    """Take allocations one by one, as they end, into their table in a folder."""
    with growing(out / ALLOCATIONS) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(ALLOCATION_COLUMNS)
        yield rows.writerow


def write_run(run: Finished, out: Path) -> dict[str, Any]:
    """Write the tables of a run into a folder, but for allocations, and its summary."""
    journal = run.journal
    _write_table(out / "jobs.csv", JOB_COLUMNS, map(_job_row, journal.jobs.values()))
    loans = sorted(journal.loans, key=lambda loan: (loan.start_s, loan.server_id))
    _write_table(out / "loans.csv", LOAN_COLUMNS, loans)
    _write_table(out / "timeline.csv", Sight._fields, run.observer.timeline)
    summary = summary_of(run)
    _write_json(out / "summary.json", summary)
    _write_json(out / "timing.json", timing_of(run))
    return summary


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _job_row(record: JobRecord) -> Sequence[object]:
    spec, finish_s = record.spec, record.finish_s
    assert finish_s is not None, "a run ends when every job has ended"
    return (
        spec.job_id,
        spec.submit_s,
        record.first_start_s,
        finish_s,
        record.queuing_s,
        finish_s - spec.submit_s,
        spec.num_gpus,
        spec.gpus_per_worker,
        spec.min_workers,
        spec.max_workers,
        int(spec.is_elastic),
        int(spec.fungible),
        int(spec.heterogeneous),
        record.preemptions,
        record.resizes,
        record.lost_gpu_s,
        int(spec.carry_in),
    )


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
