"""Reads the samples of a demand file (spec §3) and refuses what can't be demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aryl.model.errors import BadInput
from traces.columns import MAX_DAYS, NUMBER, Field, Kind, parse_column
from traces.raw import Block, read_blocks

DAY_S = 86_400.0


def _share(text: str) -> float:
    value: float = NUMBER.cell(text)
    if value > 1:
        raise ValueError("is more than 1")
    return value


def _quick_shares(cells: Sequence[str]) -> list[float]:
    values: list[float] = NUMBER.quick(cells)
    if max(values) > 1:
        raise ValueError
    return values


T_S = Field("t_s", NUMBER, is_required=True)
MEASURES = (  # by precedence, where a file has several
    Field("demand_norm", Kind("a share between 0 and 1", _share, _quick_shares), is_required=True),
    Field("gpus", NUMBER, is_required=True),
    Field("servers", NUMBER, is_required=True),
    Field("demand", NUMBER, is_required=True),
)


@dataclass(frozen=True, slots=True)
class Samples:
    """The rows of a file: where each stands, its time and its value in the unit of `measure`."""

    file: str
    measure: Field
    rows: Sequence[int]
    t_s: NDArray[np.float64]
    values: NDArray[np.float64]

    def refuse(self, place: int, column: str, problem: str, expected: str) -> BadInput:
        """Complain about one cell."""
        values = self.t_s if column == T_S.name else self.values
        value = f"{values[place]:.15g}"
        return BadInput(self.file, problem, self.rows[place], column, value, expected)


def read_samples(path: Path) -> Samples:
    """Read `t_s` and the first column of `MEASURES` that a CSV file has.

    Raises BadInput for a missing, empty, damaged or malformed file and for times that do not
    increase or can't be seconds.
    """
    file = str(path)
    blocks = iter(read_blocks(path))
    header = next(blocks, None)
    if header is None:
        raise BadInput(file, "is empty", expected=f"a header with t_s and {_any_measure()}")
    names = [column[0].strip() for column in header.columns]
    measure = _measure_in(file, header.rows[0], names)
    t_s: list[float] = []
    values: list[float] = []
    rows: list[int] = []
    for block in blocks:
        rows += block.rows
        t_s += _cells(file, T_S, names, block)
        values += _cells(file, measure, names, block)
    if not rows:
        raise BadInput(file, "has a header but no samples", expected="at least one row")
    samples = Samples(file, measure, rows, np.array(t_s), np.array(values))
    _check_times(samples)
    return samples


def _measure_in(file: str, row: int, names: Sequence[str]) -> Field:
    """Choose the column of demand, once it is sure that each that is read is there once."""
    measure = next((field for field in MEASURES if field.name in names), None)
    if T_S.name not in names:
        raise BadInput(file, "is missing", row, T_S.name, expected="the start of each bin, seconds")
    if measure is None:
        raise BadInput(file, "has no column of demand", row, expected=_any_measure())
    for name in (T_S.name, measure.name):
        if names.count(name) > 1:
            raise BadInput(file, "appears more than once", row, name, expected="one column")
    return measure


def _any_measure() -> str:
    return "one of " + ", ".join(field.name for field in MEASURES)


def _cells(file: str, field: Field, names: Sequence[str], block: Block) -> list[float]:
    return parse_column(file, field, block.rows, block.columns[names.index(field.name)])


def _check_times(samples: Samples) -> None:
    t_s = samples.t_s
    back = np.flatnonzero(np.diff(t_s) <= 0)
    if back.size:
        place = int(back[0]) + 1
        problem = f"is not after the row before, {t_s[place - 1]:.15g}"
        raise samples.refuse(place, T_S.name, problem, "times that increase")
    if t_s[-1] - t_s[0] > MAX_DAYS * DAY_S:
        days = (t_s[-1] - t_s[0]) / DAY_S
        expected = f"seconds, and at most {MAX_DAYS} days"
        raise samples.refuse(
            t_s.size - 1, T_S.name, f"is {days:.0f} days after the first", expected
        )


def check_pool(samples: Samples, pool: int) -> None:
    """Raise BadInput when more is needed than a pool of so many GPUs or servers has."""
    beyond = np.flatnonzero(samples.values > pool)
    if beyond.size:
        unit = samples.measure.name
        expected = f"at most the {pool} {unit} of the cluster's inference pool; give a larger"
        expected += " cluster, or rename the column to demand to have it scaled"
        raise samples.refuse(int(beyond[0]), unit, "is more than there are", expected)
