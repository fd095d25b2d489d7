"""Numbers and tables as Markdown."""

from collections.abc import Sequence

from simulator.report_format import NOTHING, TIMES

Cell = str | None


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table; the first column is text, all others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    lines += [[NOTHING if cell is None else cell for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seconds(value: float | None) -> Cell:
    """Seconds, whole."""
    return None if value is None else f"{value:,.0f}"


def percent(value: float | None, digits: int = 2) -> Cell:
    """A share as per cent."""
    return None if value is None else f"{100 * value:.{digits}f} %"


def times(before: float | None, after: float | None) -> Cell:
    """How many times as short the second is as the first."""
    if before is None or after is None:
        return None
    return ratio(before / after) if after else None


def ratio(value: float | None) -> Cell:
    """So many times."""
    return None if value is None else f"{value:.2f} {TIMES}"


def beside(ours: Cell, paper: Cell) -> str:
    """Ours, and the paper's in brackets."""
    return f"{ours or NOTHING} ({paper or NOTHING})"
