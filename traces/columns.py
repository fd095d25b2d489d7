"""Turns text cells into checked values, a column at a time.

A kind of column is defined by what one cell may be (`cell`). Beside it stands a quick way for a
whole column (`quick`) that may only answer when every cell is certainly fine; otherwise the cells
are read one by one, which also finds the row to complain about.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from sys import intern
from typing import Any

from aryl.model.errors import BadInput

FLAGS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}

MAX_DAYS = 3_650
MAX_S = MAX_DAYS * 86_400.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What the cells of a column are; both functions raise ValueError for what they refuse."""

    expected: str
    cell: Callable[[str], Any]
    quick: Callable[[Sequence[str]], list[Any]]


@dataclass(frozen=True, slots=True)
class Field:
    """A column that we know: its name, its kind, and other names that it goes by."""

    name: str
    kind: Kind
    is_required: bool = False
    aliases: tuple[str, ...] = ()


def parse_column(file: str, field: Field, rows: Sequence[int], cells: Sequence[str]) -> list[Any]:
    """Read the cells of one column; an empty cell of an optional column is None.

    Raises BadInput that names the row and the value of the first cell that is refused.
    """
    try:
        return field.kind.quick(cells)
    except ValueError:
        return [_parse_cell(file, field, row, cell) for row, cell in zip(rows, cells, strict=True)]


def _parse_cell(file: str, field: Field, row: int, cell: str) -> Any:  # noqa: ANN401  # any kind
    text = cell.strip()
    if not text and not field.is_required:
        return None
    try:
        return field.kind.cell(text)
    except ValueError as error:
        problem = str(error) if text else "is empty"
        raise BadInput(file, problem, row, field.name, cell, field.kind.expected) from None


def _name(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _number(text: str) -> float:
    try:
        value = float(_plain(text))
    except ValueError:
        raise ValueError("is not a number") from None
    if not isfinite(value):
        raise ValueError("is not a finite number")
    if value < 0:
        raise ValueError("is negative")
    return value


def _integer(text: str) -> int:
    """Read `8` and `8.0` alike: tables often hold whole numbers as floats."""
    value = _number(text)
    if not value.is_integer():
        raise ValueError("is not a whole number")
    return int(text) if text.isdigit() else int(value)


def _size(text: str) -> int:
    value = _integer(text)
    if value < 1:
        raise ValueError("is not positive")
    return value


def _flag(text: str) -> bool:
    try:
        return FLAGS[text.lower()]
    except KeyError:
        raise ValueError("is not a flag") from None


def _seconds(text: str) -> float:
    """Refuse times since 1970, and in milliseconds: a replay of them would never end."""
    value = _number(text)
    if value > MAX_S:
        raise ValueError(f"is more than {MAX_DAYS} days")
    return value


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted({_size(part.strip()) for part in text.split("|")}))


def _plain(text: str) -> str:
    """Refuse what only Python calls a number: digits with underscores, or of other scripts."""
    if "_" in text or not text.isascii():
        raise ValueError
    return text


def _quick_numbers(cells: Sequence[str]) -> list[float]:
    _plain("".join(cells))
    values = list(map(float, cells))
    # a NaN or an infinity anywhere makes the sum one of both
    if not isfinite(sum(values)) or min(values) < 0:
        raise ValueError
    return values


def _quick_seconds(cells: Sequence[str]) -> list[float]:
    values = _quick_numbers(cells)
    if max(values) > MAX_S:
        raise ValueError
    return values


def _quick_integers(cells: Sequence[str]) -> list[int]:
    _plain("".join(cells))
    values = list(map(int, cells))
    if min(values) < 0:
        raise ValueError
    return values


def _quick_sizes(cells: Sequence[str]) -> list[int]:
    values = _quick_integers(cells)
    if min(values) < 1:
        raise ValueError
    return values


def _quick_names(cells: Sequence[str]) -> list[str]:
    if "" in cells or not all(map(str.strip, cells)):
        raise ValueError
    return list(cells)


def _quick_labels(cells: Sequence[str]) -> list[str | None]:
    return [intern(cell) if cell else None for cell in cells]


def _quick_flags(cells: Sequence[str]) -> list[bool | None]:
    values = list(map(FLAGS.get, cells))
    if None in values:
        raise ValueError
    return values


def _one_by_one(cells: Sequence[str]) -> list[Any]:
    """Leave it to the cells' own function: such columns are rare."""
    raise ValueError(len(cells))


NUMBER = Kind("a number of at least 0", _number, _quick_numbers)
SECONDS = Kind(f"seconds of at least 0 and at most {MAX_DAYS} days", _seconds, _quick_seconds)
INTEGER = Kind("a whole number of at least 0", _integer, _quick_integers)
SIZE = Kind("a whole number of at least 1", _size, _quick_sizes)
FLAG = Kind("0 or 1", _flag, _quick_flags)
SIZES = Kind("whole numbers of at least 1, such as 2|4|8", _sizes, _one_by_one)
NAME = Kind("a name", _name, _quick_names)
LABEL = Kind("a text", str, _quick_labels)
