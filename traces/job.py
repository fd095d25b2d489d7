"""The rows of a trace in the canonical form (spec §3), as they stand in the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter, gt


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
    """Put jobs, and the unknown cells that go with each, in order; messages will name `path`."""
    carried = frozenset(name for name in OPTIONAL if set(map(attrgetter(name), jobs)) - {None})
    order: Sequence[int] = range(len(jobs))
    submits_s = [job.submit_s for job in jobs]
    if any(map(gt, submits_s, submits_s[1:])):
        order = sorted(order, key=lambda place: (submits_s[place], place))
    cells = {
        name: tuple(column[place] for place in order) for name, column in (extra or {}).items()
    }
    return Trace(path, tuple(jobs[place] for place in order), carried, cells)
