"""What a supposition changes: two projections of one snapshot, job by job."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean

from simulator.projection import Course, Projection
from simulator.witness import Change

FLOAT_NOISE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Shift:
    """A job that gets on later or sooner: each pair is as it would be, and as is supposed.

    What lies beyond a projection is None.
    """

    job_id: str
    start_s: tuple[float | None, float | None]
    finish_s: tuple[float | None, float | None]
    delay_s: float  # below 0: sooner


@dataclass(frozen=True, slots=True)
class Means:
    """How the known jobs fare: mean further wait of all, mean JCT of those that finish in both."""

    mean_queuing_s: float
    mean_jct_s: float | None
    finished: int  # of all known jobs, as far as the projection sees


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes for whom; jobs that are only supposed are not among those delayed or sooner.

    `preempted` and `shrunk` are the first losses of jobs that are so hit oftener or sooner than
    they would be.
    """

    submitted: Mapping[str, Course]
    delayed: tuple[Shift, ...]
    sooner: tuple[Shift, ...]
    preempted: tuple[Change, ...]
    shrunk: tuple[Change, ...]
    base: Means
    changed: Means


def compare(base: Projection, changed: Projection) -> Difference:
    """What becomes different; both projections are of one snapshot."""
    supposed = set(changed.submitted)
    until_s = min(base.until_s, changed.until_s)
    shifts = [
        shift
        for job_id, course in base.courses.items()
        if (shift := _shift(job_id, course, changed.courses[job_id], until_s))
    ]
    in_both = [
        job_id
        for job_id, finish_s in base.finishes.items()
        if finish_s <= until_s and changed.finishes.get(job_id, inf) <= until_s
    ]
    return Difference(
        submitted={job_id: changed.courses[job_id] for job_id in changed.submitted},
        delayed=_ordered(shift for shift in shifts if shift.delay_s > 0),
        sooner=_ordered(shift for shift in shifts if shift.delay_s < 0),
        preempted=_worse_off(base.preempted, changed.preempted, supposed),
        shrunk=_worse_off(base.shrunk, changed.shrunk, supposed),
        base=_means(base, base.courses, in_both, until_s),
        changed=_means(changed, base.courses, in_both, until_s),
    )


def _shift(job_id: str, base: Course, changed: Course, until_s: float) -> Shift | None:
    """How much later a job starts, or else finishes; None where neither changes."""
    start_s, finish_s = (base.start_s, changed.start_s), (base.finish_s, changed.finish_s)
    delay_s = _delay_s(start_s, until_s) or _delay_s(finish_s, until_s)
    return Shift(job_id, start_s, finish_s, delay_s) if delay_s else None


def _delay_s(pair: tuple[float | None, float | None], until_s: float) -> float:
    """Seconds from one moment to the other; at least so many, where one is not foreseen."""
    base_s, changed_s = (until_s if t_s is None else min(t_s, until_s) for t_s in pair)
    delay_s = changed_s - base_s
    return delay_s if abs(delay_s) > FLOAT_NOISE_S else 0.0


def _ordered(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    """The largest shifts first."""
    return tuple(sorted(shifts, key=lambda shift: (-abs(shift.delay_s), shift.job_id)))


def _worse_off(
    base: Sequence[Change], changed: Sequence[Change], supposed: set[str]
) -> tuple[Change, ...]:
    """The first change of each job that is changed oftener or sooner than it would be."""
    before, after = Counter(c.job_id for c in base), Counter(c.job_id for c in changed)
    first_s = {change.job_id: change.t_s for change in reversed(base)}
    first = {change.job_id: change for change in reversed(changed)}
    worse = (
        change
        for job_id, change in first.items()
        if after[job_id] > before[job_id] or change.t_s < first_s[job_id]
    )
    known = (change for change in worse if change.job_id not in supposed)
    return tuple(sorted(known, key=lambda change: (change.t_s, change.job_id)))


def _means(
    projection: Projection, known: Collection[str], finish: Sequence[str], until_s: float
) -> Means:
    courses = projection.courses
    waits_s = [courses[job_id].waited_by(until_s) for job_id in known]
    jcts_s = [projection.finishes[job_id] - courses[job_id].submit_s for job_id in finish]
    ended = (courses[job_id].finish_s for job_id in known)
    return Means(
        mean_queuing_s=fmean(waits_s) if waits_s else 0.0,
        mean_jct_s=fmean(jcts_s) if jcts_s else None,
        finished=sum(end_s is not None and end_s <= until_s for end_s in ended),
    )
