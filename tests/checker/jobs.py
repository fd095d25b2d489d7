"""Rules of jobs: each from its first worker to its last, against what was asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

from tests.checker.files import Asked, Ended, Held, RunFiles
from tests.checker.shape import RIGID_SCHEMES, Knobs, Shape

EXACT = 1e-6  # relative: work and times are sums of floats


class Run(NamedTuple):
    """An interval during which a job held its base workers, with all rows that lie in it."""

    start_s: float
    end_s: float
    base: tuple[Held, ...]
    flexible: tuple[Held, ...]


class Stretch(NamedTuple):
    """A part of a run with the same workers, by pool."""

    start_s: float
    end_s: float
    training: int
    on_loan: int


@dataclass(frozen=True, slots=True)
class Life:
    """A job's runs in order, with all that they are measured by."""

    job: Ended
    asked: Asked
    runs: tuple[Run, ...]
    shape: Shape
    knobs: Knobs
    is_rigid: bool

    def units(self, stretch: Stretch) -> int:
        """The whole training workers that a stretch's workers stand for."""
        return stretch.training + floor(stretch.on_loan / self.shape.factor + 1e-9)

    def is_whole(self, stretch: Stretch) -> bool:
        """Whether no unit of workers on the inference pool's GPU type is broken."""
        units = floor(stretch.on_loan / self.shape.factor + 1e-9)
        return stretch.on_loan == ceil(units * self.shape.factor - 1e-9)


def lives(run: RunFiles, shape: Shape, knobs: Knobs) -> Iterator[Life]:
    """The life of each job of jobs.csv that the trace knows."""
    is_rigid = run.summary["scheme"] in RIGID_SCHEMES
    for job in run.jobs:
        asked = run.asked.get(job.job_id)
        if asked:
            runs = _runs(run.held_by.get(job.job_id, ()))
            yield Life(job, asked, runs, shape, knobs, is_rigid)


def _runs(rows: Sequence[Held]) -> tuple[Run, ...]:
    spans: dict[tuple[float, float], tuple[list[Held], list[Held]]] = {}
    for row in rows:
        if row.is_base:
            spans.setdefault((row.start_s, row.end_s), ([], []))[0].append(row)
    for row in rows:
        if not row.is_base:
            for (start_s, end_s), (_, flexible) in spans.items():
                if start_s <= row.start_s and row.end_s <= end_s:
                    flexible.append(row)
                    break
    return tuple(
        Run(*span, tuple(base), tuple(flexible)) for span, (base, flexible) in sorted(spans.items())
    )


def job_faults(life: Life, rows: Sequence[Held]) -> Iterator[str]:
    """All that is wrong with what a job held and when."""
    yield from _row_faults(life, rows)
    if not life.runs:
        yield f"{life.job.job_id} never held base workers"
        return
    yield from _life_faults(life)
    for run in life.runs:
        yield from _run_faults(life, run)


def _row_faults(life: Life, rows: Sequence[Held]) -> Iterator[str]:
    job = life.job
    in_runs = sum(len(run.base) + len(run.flexible) for run in life.runs)
    if in_runs != len(rows):
        yield f"{job.job_id} holds flexible workers while it does not run"
    for row in rows:
        if row.kind not in {"base", "flexible"}:
            yield f"{job.job_id} holds workers of no kind: {row.kind}"
        if row.workers < 1 or row.gpus != row.workers * job.gpus_per_worker:
            yield (
                f"{job.job_id} holds {row.gpus} GPUs of {row.server_id} for {row.workers} workers "
                f"of {job.gpus_per_worker} GPUs"
            )
        if row.end_s < row.start_s:
            yield f"{job.job_id} holds {row.server_id} until before it began"
        if row.is_on_loan and not (job.fungible or job.heterogeneous):
            yield f"{job.job_id} is not fungible but holds {row.server_id}"


def _life_faults(life: Life) -> Iterator[str]:
    job, runs = life.job, life.runs
    for before, after in pairwise(runs):
        if after.start_s < before.end_s:
            yield f"{job.job_id} holds its base workers twice at {after.start_s} s"
    if runs[0].start_s != job.first_start_s:
        yield f"{job.job_id} holds base workers from {runs[0].start_s} s, not {job.first_start_s} s"
    if runs[-1].end_s != job.finish_s:
        yield f"{job.job_id} holds base workers until {runs[-1].end_s} s, not {job.finish_s} s"
    if len(runs) - 1 != job.preemptions:
        yield f"{job.job_id} lost its base {len(runs) - 1} times, not {job.preemptions} times"
    if runs[0].start_s < job.submit_s:
        yield f"{job.job_id} starts before it is submitted"
    yield from _time_faults(life)
    yield from _resize_faults(life)


def _time_faults(life: Life) -> Iterator[str]:
    job, runs = life.job, life.runs
    waited_s = job.finish_s - job.submit_s - sum(run.end_s - run.start_s for run in runs)
    if not _equal(waited_s, job.queuing_s, job.finish_s):
        yield f"{job.job_id} was without base workers for {waited_s} s, not {job.queuing_s} s"
    if not _equal(job.finish_s - job.submit_s, job.jct_s, job.finish_s):
        yield f"{job.job_id} took {job.finish_s - job.submit_s} s from submission, not {job.jct_s}"


def _resize_faults(life: Life) -> Iterator[str]:
    """Changes at one instant are one resize; one just before a run's end can't be told from it."""
    least = most = 0
    for run in life.runs:
        changes = {row.start_s for row in run.flexible} | {row.end_s for row in run.flexible}
        least += len(changes - {run.end_s})
        most += len(changes)
    if not least <= life.job.resizes <= most:
        yield f"{life.job.job_id} was resized {least} times, not {life.job.resizes} times"


def _run_faults(life: Life, run: Run) -> Iterator[str]:
    job = life.job
    base = _stretch(run.start_s, run.end_s, run.base)
    required = job.requested_workers if life.is_rigid else job.min_workers
    if life.units(base) != required or not life.is_whole(base):
        yield (
            f"{job.job_id} runs from {run.start_s} s with {life.units(base)} of its {required} "
            f"base workers ({base.training} training and {base.on_loan} on-loan workers)"
        )
    if life.is_rigid and run.flexible:
        at_s = run.flexible[0].start_s
        yield f"{job.job_id} is resized at {at_s} s under a scheme that never does"
    for stretch in stretches(run):
        yield from _stretch_faults(life, stretch)


def _stretch_faults(life: Life, stretch: Stretch) -> Iterator[str]:
    job, units, at = life.job, life.units(stretch), f"at {stretch.start_s} s"
    if not life.is_whole(stretch):
        yield f"{job.job_id} holds a broken unit of on-loan workers ({stretch.on_loan}) {at}"
    if units > job.max_workers:
        yield f"{job.job_id} holds {units} workers {at}; at most {job.max_workers} are allowed"
    if life.asked.allowed_workers and units not in life.asked.allowed_workers:
        yield f"{job.job_id} holds {units} workers {at}, which its list does not allow"
    if stretch.training and stretch.on_loan and not job.heterogeneous:
        yield f"{job.job_id} runs on two GPU types {at}"


def _stretch(start_s: float, end_s: float, rows: Sequence[Held]) -> Stretch:
    on_loan = sum(row.workers for row in rows if row.is_on_loan)
    return Stretch(start_s, end_s, sum(row.workers for row in rows) - on_loan, on_loan)


def stretches(run: Run) -> list[Stretch]:
    """The parts of a run that have any length, in order."""
    if not run.flexible:
        return [_stretch(run.start_s, run.end_s, run.base)] if run.end_s > run.start_s else []
    steps: dict[float, list[int]] = {run.start_s: [0, 0], run.end_s: [0, 0]}
    for row in (*run.base, *run.flexible):
        steps.setdefault(row.start_s, [0, 0])[row.is_on_loan] += row.workers
        steps.setdefault(row.end_s, [0, 0])[row.is_on_loan] -= row.workers
    training = on_loan = 0
    found = []
    times = sorted(steps)
    for start_s, end_s in pairwise(times):
        training, on_loan = training + steps[start_s][0], on_loan + steps[start_s][1]
        found.append(Stretch(start_s, end_s, training, on_loan))
    return found


def work_faults(life: Life, reclaims_at: Mapping[float, frozenset[str]]) -> Iterator[str]:
    """What a job has done, less what preemptions discarded, against its work and its losses.

    A checkpoint written at the very instant of a preemption may count or not.
    """
    job = life.job
    work = life.asked.duration_s * job.requested_workers
    tallies = [_tally(life, reclaims_at, nudge) for nudge in (EXACT, -EXACT)]
    done, lost = min(tallies, key=lambda tally: abs(tally[1] - job.lost_gpu_s))
    if not _equal(lost, job.lost_gpu_s, lost + work * job.gpus_per_worker):
        yield f"{job.job_id} lost {lost} GPU-seconds to preemptions, not {job.lost_gpu_s}"
    kept = done - job.lost_gpu_s / job.gpus_per_worker
    if not _equal(kept, work, max(done, work)):
        yield f"{job.job_id} did {kept} of its {work} worker-seconds of work"


def _tally(
    life: Life, reclaims_at: Mapping[float, frozenset[str]], nudge: float
) -> tuple[float, float]:
    """Work done in all runs, in worker-seconds, and what was lost, in GPU-seconds."""
    job = life.job
    interval = life.asked.checkpoint_s * job.requested_workers
    total = kept = lost = 0.0
    for number, run in enumerate(life.runs):
        made = _progress(life, run, is_restart=number > 0)
        total, kept = total + made, kept + made
        if number < len(life.runs) - 1 and run.end_s in reclaims_at:
            written = floor(kept / interval + nudge) * interval if interval else 0.0
            lost, kept = lost + kept - written, written
    return total, lost * job.gpus_per_worker


def made_before(life: Life, runs: int) -> float:
    """The work done in so many runs, in worker-seconds, where no preemption discards any."""
    return sum(_progress(life, run, is_restart=at > 0) for at, run in enumerate(life.runs[:runs]))


def _progress(life: Life, run: Run, *, is_restart: bool) -> float:
    """The integral of speed over a run; a job stands still while it restarts or is resized."""
    knobs = life.knobs
    resumes_s = run.start_s + (knobs.preemption_overhead_s if is_restart else 0.0)
    changes = {row.start_s for row in run.flexible} | {row.end_s for row in run.flexible}
    done = 0.0
    for stretch in stretches(run):
        if stretch.start_s in changes:
            resumes_s = max(resumes_s, stretch.start_s + knobs.resize_overhead_s)
        is_mixed = stretch.training and stretch.on_loan
        speed = life.units(stretch) * (knobs.heterogeneous_efficiency if is_mixed else 1.0)
        done += speed * max(0.0, stretch.end_s - max(stretch.start_s, resumes_s))
    return done


def _equal(found: float, expected: float, scale: float) -> bool:
    return abs(found - expected) <= EXACT * max(1.0, scale)
