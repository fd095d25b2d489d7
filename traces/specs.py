"""Makes jobs of a trace's rows: fills in defaults and checks what depends on the server size."""

from dataclasses import dataclass
from math import gcd

from aryl.model.errors import BadInput
from aryl.model.job import JobSpec
from traces.job import Trace, TraceJob


@dataclass(frozen=True, slots=True)
class _Shape:
    """The workers of a job, all known: shared by the many jobs that are alike."""

    gpus_per_worker: int
    min_workers: int
    max_workers: int
    allowed_workers: tuple[int, ...]


def job_specs(trace: Trace, gpus_per_server: int) -> list[JobSpec]:
    """Make the jobs of a trace, in its order, with the defaults of spec §3.

    `gpus_per_server` is that of the training pool. `allowed_workers` must hold the requested
    workers and `min_workers`; its numbers outside [min_workers, max_workers] do not count. Raises
    BadInput for min > max, a requested size outside [min, max] or not a multiple of
    gpus_per_worker, and an allowed list as above. A job that can never fit is not bad input.
    """
    shapes: dict[object, _Shape] = {}
    specs = []
    for job in trace.jobs:
        key = (
            job.num_gpus,
            job.gpus_per_worker,
            job.min_workers,
            job.max_workers,
            job.allowed_workers,
        )
        shape = shapes.get(key)
        if shape is None:
            shape = shapes[key] = _shape(trace.path, job, gpus_per_server)
        specs.append(_spec(job, shape))
    return specs


def default_gpus_per_worker(num_gpus: int, gpus_per_server: int) -> int:
    """One worker if the job fits on a server, else the largest workers that tile whole servers."""
    return num_gpus if num_gpus <= gpus_per_server else gcd(num_gpus, gpus_per_server)


def _spec(job: TraceJob, shape: _Shape) -> JobSpec:
    estimated_s = job.estimated_duration_s
    return JobSpec(
        job.job_id,
        job.submit_s,
        job.num_gpus,
        job.duration_s,
        shape.gpus_per_worker,
        shape.min_workers,
        shape.max_workers,
        shape.allowed_workers,
        fungible=job.fungible or False,
        heterogeneous=job.heterogeneous or False,
        checkpoint_s=job.checkpoint_s or 0.0,
        estimated_duration_s=job.duration_s if estimated_s is None else estimated_s,
        carry_in=job.carry_in or False,
        priority=job.priority or 0,
        user=job.user or "",
        queue=job.queue or "",
        model=job.model or "",
    )


def _shape(file: str, job: TraceJob, gpus_per_server: int) -> _Shape:
    size = job.gpus_per_worker or default_gpus_per_worker(job.num_gpus, gpus_per_server)
    requested, rest = divmod(job.num_gpus, size)
    if rest:
        raise BadInput(
            file,
            "is not a whole number of workers",
            job.line,
            "num_gpus",
            job.num_gpus,
            f"a multiple of gpus_per_worker = {size}",
        )
    least = requested if job.min_workers is None else job.min_workers
    most = requested if job.max_workers is None else job.max_workers
    _check_range(file, job, (least, requested, most))
    return _Shape(size, least, most, _allowed(file, job, (least, requested, most)))


def _check_range(file: str, job: TraceJob, workers: tuple[int, int, int]) -> None:
    least, requested, most = workers
    if job.min_workers is not None and job.max_workers is not None and least > most:
        problem = "is more than max_workers"
        raise BadInput(file, problem, job.line, "min_workers", least, f"at most {most}")
    if not least <= requested <= most:
        problem = f"asks for {requested} workers"
        expected = f"between min_workers = {least} and max_workers = {most}"
        raise BadInput(file, problem, job.line, "num_gpus", job.num_gpus, expected)


def _allowed(file: str, job: TraceJob, workers: tuple[int, int, int]) -> tuple[int, ...]:
    listed = job.allowed_workers or ()
    least, requested, _ = workers
    if listed and not {least, requested} <= set(listed):
        problem = f"leaves out the least ({least}) or the requested ({requested}) workers"
        expected = "a list that holds both"
        value = "|".join(map(str, listed))
        raise BadInput(file, problem, job.line, "allowed_workers", value, expected)
    return listed
