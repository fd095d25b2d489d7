"""Which jobs run and on which servers, by what is written on their objects and where pods are.

What is written counts: it is what was decided. Where it can no longer be so (a node is gone), the
job is put right by the least change; pods count only for jobs that nobody has decided on yet.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from aryl.kube.names import SERVER
from aryl.kube.views import NodeView, PodView
from aryl.model.cluster import Cluster, Pool
from aryl.model.job import Job, JobSpec, Placement, WorkerKind, holding_of
from aryl.policy.units import training_workers, whole_units, without


def is_sound(units: Cluster, spec: JobSpec, placements: tuple[Placement, ...]) -> bool:
    """Whether a job may run with such workers, by the rules that every plan obeys.

    How many there may be at most is left out: a user may have changed that only just now.
    """
    holding = holding_of(placements)
    on_training, on_loan = holding.workers(Pool.TRAINING), holding.workers(Pool.INFERENCE)
    loan_units = units.training_workers_of(Pool.INFERENCE, on_loan)
    base = holding.base[Pool.TRAINING]
    base += units.training_workers_of(Pool.INFERENCE, holding.base[Pool.INFERENCE])
    return (
        base >= spec.min_workers
        and on_loan == units.workers_on(Pool.INFERENCE, loan_units)
        and (not on_loan or spec.can_borrow)
        and not (on_loan and on_training and not spec.heterogeneous)
    )


def standing(
    units: Cluster, job: Job, stands: Callable[[Placement], bool]
) -> tuple[Placement, ...] | None:
    """What a running job still holds; None where it can't run with that."""
    gone = [p for p in job.placements if not stands(p)]
    if not gone:
        return job.placements
    if any(p.kind is WorkerKind.BASE for p in gone):
        return None
    left = without(job.placements, gone)
    left = without(left, whole_units(units, job.spec, left))
    return left if _may_be(units, job.spec, left) else None


def adopted(
    units: Cluster, spec: JobSpec, pods: Iterable[PodView], nodes: Mapping[str, NodeView]
) -> tuple[Placement, ...]:
    """Where a job runs that was started without us; () where it does not, or not as it may."""
    bound = [
        (nodes[pod.node].pool, pod.node)
        for pod in pods
        if pod.holds_gpus
        and pod.node in nodes
        and pod.deleted_s is None
        and SERVER not in pod.annotations
    ]
    choices: list[list[tuple[Pool, str]]] = [bound]
    choices += [[place for place in bound if place[0] is pool] for pool in Pool]
    for chosen in choices:
        placements = _shared_out(units, spec, Counter(chosen))
        placements = without(placements, whole_units(units, spec, placements))
        if placements and _may_be(units, spec, placements):
            return placements
    return ()


def _may_be(units: Cluster, spec: JobSpec, placements: tuple[Placement, ...]) -> bool:
    workers = training_workers(units, holding_of(placements))
    return is_sound(units, spec, placements) and spec.allows(workers)


def _shared_out(
    units: Cluster, spec: JobSpec, workers: Mapping[tuple[Pool, str], int]
) -> tuple[Placement, ...]:
    """The first workers as base workers, training servers first; the others as flexible ones."""
    found: list[Placement] = []
    on_training = sum(count for (pool, _), count in workers.items() if pool is Pool.TRAINING)
    lent_units = max(0, spec.min_workers - on_training)
    base_left = {
        Pool.TRAINING: min(spec.min_workers, on_training),
        Pool.INFERENCE: units.workers_on(Pool.INFERENCE, lent_units),
    }
    for (pool, node), count in sorted(workers.items()):
        base = min(count, base_left[pool])
        base_left[pool] -= base
        held = Placement(node, pool, WorkerKind.BASE, base)
        rest = replace(held, kind=WorkerKind.FLEXIBLE, workers=count - base)
        found += [placement for placement in (held, rest) if placement.workers]
    return tuple(found)
