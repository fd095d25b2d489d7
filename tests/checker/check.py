"""An independent checker of a run's files: every rule of spec §6 that the files can show.

It shares no code with the simulator, the policy or their model. Each fault is one sentence that
names the job or server and the instant.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from math import floor
from pathlib import Path

from tests.checker.files import Asked, Ended, RunFiles, read_run
from tests.checker.hosting import reclaims_at
from tests.checker.jobs import job_faults, lives, work_faults
from tests.checker.opportunism import opportunism_faults
from tests.checker.preemptions import order_faults, preemption_faults
from tests.checker.reclaims import reclaim_faults
from tests.checker.servers import server_faults, unfounded_loans
from tests.checker.shape import RIGID_SCHEMES, SUSPENDING_SCHEMES, Knobs, Shape
from tests.checker.suspensions import suspension_faults
from tests.checker.totals import Demand, forecast_faults, summary_faults, timeline_faults


def check_run(
    run_dir: Path, trace: Path, demand: Demand, shape: Shape, knobs: Knobs | None = None
) -> list[str]:
    """All faults of a run under the linear speed-up model; none: the run obeys the rules.

    `demand` is the servers that inference needs in each bin of 300 s; it repeats. `knobs` are the
    policy's, where they differ from the defaults.
    """
    run, knobs = read_run(run_dir, trace), knobs or Knobs()
    strange = list(_input_faults(run, shape))
    if strange:
        return strange
    lived = list(lives(run, shape, knobs))
    back = reclaims_at(run)
    faults = [
        server_faults(run, shape, knobs),
        *(job_faults(life, run.held_by.get(life.job.job_id, ())) for life in lived),
        *(work_faults(life, back) for life in lived),
        opportunism_faults(run, lived),
        suspension_faults(run, lived, knobs)
        if run.summary["scheme"] in SUSPENDING_SCHEMES
        else preemption_faults(run, lived, knobs),
        order_faults(run),
        summary_faults(run, shape, demand),
        timeline_faults(run, demand),
    ]
    if not knobs.decision_latency_s:  # else plans were made of an older state
        faults += [unfounded_loans(run, shape, knobs), forecast_faults(run)]
        faults += [reclaim_faults(run, shape)]
    return list(chain.from_iterable(faults))


def _input_faults(run: RunFiles, shape: Shape) -> Iterator[str]:
    """Jobs that are not those of the trace."""
    rejected = {row["job_id"] for row in run.summary["rejected"]}
    ended = [job.job_id for job in run.jobs]
    if len(set(ended)) != len(ended):
        yield "jobs.csv lists a job twice"
    for name in sorted(run.asked.keys() - rejected - set(ended)):
        yield f"{name} is in the trace but neither in jobs.csv nor rejected"
    for name in sorted(set(ended) - (run.asked.keys() - rejected)):
        yield f"{name} is in jobs.csv but was rejected, or is not in the trace"
    for name in sorted(run.held_by.keys() - set(ended)):
        yield f"{name} holds GPUs but is not in jobs.csv"
    yield from _altered(run, shape)
    is_rigid = run.summary["scheme"] in RIGID_SCHEMES
    for name, asked in run.asked.items():
        if _fits(asked, shape, is_rigid=is_rigid) is (name in rejected):
            yield f"{name} {'is rejected but fits' if name in rejected else 'can never fit'}"


def _altered(run: RunFiles, shape: Shape) -> Iterator[str]:
    for job in run.jobs:
        asked = run.asked.get(job.job_id)
        if asked and not _as_asked(job, asked, run.workload, shape):
            yield f"{job.job_id} is not in jobs.csv as it was submitted"


def _as_asked(job: Ended, asked: Asked, workload: Mapping[str, float], shape: Shape) -> bool:
    """Whether a job is the trace's, but for what was drawn."""
    return (
        (job.submit_s, job.num_gpus) == (asked.submit_s, asked.num_gpus)
        and job.gpus_per_worker == asked.worker_gpus(shape.training_gpus)
        and (job.min_workers, job.max_workers) in _ranges(asked, workload, shape)
        and job.elastic == (job.max_workers > job.min_workers)
        and job.fungible in _flags(asked.fungible, workload["fungible_jobs"])
        and job.heterogeneous in _flags(asked.heterogeneous, workload["heterogeneous_jobs"])
        and job.carry_in == asked.carry_in
    )


def _flags(asked: bool | None, share: float) -> set[bool]:
    """What a flag may come to where a share of the jobs gets it."""
    if share == 1 or asked is not None:
        return {share == 1 or asked is True}
    return {False, True} if share else {False}


def _ranges(asked: Asked, workload: Mapping[str, float], shape: Shape) -> set[tuple[int, int]]:
    """The least and most workers that a job may have."""
    requested = asked.num_gpus // asked.worker_gpus(shape.training_gpus)
    as_it_was = asked.min_workers or requested, asked.max_workers or requested
    most = floor(workload["range"] * requested)
    grown = requested, max((n for n in asked.allowed_workers if n <= most), default=most)
    if workload["elastic_jobs"] == 1:
        return {grown if as_it_was == (requested, requested) else as_it_was}
    is_open = workload["elastic_jobs"] and not (asked.min_workers or asked.max_workers)
    return {as_it_was, grown} if is_open else {as_it_was}


def _fits(asked: Asked, shape: Shape, *, is_rigid: bool) -> bool:
    """Whether an empty training pool holds the base workers, none split over servers."""
    size = asked.worker_gpus(shape.training_gpus)
    requested = asked.num_gpus // size
    base = requested if is_rigid else asked.min_workers or requested
    return base <= shape.training_servers * (shape.training_gpus // size)
