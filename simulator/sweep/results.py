"""A sweep's results as rows and as Parquet: one row per cell, what it cost in a file of its own.

The same results give the same bytes, wherever and in whatever order the cells have run. The key of
a cell, which changes with the simulator's code, stands with what the cell cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.sweep.cells import Cell
from simulator.sweep.work import Failure, Figures

Row = Mapping[str, Any]
_COORDINATES = frozenset({"scheme", "scenario", "seed", "policy", "workload"})
_TEXTS = frozenset({"error", "forecaster"})  # columns that may be empty throughout and are text


@dataclass(frozen=True, slots=True)
class Run:
    """A cell and how it ended; `is_new` where it ran just now."""

    cell: Cell
    outcome: Figures | Failure
    is_new: bool


def row_of(run: Run) -> Row:
    """All coordinates and figures of a run under the names of summary.json, joined by dots.

    What jobs were rejected is counted; a failed run has its error and no figures.
    """
    found = dict(_flat(run.cell.coordinates))
    if isinstance(run.outcome, Failure):
        return found | {"error": run.outcome.error}
    figures = {k: value for k, value in run.outcome.summary.items() if k not in _COORDINATES}
    return found | {"error": None} | dict(_flat(figures))


def write_results(out: Path, runs: Sequence[Run]) -> Path:
    """Write results.parquet and timing.parquet into `out`, row by row alike; the first's path."""
    _write(out / "timing.parquet", [_timing(run) for run in runs])
    return _write(out / "results.parquet", [row_of(run) for run in runs])


def _timing(run: Run) -> Row:
    figures = {} if isinstance(run.outcome, Failure) else run.outcome.timing
    return {"cell": run.cell.key} | dict(_flat(figures))


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, entry in value.items():
        if isinstance(entry, Mapping):
            yield from _flat(entry, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", len(entry) if isinstance(entry, list) else entry


def _write(path: Path, rows: Sequence[Row]) -> Path:
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped and slow
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    names = dict.fromkeys(name for row in rows for name in row)
    columns = {}
    for name in names:
        column = pa.array([row.get(name) for row in rows])
        if column.type == pa.null():
            column = column.cast(pa.string() if name in _TEXTS else pa.float64())
        columns[name] = column
    part = path.with_name(f"{path.name}.part")
    pq.write_table(pa.table(columns), part)
    part.replace(path)
    return path
