"""What is wrong with model values that come from a file, where nobody has checked them yet.

Each answer is a sentence; an empty one means that nothing is wrong.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from aryl.model.cluster import Cluster, Loan, Pool, Server
from aryl.model.job import Holding, Job, JobSpec, Placement
from aryl.policy.units import training_workers

AT_LEAST_0 = ("submit_s", "duration_s", "checkpoint_s", "estimated_duration_s")
KINDS: Mapping[type, Mapping[str, Any]] = {  # of each field that a value is made with
    kind: {f.name: get_type_hints(kind)[f.name] for f in fields(kind) if f.init}
    for kind in (Cluster, Server, Loan, Job, JobSpec, Placement)
}


def misfit(value: object) -> str:
    """The first field of a model value whose content is not of the field's type, or impossible."""
    for name, kind in KINDS[type(value)].items():
        content = getattr(value, name)
        if not _fits(content, kind):
            return f"{name} is {content!r}"
        for part in content if isinstance(content, tuple) else (content,):
            fault = misfit(part) if is_dataclass(part) else ""
            if fault:
                return f"{name}: {fault}"
    if isinstance(value, Cluster):
        return _misshapen(value)
    return _impossible(value) if isinstance(value, JobSpec) else ""


def books_fault(cluster: Cluster, running: Iterable[Job], loans: Iterable[Loan]) -> str:
    """Why no books can be kept of what runs: a server is unknown, overfull or not on loan."""
    usable = {s.id: s.usable_gpus for s in cluster.servers if s.pool is Pool.TRAINING}
    for loan in loans:
        if loan.server_id not in cluster.by_id or loan.server_id in usable:
            return f"a loan of {loan.server_id}, which is no inference server"
        if loan.is_open:
            usable[loan.server_id] = cluster.by_id[loan.server_id].usable_gpus
    used: Counter[str] = Counter()
    for job in running:
        for p in job.placements:
            used[p.server_id] += p.workers * job.spec.gpus_per_worker
            is_over = used[p.server_id] > usable.get(p.server_id, 0)
            if is_over or p.workers < 1 or p.pool is not cluster.pool_of(p.server_id):
                return f"{job.id} can't hold {p.workers} workers on {p.server_id}"
        base = Holding(job.holding.base, (0, 0))
        if not training_workers(cluster, base):
            return f"{job.id} runs without base workers"
    return ""


def _fits(value: object, kind: Any) -> bool:  # noqa: ANN401 - a type, or what stands for several
    if kind is float:
        return type(value) in (int, float) and isfinite(value)  # type: ignore[arg-type]
    if kind in (int, bool):
        return type(value) is kind
    if get_origin(kind) is tuple:
        parts = value if isinstance(value, tuple) else (None,)
        return all(_fits(part, get_args(kind)[0]) for part in parts)
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    return isinstance(value, kind)


def _impossible(spec: JobSpec) -> str:
    """Sizes and times that no job has (spec §3)."""
    for name in AT_LEAST_0:
        if getattr(spec, name) < 0:
            return f"{spec.job_id}: {name} is {getattr(spec, name)}"
    size, requested = spec.gpus_per_worker, spec.num_gpus
    if size < 1 or requested < size or requested % size:
        return f"{spec.job_id}: {requested} GPUs in workers of {size}"
    least, most = spec.min_workers, spec.max_workers
    if not 1 <= least <= most:
        return f"{spec.job_id}: {least} to {most} workers"
    return ""


def _misshapen(cluster: Cluster) -> str:
    """Shapes that no cluster has."""
    if cluster.factor < 1:
        return f"a factor of {cluster.factor}"
    if len(cluster.by_id) < len(cluster.servers):
        return "a server that is listed twice"
    for server in cluster.servers:
        if server.gpus < 1 or not 0 <= server.shut_gpus <= server.gpus:
            return f"{server.id} has {server.gpus} GPUs, {server.shut_gpus} of them shut"
    return ""
