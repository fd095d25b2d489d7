"""Reads Microsoft's Philly trace: the JSON file `cluster_job_log` (msr-fiddle/philly-traces).

A job is a list of attempts, as Philly retried what failed. Its GPUs are those of its first attempt
that held any; its run time is the time that all attempts held GPUs, the gaps left out. Jobs that
were still running when the log was taken have no end and are dropped.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aryl.model.errors import BadInput
from traces.job import TraceJob
from traces.public import (
    BACKWARDS,
    NEVER_STARTED,
    NO_END,
    NO_GPU,
    NO_SUBMISSION,
    Cell,
    Converted,
    Dropped,
    converted,
    time_in,
)
from traces.raw import open_text


def read_philly(path: Path) -> Converted:
    """Read `cluster_job_log`; raises BadInput for what is not in its format."""
    with open_text(path) as stream:
        try:
            entries = json.load(stream)
        except json.JSONDecodeError as error:
            raise BadInput(str(path), f"is not JSON ({error.msg})", row=error.lineno) from error
    if not isinstance(entries, list):
        raise BadInput(str(path), "is not a list of jobs", expected="a JSON list")
    return converted(path, _outcomes(str(path), entries), has_dates=True)


def _outcomes(file: str, entries: list[Any]) -> Iterator[TraceJob | Dropped]:
    for row, entry in enumerate(entries, start=1):
        try:
            yield _outcome(file, row, entry)
        except (KeyError, TypeError, AttributeError) as error:
            problem = f"is not a job of the Philly log ({error!r})"
            expected = "an object with jobid, submitted_time and attempts"
            raise BadInput(file, problem, row, expected=expected) from error


def _outcome(file: str, row: int, entry: Mapping[str, Any]) -> TraceJob | Dropped:
    attempts = entry["attempts"]
    if not attempts:
        return Dropped(NEVER_STARTED)
    num_gpus = next(filter(None, map(_gpus, attempts)), 0)
    if not num_gpus:
        return Dropped(NO_GPU)
    submit_s = _time(file, row, "submitted_time", entry["submitted_time"])
    if submit_s is None:
        return Dropped(NO_SUBMISSION)
    spans = [
        (
            _time(file, row, "start_time", attempt["start_time"]),
            _time(file, row, "end_time", attempt["end_time"]),
        )
        for attempt in attempts
    ]
    ran_s = _held_s(spans)
    if isinstance(ran_s, Dropped):
        return ran_s
    return TraceJob(
        line=row,
        job_id=str(entry["jobid"]),
        submit_s=submit_s,
        num_gpus=num_gpus,
        duration_s=ran_s,
        user=entry.get("user") or None,
        queue=entry.get("vc") or None,
        status=entry.get("status") or None,
    )


def _gpus(attempt: Mapping[str, Any]) -> int:
    return sum(len(server["gpus"]) for server in attempt["detail"])


def _held_s(spans: list[tuple[float | None, float | None]]) -> float | Dropped:
    """Add up the attempts; those without both times are gaps in the log and count nothing."""
    whole = [(start, end) for start, end in spans if start is not None and end is not None]
    if not whole:
        started = any(start is not None for start, _ in spans)
        return Dropped(NO_END if started else NEVER_STARTED)
    if spans[-1][1] is None:
        return Dropped(NO_END)
    if any(end < start for start, end in whole):
        return Dropped(BACKWARDS)
    return sum(end - start for start, end in whole)


def _time(file: str, row: int, column: str, value: object) -> float | None:
    return time_in(Cell(file, row, column, "" if value is None else str(value).strip()))
