"""What the sweeps found, by spec, grid and values; nothing is computed that no run has shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

from aryl.model.errors import BadInput
from simulator.sweep.cells import Point, studies_of
from simulator.sweep.spec import read_spec

Row = Mapping[str, Any]  # figures of one run under the names of results.parquet

FILE = "results.parquet"


@dataclass(frozen=True, slots=True)
class Found:
    """One run: the values of its grid's axes, and its figures."""

    values: Mapping[str, Any]
    row: Row


@dataclass(frozen=True, slots=True)
class Results:
    """Runs by spec and grid; a spec whose traces are not on this machine has none."""

    grids: Mapping[tuple[str, str], tuple[Found, ...]]
    left_out: Mapping[str, str]  # specs without runs, and why

    def all(self, spec: str, grid: str, **values: Any) -> list[Found]:  # noqa: ANN401 - values of any axis
        """The runs of a grid that have these values; dots in names are written `__`."""
        wanted = {name.replace("__", "."): value for name, value in values.items()}
        runs = self.grids.get((spec, grid), ())
        return [run for run in runs if wanted.items() <= dict(run.values).items()]

    def mean(self, figure: str, spec: str, grid: str, **values: Any) -> float | None:  # noqa: ANN401 - as above
        """A figure's mean over the runs of a grid that have these values; None without any."""
        found = [run.row.get(figure) for run in self.all(spec, grid, **values)]
        numbers = [float(value) for value in found if value is not None]
        return fmean(numbers) if numbers else None

    def has(self, spec: str) -> bool:
        """Whether a spec was run."""
        return any(name == spec for name, _ in self.grids)


def read_results(specs: Path, runs: Path) -> Results:
    """Join every spec of a folder with its results in `runs/<spec>/`.

    Raises `BadInput` where a run of a spec is missing or has failed.
    """
    grids: dict[tuple[str, str], tuple[Found, ...]] = {}
    left_out: dict[str, str] = {}
    for file in sorted(specs.glob("*.toml")):
        try:
            studies = studies_of(read_spec(file))
        except BadInput as error:
            if Path(error.file).exists():
                raise
            left_out[file.stem] = f"{Path(error.file).name} is not there"
            continue
        rows = _rows(runs / file.stem / FILE)
        for study in studies:
            grids[file.stem, study.name] = tuple(_found(file, rows, p) for p in study.points)
    return Results(grids, left_out)


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise BadInput(str(path), "is not there", expected="the results of `make evaluation`")
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


def _found(file: Path, rows: list[Row], point: Point) -> Found:
    """The run of a point: the row with the same coordinates, whatever version has run it."""
    wanted = dict(_flat(point.cell.coordinates))
    for row in rows:
        if all(row[name] == value for name, value in wanted.items() if name in row):
            if row.get("error"):
                raise BadInput(str(file), f"a run failed: {row['error']}", value=point.values)
            return Found(point.values, row)
    raise BadInput(str(file), "a run is missing", value=point.values, expected="`make evaluation`")


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
