"""Model values for tests, by keyword, with dull defaults: a test states only what it is about."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from aryl.engine.ports import Observation
from aryl.model.books import capacity_of, holders_of
from aryl.model.cluster import Cluster, Condition, Loan, Pool, Server
from aryl.model.demand import DemandHistory
from aryl.model.job import Job, JobSpec, Placement, WorkerKind, holding_of
from aryl.model.plan import (
    Action,
    LoanServer,
    Plan,
    PreemptJob,
    ReclaimServer,
    ResizeJob,
    StartJob,
)
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.ranking import RankedQueue
from aryl.policy.registry import load_policy
from aryl.policy.rules import rules_of
from aryl.policy.units import speed

UNRANKED = ""  # a queue whose ranking a decision does not know: it ranks the jobs itself

BOTH = Due.ORCHESTRATE | Due.SCHEDULE


def make_spec(job_id: str = "job", **changes: Any) -> JobSpec:
    """A job of one 1-GPU worker that runs for 100 s; sizes follow from each other."""
    size = changes.setdefault("gpus_per_worker", 1)
    requested = changes.pop("workers", changes.get("min_workers", 1))
    changes.setdefault("num_gpus", requested * size)
    requested = changes["num_gpus"] // size
    changes.setdefault("min_workers", requested)
    changes.setdefault("max_workers", requested)
    changes.setdefault("submit_s", 0.0)
    changes.setdefault("duration_s", 100.0)
    changes.setdefault("estimated_duration_s", changes["duration_s"])
    return JobSpec(job_id, **changes)


def make_job(job_id: str = "job", **changes: Any) -> Job:
    """A queued job; changes to what a `Job` holds, or else to its spec."""
    known = {f.name for f in fields(Job)}
    own = {name: changes.pop(name) for name in tuple(changes) if name in known}
    spec = own.pop("spec", None) or make_spec(job_id, **changes)
    return Job(spec, **own)


def make_cluster(
    training: Sequence[int] = (8,), inference: Sequence[int] = (), *, factor: float = 1.0
) -> Cluster:
    """A cluster of servers `train-0001…` and `infer-0001…` with the given numbers of GPUs."""
    names = [(f"train-{n:04d}", Pool.TRAINING, g) for n, g in enumerate(training, 1)]
    names += [(f"infer-{n:04d}", Pool.INFERENCE, g) for n, g in enumerate(inference, 1)]
    servers = tuple(Server(name, pool, gpus, at) for at, (name, pool, gpus) in enumerate(names))
    return Cluster(servers, factor)


def conditioned(cluster: Cluster, **changes: Condition | int) -> Cluster:
    """The cluster with other conditions of servers (`infer_0001=Condition.BUSY`), or GPUs shut."""
    names = {name.replace("_", "-"): change for name, change in changes.items()}
    assert names.keys() <= cluster.by_id.keys()
    servers = [
        server
        if (change := names.get(server.id)) is None
        else replace(server, condition=change)
        if isinstance(change, Condition)
        else replace(server, shut_gpus=change)
        for server in cluster.servers
    ]
    return Cluster(
        tuple(servers), cluster.factor, cluster.training_gpu_type, cluster.inference_gpu_type
    )


def base(server: int, workers: int = 1, *, loaned: bool = False) -> Placement:
    """Base workers on the n-th training server, or on the n-th inference server."""
    return _placement(server, workers, WorkerKind.BASE, loaned)


def flexible(server: int, workers: int = 1, *, loaned: bool = False) -> Placement:
    """Flexible workers on the n-th training server, or on the n-th inference server."""
    return _placement(server, workers, WorkerKind.FLEXIBLE, loaned)


def _placement(server: int, workers: int, kind: WorkerKind, loaned: bool) -> Placement:
    if loaned:
        return Placement(f"infer-{server:04d}", Pool.INFERENCE, kind, workers)
    return Placement(f"train-{server:04d}", Pool.TRAINING, kind, workers)


def make_running(
    cluster: Cluster, spec: JobSpec, placements: Iterable[Placement], **changes: Any
) -> Job:
    """A job that runs there since t = 0, at the speed that follows."""
    held = tuple(placements)
    rate = speed(cluster, spec, holding_of(held), model="linear", heterogeneous_efficiency=0.7)
    return Job(spec, held, **({"started_s": 0.0, "speed": rate} | changes))


def make_snapshot(
    cluster: Cluster | None = None,
    *,
    queued: Iterable[Job] = (),
    running: Iterable[Job] = (),
    loans: Iterable[str | Loan] = (),
    demand: Sequence[float] | DemandHistory = (),
    demand_now: float | None = None,
    now: float = 1_000.0,
    due: Due = BOTH,
    ranking: PolicyConfig | None = None,
) -> Snapshot:
    """A snapshot whose capacity and holders follow from what runs; a name alone is an open loan.

    Without `ranking`, the queue is ranked as no policy ranks it, so that a decision ranks it anew.
    """
    cluster = cluster or make_cluster()
    lent = [Loan(loan, 0.0) if isinstance(loan, str) else loan for loan in loans]
    by_id = {job.id: job for job in running}
    history = demand if isinstance(demand, DemandHistory) else DemandHistory(tuple(demand))
    return Snapshot(
        now=now,
        version=7,
        due=due,
        cluster=cluster,
        capacity=capacity_of(cluster, by_id.values(), lent),
        holders=holders_of(by_id.values()),
        queue=make_queue(queued, ranking),
        running=by_id,
        elastic={name: job for name, job in by_id.items() if job.spec.is_elastic},
        loans={loan.server_id: loan for loan in lent},
        demand=history,
        demand_now=demand_now,
    )


def make_queue(jobs: Iterable[Job], ranking: PolicyConfig | None = None) -> JobQueue:
    """A queue in the order of a policy, or in one that every decision has to rank anew."""
    queue = RankedQueue(rules_of(ranking or load_policy({})), jobs).frozen()
    return queue if ranking else JobQueue(UNRANKED, queue.groups, queue.jobs)


def snapshot_of(seen: Observation, queue: JobQueue, *, now: float, due: Due = BOTH) -> Snapshot:
    """The snapshot that a cycle would make of an observation."""
    parts = {f.name: getattr(seen, f.name) for f in fields(Observation)}
    return Snapshot(now=now, due=due, queue=queue, **parts)


def starts(plan: Plan) -> dict[str, StartJob]:
    """The starts of a plan, by job, in order."""
    return {a.job_id: a for a in plan.actions if isinstance(a, StartJob)}


def resizes(plan: Plan) -> list[ResizeJob]:
    """The resizes of a plan, in order."""
    return [a for a in plan.actions if isinstance(a, ResizeJob)]


def preempted(plan: Plan) -> list[str]:
    """The jobs that a plan preempts, in order."""
    return [a.job_id for a in plan.actions if isinstance(a, PreemptJob)]


def lent(plan: Plan) -> list[str]:
    """The servers that a plan lends, in order."""
    return [a.server_id for a in plan.actions if isinstance(a, LoanServer)]


def reclaimed(plan: Plan) -> list[str]:
    """The servers that a plan asks back, in order."""
    return [a.server_id for a in plan.actions if isinstance(a, ReclaimServer)]


def waits(plan: Plan) -> dict[str, str]:
    """Why each job waits, as text."""
    return {name: entry.reason.text for entry in plan.waiting for name in entry.job_ids}


def where(action: StartJob) -> dict[str, int]:
    """The workers that a job starts with, by server."""
    return {p.server_id: p.workers for p in action.placements}


def kinds_of(actions: Iterable[Action]) -> list[str]:
    """The names of the actions' types, in order."""
    return [type(action).__name__ for action in actions]
