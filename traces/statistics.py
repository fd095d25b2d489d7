"""What a trace looks like in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor

from traces.job import Trace, TraceJob

DAY_S = 86_400.0
HOUR_S = 3_600.0

# Classes of cluster studies, such as Philly's (ATC'19), refined; upper ends are included.
SIZE_CLASSES = ((1, "1"), (2, "2"), (4, "3-4"), (8, "5-8"), (16, "9-16"), (32, "17-32"))
LARGEST_CLASS = "over 32"

RUN_TIME_CLASSES = (
    (60.0, "under 1 min"),
    (600.0, "1-10 min"),
    (HOUR_S, "10-60 min"),
    (8 * HOUR_S, "1-8 h"),
    (DAY_S, "8-24 h"),
    (7 * DAY_S, "1-7 days"),
)
LONGEST_CLASS = "over 7 days"

SHARES = {"p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class ClassShare:
    """The part of a class of jobs in all jobs and in all GPU-hours, each from 0 to 1."""

    name: str
    jobs: float
    gpu_hours: float


@dataclass(frozen=True, slots=True)
class Description:
    """The figures of a trace; those of jobs leave carried-in ones out, GPU-hours hold them.

    `span_s` is the time from the first to the last submission; `offered_load` the GPU-seconds asked
    for by those that `gpus` GPUs have in it (None: no span, or no number of GPUs given);
    `arrivals_by_hour` counts submissions by hour of the day.
    """

    path: str
    jobs: int
    carried_in: int
    users: int
    queues: int
    span_s: float
    gpu_hours: float
    carried_in_gpu_hours: float
    mean_gpus: float
    gpus: int | None
    offered_load: float | None
    run_time_s: dict[str, float]
    sizes: tuple[ClassShare, ...]
    run_times: tuple[ClassShare, ...]
    arrivals_by_hour: tuple[int, ...]
    arrivals_by_day: tuple[int, ...]
    columns: tuple[str, ...]


def describe(trace: Trace, *, gpus: int | None = None, first_hour: float = 0.0) -> Description:
    """Describe a trace; `first_hour` is the hour of the day at t = 0."""
    fresh = [job for job in trace.jobs if not job.carry_in] or list(trace.jobs)
    gpu_s = sum(job.num_gpus * job.duration_s for job in trace.jobs)
    carried_gpu_s = sum(job.num_gpus * job.duration_s for job in trace.jobs if job.carry_in)
    span_s = fresh[-1].submit_s - fresh[0].submit_s
    return Description(
        path=trace.path,
        jobs=len(trace.jobs) - sum(bool(job.carry_in) for job in trace.jobs),
        carried_in=sum(bool(job.carry_in) for job in trace.jobs),
        users=len({job.user for job in trace.jobs} - {None}),
        queues=len({job.queue for job in trace.jobs} - {None}),
        span_s=span_s,
        gpu_hours=gpu_s / HOUR_S,
        carried_in_gpu_hours=carried_gpu_s / HOUR_S,
        mean_gpus=sum(job.num_gpus for job in fresh) / len(fresh),
        gpus=gpus,
        offered_load=gpu_s / (gpus * span_s) if gpus and span_s else None,
        run_time_s=_percentiles([job.duration_s for job in fresh]),
        sizes=_shares(fresh, [_size_class(job) for job in fresh], SIZE_NAMES),
        run_times=_shares(fresh, [_run_time_class(job) for job in fresh], RUN_TIME_NAMES),
        arrivals_by_hour=_arrivals(fresh, HOUR_S, 24, first_hour * HOUR_S),
        arrivals_by_day=_arrivals(fresh, DAY_S, None, 0.0),
        columns=tuple(sorted(trace.columns)),
    )


def gpus_asked_for(trace: Trace, step_s: float) -> list[float]:
    """Give the GPUs held on average in each step if every job started when it was submitted."""
    ends = [job.submit_s + job.duration_s for job in trace.jobs]
    changes = sorted(
        [(job.submit_s, job.num_gpus) for job in trace.jobs]
        + [(end, -job.num_gpus) for end, job in zip(ends, trace.jobs, strict=True)]
    )
    held = [0.0] * (floor(trace.jobs[-1].submit_s / step_s) + 1)
    gpus = 0
    for (since, change), (until, _) in pairwise(changes):
        gpus += change
        first = floor(since / step_s)
        for step in range(first, min(len(held), floor(until / step_s) + 1)):
            inside_s = min(until, (step + 1) * step_s) - max(since, step * step_s)
            held[step] += gpus * inside_s / step_s
    return held


SIZE_NAMES = (*(name for _, name in SIZE_CLASSES), LARGEST_CLASS)
RUN_TIME_NAMES = (*(name for _, name in RUN_TIME_CLASSES), LONGEST_CLASS)


def _size_class(job: TraceJob) -> str:
    return next((name for most, name in SIZE_CLASSES if job.num_gpus <= most), LARGEST_CLASS)


def _run_time_class(job: TraceJob) -> str:
    longest = LONGEST_CLASS
    return next((name for below, name in RUN_TIME_CLASSES if job.duration_s < below), longest)


def _shares(
    jobs: Sequence[TraceJob], classes: Sequence[str], names: Sequence[str]
) -> tuple[ClassShare, ...]:
    counts = dict.fromkeys(names, 0)
    gpu_s = dict.fromkeys(names, 0.0)
    for job, name in zip(jobs, classes, strict=True):
        counts[name] += 1
        gpu_s[name] += job.num_gpus * job.duration_s
    total_gpu_s = sum(gpu_s.values()) or 1.0
    return tuple(ClassShare(n, counts[n] / len(jobs), gpu_s[n] / total_gpu_s) for n in names)


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    answers = {"mean": sum(ordered) / len(ordered)}
    answers |= {name: _quantile(ordered, share) for name, share in SHARES.items()}
    return answers | {"max": ordered[-1]}


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate linearly between the two nearest ranks."""
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _arrivals(
    jobs: Sequence[TraceJob], step_s: float, cycle: int | None, offset_s: float
) -> tuple[int, ...]:
    """Count submissions by step, all in a row or folded into a cycle of steps."""
    steps = [floor((job.submit_s + offset_s) / step_s) for job in jobs]
    counts = [0] * (cycle or max(steps) + 1)
    for step in steps:
        counts[step % len(counts)] += 1
    return tuple(counts)
