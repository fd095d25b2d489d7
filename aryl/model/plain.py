"""Model values as plain dicts, lists and numbers, and back: for files, databases and wires.

`X_plain` and `X_of` are each other's inverse; floats keep every bit. What is missing in a plain
value has its default, so that values written by an older release can be read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from aryl.model.cluster import Cluster, Condition, Loan, Pool, Server
from aryl.model.job import Job, JobSpec, Placement, WorkerKind
from aryl.model.plan import (
    Action,
    LoanServer,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
)
from aryl.model.reason import Reason, ReasonCode

Plain = dict[str, Any]

_SPEC = tuple(f.name for f in fields(JobSpec))
_JOB = tuple(f.name for f in fields(Job) if f.name not in {"spec", "placements"})
_spec_values, _job_values = attrgetter(*_SPEC), attrgetter(*_JOB)  # thousands of jobs at a time
_ACTIONS: Mapping[str, Callable[..., Action]] = {
    kind.__name__: kind for kind in (StartJob, ResizeJob, PreemptJob, LoanServer, ReclaimServer)
}


def spec_plain(spec: JobSpec) -> Plain:
    """A job's spec."""
    plain: Plain = dict(zip(_SPEC, _spec_values(spec), strict=True))
    plain["allowed_workers"] = list(spec.allowed_workers)
    return plain


def spec_of(plain: Mapping[str, Any]) -> JobSpec:
    """The spec that `spec_plain` wrote."""
    known = {name: plain[name] for name in _SPEC if name in plain}
    known["allowed_workers"] = tuple(known.get("allowed_workers", ()))
    return JobSpec(**known)


def job_plain(job: Job) -> Plain:
    """A job as it stands."""
    plain: Plain = dict(zip(_JOB, _job_values(job), strict=True))
    plain["spec"] = spec_plain(job.spec)
    plain["placements"] = placements_plain(job.placements)
    return plain


def job_of(plain: Mapping[str, Any]) -> Job:
    """The job that `job_plain` wrote."""
    known = {name: plain[name] for name in _JOB if name in plain}
    return Job(spec_of(plain["spec"]), placements_of(plain["placements"]), **known)


def placements_plain(placements: Iterable[Placement]) -> list[Plain]:
    """Placements, each with the name of its pool."""
    return [
        {"server_id": p.server_id, "pool": p.pool.label, "kind": p.kind.value, "workers": p.workers}
        for p in placements
    ]


def placements_of(plain: Iterable[Mapping[str, Any]]) -> tuple[Placement, ...]:
    """The placements that `placements_plain` wrote."""
    return tuple(
        Placement(p["server_id"], Pool[p["pool"].upper()], WorkerKind(p["kind"]), p["workers"])
        for p in plain
    )


def reason_plain(reason: Reason) -> Plain:
    """A reason: its code, its sentence and its numbers."""
    return {"code": reason.code.name, "text": reason.text, "numbers": dict(reason.numbers)}


def reason_of(plain: Mapping[str, Any]) -> Reason:
    """The reason that `reason_plain` wrote."""
    return Reason(ReasonCode[plain["code"]], tuple(plain["numbers"].items()))


def action_plain(action: Action) -> Plain:
    """An action under its name, with its subject, its workers and its reason."""
    plain: Plain = {"action": type(action).__name__}
    match action:
        case StartJob():
            plain |= {"job_id": action.job_id, "placements": placements_plain(action.placements)}
        case ResizeJob():
            removed, added = placements_plain(action.remove), placements_plain(action.add)
            plain |= {"job_id": action.job_id, "remove": removed, "add": added}
        case PreemptJob():
            plain |= {"job_id": action.job_id, "suspends": action.suspends}
        case LoanServer() | ReclaimServer():
            plain |= {"server_id": action.server_id}
    return plain | {"reason": reason_plain(action.reason)}


def action_of(plain: Mapping[str, Any]) -> Action:
    """The action that `action_plain` wrote."""
    held = {"placements", "remove", "add"}
    given = {k: placements_of(v) if k in held else v for k, v in plain.items() if k != "action"}
    return _ACTIONS[plain["action"]](**(given | {"reason": reason_of(plain["reason"])}))


def loan_plain(loan: Loan) -> Plain:
    """A loan."""
    return {"server_id": loan.server_id, "start_s": loan.start_s, "reclaim_s": loan.reclaim_s}


def loan_of(plain: Mapping[str, Any]) -> Loan:
    """The loan that `loan_plain` wrote."""
    return Loan(plain["server_id"], plain["start_s"], plain["reclaim_s"])


def cluster_plain(cluster: Cluster) -> Plain:
    """Both pools, server by server, and what the inference pool's GPUs are worth."""
    return {
        "factor": cluster.factor,
        "training_gpu_type": cluster.training_gpu_type,
        "inference_gpu_type": cluster.inference_gpu_type,
        "servers": [_server_plain(server) for server in cluster.servers],
    }


def cluster_of(plain: Mapping[str, Any]) -> Cluster:
    """The cluster that `cluster_plain` wrote."""
    return Cluster(
        _servers_of(plain["servers"]),
        plain["factor"],
        plain["training_gpu_type"],
        plain["inference_gpu_type"],
    )


def _server_plain(server: Server) -> list[Any]:
    """A server; what nearly all have in common is left out."""
    plain: list[Any] = [server.id, server.pool.label, server.gpus]
    if server.shut_gpus or server.condition is not Condition.OPEN:
        plain += [server.shut_gpus, server.condition.value]
    return plain


def _servers_of(plain: Sequence[Sequence[Any]]) -> tuple[Server, ...]:
    return tuple(_server_of(row, index) for index, row in enumerate(plain))


def _server_of(plain: Sequence[Any], index: int) -> Server:
    name, pool, gpus, *state = plain
    shut_gpus, condition = state or (0, Condition.OPEN)
    return Server(name, Pool[pool.upper()], gpus, index, shut_gpus, Condition(condition))
