"""All that one decision saw, as plain values for a file, and back: a cycle to replay at a desk.

What follows from the rest is not written: free GPUs and the jobs on each server from what runs and
what is lent, the order of the queue from the policy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import reduce
from math import isfinite
from operator import or_
from typing import Any

from aryl.engine.wellformed import books_fault, misfit
from aryl.model.books import capacity_of, holders_of
from aryl.model.demand import DemandHistory
from aryl.model.errors import BadInput
from aryl.model.plain import (
    Plain,
    cluster_of,
    cluster_plain,
    job_of,
    job_plain,
    loan_of,
    loan_plain,
)
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.ranking import RankedQueue
from aryl.policy.registry import load_policy
from aryl.policy.rules import rules_of

FORMAT = 1  # raised when an older reader would misread what is written


def captured(snapshot: Snapshot, config: PolicyConfig) -> Plain:
    """What a decision looks at, in dicts, lists, texts and numbers that JSON can hold."""
    demand = snapshot.demand
    return {
        "format": FORMAT,
        "now": snapshot.now,
        "version": snapshot.version,
        "due": [due.name for due in snapshot.due],
        "policy": asdict(config),
        "cluster": cluster_plain(snapshot.cluster),
        "queued": [job_plain(job) for job in snapshot.queue.jobs.values()],
        "running": [job_plain(job) for job in snapshot.running.values()],
        "loans": [loan_plain(loan) for loan in snapshot.loans.values()],
        "demand": {
            "first_s": demand.first_s,
            "values": [float(value) for value in demand.values],
            "ahead": [float(value) for value in demand.ahead],
            "now": snapshot.demand_now,
        },
    }


def restored(plain: object, *, source: str = "snapshot") -> tuple[Snapshot, PolicyConfig]:
    """The snapshot and the policy that `captured` wrote: `decide` answers them alike.

    Raises `BadInput`, which names `source`, for anything that is no such capture.
    """
    if not isinstance(plain, Mapping) or plain.get("format") != FORMAT:
        raise BadInput(source, "is no captured snapshot", column="format", expected=str(FORMAT))
    policy = plain.get("policy")
    if not isinstance(policy, Mapping):
        raise BadInput(source, "is no captured snapshot", column="policy", expected="a table")
    config = load_policy(policy, source=source)
    try:
        return _snapshot_of(plain, config, source), config
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"is no captured snapshot: {type(error).__name__} {error}"
        raise BadInput(source, problem) from error


def _snapshot_of(plain: Mapping[str, Any], config: PolicyConfig, source: str) -> Snapshot:
    running = {job.id: job for job in map(job_of, plain["running"])}
    queued = {job.id: job for job in map(job_of, plain["queued"])}
    loans = {loan.server_id: loan for loan in map(loan_of, plain["loans"])}
    cluster = cluster_of(plain["cluster"])
    for value in (cluster, *running.values(), *queued.values(), *loans.values()):
        _refuse(misfit(value), source)
    _refuse(books_fault(cluster, running.values(), loans.values()), source)
    return Snapshot(
        now=_number(plain["now"]),
        version=int(plain["version"]),
        due=_due_of(plain["due"]),
        cluster=cluster,
        capacity=capacity_of(cluster, running.values(), loans.values()),
        holders=holders_of(running.values()),
        queue=RankedQueue(rules_of(config), queued.values()).frozen(),
        running=running,
        elastic={name: job for name, job in running.items() if job.spec.is_elastic},
        loans=loans,
        demand=_demand_of(plain["demand"]),
        demand_now=_known(plain["demand"].get("now")),
    )


def _due_of(names: Iterable[str]) -> Due:
    return reduce(or_, (Due[name] for name in names), Due(0))


def _demand_of(plain: Mapping[str, Any]) -> DemandHistory:
    values, ahead = (tuple(map(_number, plain[name])) for name in ("values", "ahead"))
    return DemandHistory(values, _number(plain["first_s"]), ahead)


def _known(value: Any) -> float | None:  # noqa: ANN401 - it comes from a file
    return None if value is None else _number(value)


def _number(value: Any) -> float:  # noqa: ANN401 - it comes from a file
    if not isfinite(value):
        raise ValueError(f"{value} is no number")
    return float(value)


def _refuse(fault: str, source: str) -> None:
    if fault:
        raise BadInput(source, f"is no captured snapshot: {fault}")
