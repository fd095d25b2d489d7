"""What the readers of public formats share: cells by column name, times, and what is dropped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import repeat
from math import isfinite
from pathlib import Path

from aryl.model.errors import BadInput
from traces.job import TraceJob
from traces.raw import csv_blocks

SLASHED_DATES = ("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S")
ABSENT = frozenset({"", "none", "nan", "null"})

NO_GPU = "no GPU"
NEVER_STARTED = "never started"
NO_END = "no end time"
NO_SUBMISSION = "no submission time"
BACKWARDS = "ends before it starts"
NO_ID = "no job id"
SEEN_BEFORE = "job id seen before"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A job of the source that is left out, and why."""

    cause: str


@dataclass(frozen=True, slots=True)
class Converted:
    """The jobs of a public trace by submission, and how many were dropped, by cause.

    `submit_s` counts from the first job's submission; `start` says when that was, in the source's
    own clock.
    """

    jobs: tuple[TraceJob, ...]
    dropped: Mapping[str, int]
    start: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the source, with all that a complaint about it needs."""

    file: str
    row: int
    column: str
    text: str

    def refusal(self, problem: str, expected: str) -> BadInput:
        """Make the error that names this cell."""
        return BadInput(self.file, problem, self.row, self.column, self.text, expected)


def converted(path: Path, outcomes: Iterable[TraceJob | Dropped], *, has_dates: bool) -> Converted:
    """Gather what a reader found, with times counted from the first submission.

    Raises BadInput if no job is left.
    """
    dropped: Counter[str] = Counter()
    jobs: dict[str, TraceJob] = {}
    for outcome in outcomes:
        if isinstance(outcome, Dropped):
            dropped[outcome.cause] += 1
        elif not outcome.job_id:
            dropped[NO_ID] += 1
        elif outcome.job_id in jobs:
            dropped[SEEN_BEFORE] += 1
        else:
            jobs[outcome.job_id] = outcome
    if not jobs:
        left_out = ", ".join(f"{cause}: {count}" for cause, count in sorted(dropped.items()))
        problem = f"holds no job that ran on a GPU (left out: {left_out or 'nothing'})"
        raise BadInput(str(path), problem)
    first_s = min(job.submit_s for job in jobs.values())
    shifted = (replace(job, submit_s=job.submit_s - first_s) for job in jobs.values())
    ordered = tuple(sorted(shifted, key=lambda job: (job.submit_s, job.line)))
    start = str(datetime.fromtimestamp(first_s, UTC).replace(tzinfo=None)) if has_dates else ""
    return Converted(ordered, dict(sorted(dropped.items())), start or f"{first_s:.0f} s")


def rows_of(
    path: Path, wanted: Sequence[str], header: Sequence[str] | None = None
) -> Iterator[tuple[Cell, ...]]:
    """Yield the wanted cells of each row of a CSV file; `header`: that of a file without one.

    Raises BadInput for an empty file or a missing column.
    """
    file = str(path)
    width = None if header is None else len(header)
    places: list[int] = [] if header is None else [header.index(name) for name in wanted]
    for block in csv_blocks(path, width):
        if not places:
            names = [column[0].strip() for column in block.columns]
            places = [_place(file, names, name) for name in wanted]
            continue
        cells = [
            map(Cell, repeat(file), block.rows, repeat(name), map(str.strip, block.columns[place]))
            for name, place in zip(wanted, places, strict=True)
        ]
        yield from zip(*cells, strict=True)
    if not places:
        raise BadInput(file, "is empty", expected=f"a header with {', '.join(wanted)}")


def number_in(cell: Cell) -> float | None:
    """Read a number; None: the cell says nothing. Raises BadInput for anything else."""
    if cell.text.lower() in ABSENT:
        return None
    try:
        value = float(cell.text)
    except ValueError:
        raise cell.refusal("is not a number", "a number") from None
    if not isfinite(value):
        raise cell.refusal("is not a finite number", "a number")
    return value


def gpus_in(cell: Cell) -> int:
    """Read a number of GPUs, 0 if the cell says nothing; raises BadInput for anything else."""
    value = number_in(cell) or 0.0
    if value < 0 or not value.is_integer():
        raise cell.refusal("is not a number of GPUs", "a whole number of at least 0")
    return int(value)


def time_in(cell: Cell) -> float | None:
    """Read a date and time as seconds; None: the cell says nothing; raises BadInput otherwise.

    The sources name no time zone, and only differences are used.
    """
    if cell.text.lower() in ABSENT:
        return None
    try:
        return datetime.fromisoformat(cell.text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        pass  # some sources write 2023/7/15 02:19
    for form in SLASHED_DATES:
        try:
            return datetime.strptime(cell.text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    raise cell.refusal("is not a date and time", "such as 2017-10-07 01:12:09")


def ran(
    submit_s: float | None, start_s: float | None, end_s: float | None
) -> tuple[float, float] | Dropped:
    """Give submission and run time in seconds, or say which time is missing or wrong."""
    if submit_s is None:
        return Dropped(NO_SUBMISSION)
    if start_s is None:
        return Dropped(NEVER_STARTED)
    if end_s is None:
        return Dropped(NO_END)
    return Dropped(BACKWARDS) if end_s < start_s else (submit_s, end_s - start_s)


def _place(file: str, names: Sequence[str], wanted: str) -> int:
    if wanted not in names:
        raise BadInput(file, "is missing", 1, wanted, expected="it in the header")
    return names.index(wanted)
