"""Generates the built-in workload, calibrated to the paper's training cluster (paper §9).

Quantiles are met by construction: run times and sizes are ranks of random scores read off a fixed
distribution, so that every seed has the same mix in another order. docs/calibration.md compares
the outcome with the paper.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.job import Trace, TraceJob, trace_of
from traces.synthetic_arrivals import DAY_S, draw_starts_s
from traces.synthetic_people import MODELS, QUEUES, People, draw_people
from traces.synthetic_recipe import (
    OFFERED_LOAD,
    PAPER,
    PAPER_DAYS,
    PAPER_GPUS,
    PAPER_JOBS,
    SIZES_GPUS,
    Recipe,
)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much workload: `load` is GPU-seconds asked for by those of the cluster in `days`."""

    jobs: int = PAPER_JOBS
    days: float = PAPER_DAYS
    gpus: int = PAPER_GPUS
    load: float = OFFERED_LOAD


@dataclass(frozen=True, slots=True)
class Workload:
    """Jobs as arrays, by submission; `user` is a number, `model` a place in MODELS."""

    submit_s: NDArray[np.float64]
    num_gpus: NDArray[np.int64]
    duration_s: NDArray[np.float64]
    user: NDArray[np.int64]
    model: NDArray[np.int64]


def generate(
    *,
    seed: int,
    jobs: int = PAPER_JOBS,
    days: float = PAPER_DAYS,
    gpus: int = PAPER_GPUS,
    load: float = OFFERED_LOAD,
) -> Trace:
    """Generate a trace of `jobs` jobs in `days` days for a training pool of `gpus` GPUs.

    Its shape is the paper's; run times are stretched so that the jobs ask for `load` of the pool's
    GPU-seconds, whatever the other numbers. The same arguments give the same trace.
    Raises ValueError for a number that is not positive.
    """
    extent = Extent(jobs, days, gpus, load)
    if min(jobs, days, gpus, load) <= 0:
        raise ValueError(f"jobs, days, gpus and load must be positive, not {extent}")
    return _trace_of(draw_workload(seed, extent, PAPER), f"synthetic (seed {seed})")


def draw_workload(seed: int, extent: Extent, recipe: Recipe) -> Workload:
    """Draw the jobs of a recipe as arrays."""
    chance = np.random.Generator(np.random.PCG64(seed))
    people = draw_people(chance, extent.jobs, recipe)
    batch = np.repeat(np.arange(len(people.jobs)), people.jobs)
    first = np.cumsum(people.jobs) - people.jobs
    run_s = _run_times_s(chance, people, batch, recipe)
    is_long = run_s[first] >= recipe.long_run_s
    gpus = _sizes(chance, people, run_s[first], recipe)
    gpus = np.minimum(gpus, _largest_gang(extent.gpus))[batch]
    offered = extent.load * extent.gpus * extent.days * DAY_S
    run_s = np.maximum(1.0, np.round(run_s * offered / (run_s * gpus).sum()))
    gpu_s = np.add.reduceat(run_s * gpus, first)
    start_s = draw_starts_s(chance, gpu_s, is_long, extent.days, recipe)
    gap_s = chance.exponential(recipe.sweep_gap_s, len(people.jobs))
    submit_s = start_s[batch] + (np.arange(len(batch)) - first[batch]) * gap_s[batch]
    submit_s = np.floor(np.minimum(submit_s, extent.days * DAY_S - 1))
    order = np.argsort(submit_s, kind="stable")
    return Workload(
        submit_s[order],
        gpus[order],
        run_s[order],
        people.user[batch][order],
        people.model[batch][order],
    )


def _run_times_s(
    chance: np.random.Generator, people: People, batch: NDArray[np.int64], recipe: Recipe
) -> NDArray[np.float64]:
    """Draw a run time per job, alike within a project and almost the same within a batch."""
    leaning = np.where(people.jobs > 1, -recipe.sweep_shortness, 0.0)
    score = (_scores(chance, people, recipe) + leaning)[batch]
    score += recipe.sweep_spread * chance.standard_normal(len(batch))
    share, seconds = np.array(recipe.run_time_knots).T
    return np.asarray(np.exp(np.interp(_ranks(score), share, np.log(seconds))))


def _sizes(
    chance: np.random.Generator, people: People, run_s: NDArray[np.float64], recipe: Recipe
) -> NDArray[np.int64]:
    """Draw the GPUs of each batch from the odds of its class of run time."""
    score = _scores(chance, people, recipe)
    choices = np.array(SIZES_GPUS)
    gpus = np.empty(len(run_s), np.int64)
    kind = np.digitize(run_s, (recipe.long_run_s, recipe.days_run_s))
    for which, odds in enumerate((recipe.short_sizes, recipe.long_sizes, recipe.days_sizes)):
        chosen = np.flatnonzero(kind == which)
        cumulated = np.cumsum(odds) / np.sum(odds)
        place = np.searchsorted(cumulated, _ranks(score[chosen]), side="right")
        gpus[chosen] = choices[np.minimum(place, len(choices) - 1)]
    is_sweep = people.jobs > 1
    return np.where(is_sweep, np.minimum(gpus, recipe.sweep_max_gpus), gpus)


def _scores(chance: np.random.Generator, people: People, recipe: Recipe) -> NDArray[np.float64]:
    """Draw a normal score per batch, part of which is its project's."""
    common = chance.standard_normal(people.projects)[people.project]
    own = chance.standard_normal(len(people.project))
    likeness = recipe.project_likeness
    return np.asarray(np.sqrt(likeness) * common + np.sqrt(1 - likeness) * own)


def _ranks(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place each score among all, evenly in (0, 1)."""
    ranks = np.empty(len(score))
    ranks[np.argsort(score, kind="stable")] = (np.arange(len(score)) + 0.5) / max(1, len(score))
    return ranks


def _largest_gang(gpus: int) -> int:
    """Answer the largest power of two within an eighth of the pool, and at least one GPU."""
    return 1 << max(0, (gpus // 8).bit_length() - 1)


def _trace_of(workload: Workload, name: str) -> Trace:
    jobs = len(workload.submit_s)
    width = len(str(jobs))
    people = [f"user{n:04d}" for n in range(int(workload.user.max()) + 1)]
    rows = zip(
        workload.submit_s.tolist(),
        workload.num_gpus.tolist(),
        workload.duration_s.tolist(),
        workload.user.tolist(),
        workload.model.tolist(),
        strict=True,
    )
    return trace_of(
        name,
        [
            TraceJob(
                line=number + 1,
                job_id=f"job-{number:0{width}d}",
                submit_s=submit_s,
                num_gpus=gpus,
                duration_s=duration_s,
                user=people[user],
                queue=f"vc{user % QUEUES + 1:02d}",
                model=MODELS[model],
            )
            for number, (submit_s, gpus, duration_s, user, model) in enumerate(rows, start=1)
        ],
    )
