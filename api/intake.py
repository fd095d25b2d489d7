"""From a request to a job's spec, by the rules that hold for the rows of a trace (spec §3)."""

from dataclasses import replace

from api.errors import Refused
from api.known import Known
from api.parts import CheckTemplate
from api.schemas.jobs import BoundsChange, NewJob
from aryl.kube.kinds.templates import check_worker, chosen
from aryl.kube.options import KubeOptions
from aryl.model.errors import BadInput
from aryl.model.job import JobSpec
from aryl.store.templates import Template
from traces.job import Trace, TraceJob
from traces.specs import job_specs

BODY = "body"  # where a row stands that comes from a request


def spec_of(asked: NewJob, known: Known, submit_s: float) -> JobSpec:
    """The job that is asked for; without a name, the store gives it one.

    Raises `BadInput` for workers that don't agree with each other, and `Refused` for a job that
    could never start.
    """
    allowed = asked.allowed_workers
    row = TraceJob(
        1,
        asked.id or "",
        submit_s,
        asked.num_gpus,
        asked.duration_s,
        gpus_per_worker=asked.gpus_per_worker,
        min_workers=asked.min_workers,
        max_workers=asked.max_workers,
        allowed_workers=tuple(sorted(set(allowed))) if allowed else None,
        fungible=asked.fungible,
        heterogeneous=asked.heterogeneous,
        checkpoint_s=asked.checkpoint_s,
        estimated_duration_s=asked.estimated_duration_s,
        carry_in=asked.carry_in,
        priority=asked.priority,
        user=asked.user,
        queue=asked.queue,
        model=asked.model,
    )
    return _checked(row, known)


def rebounded(spec: JobSpec, change: BoundsChange, known: Known) -> JobSpec:
    """A job with other bounds. Raises as `spec_of` does."""
    row = TraceJob(
        1,
        spec.job_id,
        spec.submit_s,
        spec.num_gpus,
        spec.duration_s,
        gpus_per_worker=spec.gpus_per_worker,
        min_workers=spec.min_workers if change.min_workers is None else change.min_workers,
        max_workers=spec.max_workers if change.max_workers is None else change.max_workers,
        allowed_workers=spec.allowed_workers or None,
    )
    checked = _checked(row, known)
    return replace(spec, min_workers=checked.min_workers, max_workers=checked.max_workers)


def makes_workers(options: KubeOptions) -> CheckTemplate:
    """Refuses what no worker can be made of on Kubernetes, which only the cluster would tell."""

    def check(template: Template | None, spec: JobSpec) -> None:
        try:
            found, where = chosen(template, options, "template")
            check_worker(found, spec.gpus_per_worker, options.gpu_resource, where)
        except BadInput as error:
            raise Refused("template", str(error)) from None

    return check


def _checked(row: TraceJob, known: Known) -> JobSpec:
    (spec,) = job_specs(Trace(BODY, (row,)), known.gpus_per_server)
    problem = known.empty_pool.never_fits(spec)
    if problem is not None:
        raise Refused("num_gpus", f"it could never start: it {problem}")
    return spec
