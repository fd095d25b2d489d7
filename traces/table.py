"""The one form that every trace is read into: a table of jobs (spec §3)."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from sys import intern
from typing import Any

from aryl.model.errors import BadInput
from traces.columns import (
    FLAG,
    INTEGER,
    LABEL,
    NAME,
    NUMBER,
    SECONDS,
    SIZE,
    SIZES,
    Field,
    parse_column,
)
from traces.job import NAMES, REQUIRED, Trace, TraceJob, trace_of
from traces.raw import Block, read_blocks
from traces.specs import job_specs

__all__ = ["Trace", "TraceJob", "job_specs", "read_trace", "trace_of"]


FIELDS = (
    Field("job_id", NAME, is_required=True),
    Field("submit_s", SECONDS, is_required=True),
    Field("num_gpus", SIZE, is_required=True),
    Field("duration_s", SECONDS, is_required=True),
    Field("gpus_per_worker", SIZE),
    Field("min_workers", SIZE),
    Field("max_workers", SIZE),
    Field("allowed_workers", SIZES),
    Field("fungible", FLAG),
    Field("heterogeneous", FLAG),
    Field("checkpoint_s", NUMBER),
    Field("estimated_duration_s", NUMBER),
    Field("carry_in", FLAG),
    Field("priority", INTEGER),
    Field("user", LABEL),
    Field("queue", LABEL, aliases=("vc", "vc_or_queue")),
    Field("model", LABEL),
    Field("status", LABEL),
)

assert tuple(known.name for known in FIELDS) == NAMES


def read_trace(path: Path) -> Trace:
    """Read a trace in the canonical form from CSV, gzipped CSV or Parquet.

    Raises BadInput that names file, row, column, value and what was expected, for anything that
    spec §3 calls bad input and that can be told without a cluster.
    """
    file = str(path)
    blocks = iter(read_blocks(path))
    header = next(blocks, None)
    if header is None:
        raise BadInput(file, "is empty", expected=f"a header with {', '.join(REQUIRED)}")
    names = [column[0].strip() for column in header.columns]
    places = _places(file, names, header.rows[0])
    unknown = [place for place in range(len(names)) if place not in set(places.values())]
    jobs: list[TraceJob] = []
    extra: list[list[str]] = [[] for _ in unknown]
    for block in blocks:
        jobs += _jobs_of(file, places, block)
        for place, column in zip(unknown, extra, strict=True):
            column.extend(map(intern, block.columns[place]))
    if not jobs:
        raise BadInput(file, "has a header but no jobs", expected="at least one row")
    _check_unique(file, jobs)
    return trace_of(file, jobs, dict(zip((names[p] for p in unknown), extra, strict=True)))


def _places(file: str, names: Sequence[str], row: int) -> dict[str, int]:
    """Find the place of each known column, by its own name before its aliases."""
    places: dict[str, int] = {}
    for known in FIELDS:
        found = [name for name in (known.name, *known.aliases) if name in names]
        if found:
            places[known.name] = names.index(found[0])
            if names.count(found[0]) > 1:
                raise BadInput(file, "appears more than once", row, found[0], expected="one column")
        elif known.is_required:
            wanted = f"a header with {', '.join(REQUIRED)}"
            raise BadInput(file, "is missing", row, known.name, expected=wanted)
    return places


def _jobs_of(file: str, places: Mapping[str, int], block: Block) -> Iterable[TraceJob]:
    columns: list[Iterable[Any]] = [
        parse_column(file, known, block.rows, block.columns[places[known.name]])
        if known.name in places
        else repeat(None)
        for known in FIELDS
    ]
    return map(TraceJob, block.rows, *columns)


def _check_unique(file: str, jobs: Sequence[TraceJob]) -> None:
    if len({job.job_id for job in jobs}) == len(jobs):
        return
    first: dict[str, int] = {}
    for job in jobs:
        if job.job_id in first:
            problem = f"is already the id of row {first[job.job_id]}"
            raise BadInput(file, problem, job.line, "job_id", job.job_id, "unique job ids")
        first[job.job_id] = job.line
