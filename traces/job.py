"""The rows of a trace in the canonical form (spec §3), as they stand in the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class TraceJob:
    """One row of a trace as it stands in the file; None: the file does not say.

    `line` is the row as a user counts them, the header included. Times are seconds since the
    trace's start; `duration_s` is the run time at `num_gpus` GPUs of the training type; worker
    counts are in training workers.
    """

    line: int
    job_id: str
    submit_s: float
    num_gpus: int
    duration_s: float
    gpus_per_worker: int | None = None
    min_workers: int | None = None
    max_workers: int | None = None
    allowed_workers: tuple[int, ...] | None = None
    fungible: bool | None = None
    heterogeneous: bool | None = None
    checkpoint_s: float | None = None
    estimated_duration_s: float | None = None
    carry_in: bool | None = None
    priority: int | None = None
    user: str | None = None
    queue: str | None = None
    model: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """The jobs of a trace by submission, equal times in file order.

    `columns` are the optional columns of the canonical form in which any job has a value. `extra`
    holds the cells of columns that we don't know, one per job: they are kept and ignored.
    """

    path: str
    jobs: tuple[TraceJob, ...]
    columns: frozenset[str] = frozenset()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NAMES = tuple(known.name for known in fields(TraceJob))[1:]  # the columns, in canonical order
REQUIRED, OPTIONAL = NAMES[:4], NAMES[4:]


def trace_of(
    path: str, jobs: Sequence[TraceJob], extra: Mapping[str, Sequence[str]] | None = None
) -> Trace:
    """Put jobs, and the unknown cells that go with each, in order; `path` names them in messages."""
    carried = frozenset(
        name for name in OPTIONAL if any(value is not None for value in map(attrgetter(name), jobs))
    )
    order: Sequence[int] = range(len(jobs))
    if any(one.submit_s > other.submit_s for one, other in pairwise(jobs)):
        order = sorted(order, key=lambda place: (jobs[place].submit_s, place))
    cells = {
        name: tuple(column[place] for place in order) for name, column in (extra or {}).items()
    }
    return Trace(path, tuple(jobs[place] for place in order), carried, cells)
