"""Makes jobs of a trace's rows: fills in defaults and checks what depends on the server size."""

from dataclasses import dataclass
from math import gcd

from aryl.model.errors import BadInput
from aryl.model.job import JobSpec
from traces.job import Trace, TraceJob


@dataclass(frozen=True, slots=True)
class _Range:
    """The training workers of one job, all known."""

    gpus_per_worker: int
    requested: int
    least: int
    most: int


def job_specs(trace: Trace, gpus_per_server: int) -> list[JobSpec]:
    """Make the jobs of a trace, in its order, with the defaults of spec §3.

    `gpus_per_server` is that of the training pool. `allowed_workers` must hold the requested
    workers and `min_workers`; its numbers outside [min_workers, max_workers] are left out. Raises
    BadInput for min > max, a requested size outside [min, max] or not a multiple of
    gpus_per_worker, and an allowed list as above. A job that can never fit is not bad input.
    """
    return [_spec(trace.path, job, gpus_per_server) for job in trace.jobs]


def _spec(file: str, job: TraceJob, gpus_per_server: int) -> JobSpec:
    workers = _range(file, job, gpus_per_server)
    estimated_s = job.estimated_duration_s
    return JobSpec(
        job_id=job.job_id,
        submit_s=job.submit_s,
        num_gpus=job.num_gpus,
        duration_s=job.duration_s,
        gpus_per_worker=workers.gpus_per_worker,
        min_workers=workers.least,
        max_workers=workers.most,
        allowed_workers=_allowed(file, job, workers) if job.allowed_workers else (),
        fungible=bool(job.fungible),
        heterogeneous=bool(job.heterogeneous),
        checkpoint_s=job.checkpoint_s or 0.0,
        estimated_duration_s=job.duration_s if estimated_s is None else estimated_s,
        carry_in=bool(job.carry_in),
        priority=job.priority or 0,
        user=job.user or "",
        queue=job.queue or "",
        model=job.model or "",
    )


def default_gpus_per_worker(num_gpus: int, gpus_per_server: int) -> int:
    """One worker if the job fits on a server, else the largest workers that tile whole servers."""
    return num_gpus if num_gpus <= gpus_per_server else gcd(num_gpus, gpus_per_server)


def _range(file: str, job: TraceJob, gpus_per_server: int) -> _Range:
    size = job.gpus_per_worker or default_gpus_per_worker(job.num_gpus, gpus_per_server)
    requested, rest = divmod(job.num_gpus, size)
    if rest:
        problem = "is not a whole number of workers"
        expected = f"a multiple of gpus_per_worker = {size}"
        raise BadInput(file, problem, job.line, "num_gpus", job.num_gpus, expected)
    if job.min_workers is None and job.max_workers is None:
        return _Range(size, requested, requested, requested)
    least = requested if job.min_workers is None else job.min_workers
    most = requested if job.max_workers is None else job.max_workers
    if job.min_workers is not None and job.max_workers is not None and least > most:
        raise BadInput(
            file, "is more than max_workers", job.line, "min_workers", least, f"at most {most}"
        )
    if not least <= requested <= most:
        problem = f"is {requested} workers of {size} GPUs"
        expected = f"between min_workers = {least} and max_workers = {most}"
        raise BadInput(file, problem, job.line, "num_gpus", job.num_gpus, expected)
    return _Range(size, requested, least, most)


def _allowed(file: str, job: TraceJob, workers: _Range) -> tuple[int, ...]:
    listed = job.allowed_workers or ()
    for name, needed in (("min_workers", workers.least), ("num_gpus", workers.requested)):
        if needed not in listed:
            text = "|".join(map(str, listed))
            problem = f"leaves out the {needed} workers of {name}"
            expected = "a list with min_workers and the requested workers in it"
            raise BadInput(file, problem, job.line, "allowed_workers", text, expected)
    return tuple(count for count in listed if workers.least <= count <= workers.most)
