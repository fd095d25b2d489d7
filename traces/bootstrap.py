"""Makes another trace out of a trace's days (paper Fig 12)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from aryl.model.errors import BadInput
from traces.job import Trace, TraceJob, trace_of
from traces.statistics import DAY_S


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A resampled trace; `days` are the days of the source that follow each other in it."""

    trace: Trace
    days: tuple[int, ...]


def bootstrapped(trace: Trace, days: int, seed: int) -> Bootstrap:
    """Put so many days of a trace in a row, drawn whole and with replacement.

    Jobs keep their time of day, so that arrivals within a day stay as they were; how many weekends
    come is left to chance. A last day that has not run for half its length is not drawn. Who was
    carried in is so here too. Ids begin with the new day. Raises BadInput if no day has a job.
    """
    drawn = Random(seed).choices(range(max(1, round(trace.jobs[-1].submit_s / DAY_S))), k=days)
    by_day: dict[int, list[int]] = defaultdict(list)
    carried = []
    for place, job in enumerate(trace.jobs):
        if job.carry_in:
            carried.append(place)
        else:
            by_day[int(job.submit_s // DAY_S)].append(place)
    places, jobs = list(carried), [_moved(trace.jobs[place], 0, 0) for place in carried]
    for new, old in enumerate(drawn):
        places += by_day[old]
        jobs += [_moved(trace.jobs[place], old, new) for place in by_day[old]]
    if not jobs:
        named = ", ".join(map(str, drawn))
        raise BadInput(trace.path, f"has no job in the days drawn ({named})", expected="more days")
    return Bootstrap(trace_of(trace.path, jobs, _cells(trace, places)), tuple(drawn))


def _moved(job: TraceJob, old: int, new: int) -> TraceJob:
    """The job on another day; the same job may come on several."""
    submit_s = job.submit_s + (new - old) * DAY_S
    return replace(job, job_id=f"d{new:02d}-{job.job_id}", submit_s=submit_s)


def _cells(trace: Trace, places: Sequence[int]) -> dict[str, list[str]]:
    """Unknown columns go along with their jobs."""
    return {name: [cells[place] for place in places] for name, cells in trace.extra.items()}
