"""Rules of summary.json and timeline.csv: both follow from jobs, allocations and loans."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.checker.files import Ended, RunFiles
from tests.checker.shape import BIN_S, Shape

Array = NDArray[np.float64]
Demand = Sequence[int] | NDArray[np.int64]


def summary_faults(run: RunFiles, shape: Shape, demand: Demand) -> Iterator[str]:
    """Figures of summary.json that the other files contradict."""
    expected = _counts(run) | _shares(run) | _usage(run, shape, demand)
    for name, found in expected.items():
        yield from _differs(name, run.summary.get(name), found)
    for name in ("queuing_s", "jct_s"):
        values = [getattr(job, name) for job in run.measured]
        for key, found in _distribution(values).items():
            yield from _differs(f"{name}.{key}", run.summary[name].get(key), found)


def _differs(name: str, stated: Any, found: float | None) -> Iterator[str]:
    if stated is None or found is None:
        if stated is not found:
            yield f"summary.json says {name} = {stated}; the tables say {found}"
    elif abs(stated - found) > 1e-6 * max(1.0, abs(found)):
        yield f"summary.json says {name} = {stated}; the tables say {found}"


def _counts(run: RunFiles) -> dict[str, float | None]:
    jobs = run.measured
    preemptions = sum(job.preemptions for job in jobs)
    return {
        "jobs": len(jobs),
        "carry_in_jobs": len(run.jobs) - len(jobs),
        "preemptions": preemptions,
        "preemption_ratio": preemptions / max(1, len(jobs)),
        "resizes": sum(job.resizes for job in jobs),
        "lost_gpu_s": sum(job.lost_gpu_s for job in jobs),
        "loans": len(run.loans),
        "reclaims": sum(loan.reclaim_s < np.inf for loan in run.loans),
    }


def _shares(run: RunFiles) -> dict[str, float | None]:
    def gpu_time(jobs: Sequence[Ended]) -> float:
        return sum(job.num_gpus * run.asked[job.job_id].duration_s for job in jobs)

    jobs, elastic = run.measured, [job for job in run.measured if job.elastic]
    return {
        "elastic_share": len(elastic) / max(1, len(jobs)),
        "elastic_gpu_time_share": gpu_time(elastic) / (gpu_time(jobs) or 1.0),
        "fungible_share": sum(job.fungible for job in jobs) / max(1, len(jobs)),
        "heterogeneous_share": sum(job.heterogeneous for job in jobs) / max(1, len(jobs)),
        "checkpoint_share": sum(run.asked[job.job_id].checkpoint_s > 0 for job in jobs)
        / max(1, len(jobs)),
    }


def _usage(run: RunFiles, shape: Shape, demand: Demand) -> dict[str, float | None]:
    """Shares of the time between the first and the last submission."""
    submits = [job.submit_s for job in run.measured] or [0.0]
    window = (min(submits), max(submits))
    used = {False: 0.0, True: 0.0}
    for row in run.held:
        used[row.is_on_loan] += row.gpus * _within(row.start_s, row.end_s, window)
    lent = sum(_within(loan.start_s, loan.end_s, window) for loan in run.loans)
    needed = sum(
        demand[place % len(demand)] * _within(place * BIN_S, (place + 1) * BIN_S, window)
        for place in range(int(window[0] // BIN_S), int(window[1] // BIN_S) + 1)
    )
    span_s = window[1] - window[0]
    training = shape.training_servers * shape.training_gpus
    inference = shape.inference_servers * shape.inference_gpus
    busy = used[False] + used[True] + float(needed) * shape.inference_gpus
    short = _shortfall_server_s(run, shape, demand)
    return {
        "inference_shortfall_server_s": short,
        "inference_shortfall_share": _ratio(short, shape.inference_servers * span_s),
        "training_usage": _ratio(used[False], training * span_s),
        "overall_usage": _ratio(busy, (training + inference) * span_s),
        "on_loan_usage": _ratio(used[True], lent * shape.inference_gpus),
    }


def _within(start_s: float, end_s: float, window: tuple[float, float]) -> float:
    return max(0.0, min(end_s, window[1]) - max(start_s, window[0]))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _distribution(values: Sequence[float]) -> dict[str, float | None]:
    names = ("mean", "p50", "p75", "p95", "p99", "max")
    if not values:
        return dict.fromkeys(names)
    found = [np.mean(values), *np.percentile(values, (50, 75, 95, 99)), np.max(values)]
    return {name: float(value) for name, value in zip(names, found, strict=True)}


def _shortfall_server_s(run: RunFiles, shape: Shape, demand: Demand) -> float:
    """The integral of what inference lacks, from t = 0 to the end of the run."""
    starts, ends = _loan_times(run)
    bins = np.arange(0.0, run.end_s + BIN_S, BIN_S, dtype=np.float64)
    times = np.unique(np.concatenate([bins, starts, ends]))
    times = np.append(times[times < run.end_s], run.end_s)
    on_loan = _count(starts, times[:-1]) - _count(ends, times[:-1])
    places = (times[:-1] // BIN_S).astype(np.int64) % len(demand)
    short = np.asarray(demand)[places] - (shape.inference_servers - on_loan)
    return float((np.maximum(0, short) * np.diff(times)).sum())


def _loan_times(run: RunFiles) -> tuple[Array, Array]:
    starts = np.sort(np.array([loan.start_s for loan in run.loans], dtype=np.float64))
    return starts, np.sort(np.array([loan.end_s for loan in run.loans], dtype=np.float64))


def _count(sorted_times: Array, at: Array) -> NDArray[np.int64]:
    """How many of the times have come by each instant."""
    return np.asarray(np.searchsorted(sorted_times, at, "right"), dtype=np.int64)


def timeline_faults(run: RunFiles, demand: Demand) -> Iterator[str]:
    """Rows of timeline.csv that are not what the other files say held right after their instant."""
    rows = int(run.end_s // BIN_S) + 1
    at = np.arange(rows, dtype=np.float64) * BIN_S
    if [row.t_s for row in run.timeline] != at.tolist():
        yield f"timeline.csv does not have a row each {BIN_S} s from 0 to {at[-1]} s"
        return
    starts, ends = _loan_times(run)
    submits = np.sort([job.submit_s for job in run.jobs])
    finishes = np.sort([job.finish_s for job in run.jobs])
    base = {(row.job_id, row.start_s, row.end_s) for row in run.held if row.is_base}
    running = _count(np.sort([start for _, start, _ in base]), at)
    running -= _count(np.sort([end for _, _, end in base]), at)
    places = np.arange(rows) % len(demand)
    expected = {
        "queued_jobs": _count(submits, at) - _count(finishes, at) - running,
        "running_jobs": running,
        "training_gpus_used": _gpus_held(run, at, on_loan=False),
        "on_loan_servers": _count(starts, at) - _count(ends, at),
        "on_loan_gpus_used": _gpus_held(run, at, on_loan=True),
        "inference_demand_servers": np.asarray(demand)[places],
    }
    for name, found in expected.items():
        stated = np.array([getattr(row, name) for row in run.timeline])
        for place in np.flatnonzero(stated != found)[:20]:
            yield (
                f"timeline.csv says {name} = {stated[place]} at {at[place]} s; the tables say "
                f"{found[place]}"
            )


def _gpus_held(run: RunFiles, at: Array, *, on_loan: bool) -> NDArray[np.int64]:
    rows = [row for row in run.held if row.is_on_loan is on_loan]
    times = np.array([row.start_s for row in rows] + [row.end_s for row in rows])
    steps = np.array([row.gpus for row in rows] + [-row.gpus for row in rows], dtype=np.int64)
    order = np.argsort(times, kind="stable")
    sums = np.concatenate([[0], np.cumsum(steps[order])])
    return np.asarray(sums[_count(times[order], at)])


def forecast_faults(run: RunFiles) -> Iterator[str]:
    """A forecast is never below the last value known when it was made."""
    ended: int | None = None
    for row in run.timeline:
        forecast = row.forecast_servers
        if forecast is not None and ended is not None and forecast < ended - 1e-9:
            yield f"the forecast at {row.t_s} s is {forecast}, below the last value known, {ended}"
        ended = row.inference_demand_servers
