"""From workers on servers to training workers, and back (spec §3 "Cluster")."""

from collections.abc import Iterable
from dataclasses import replace

from aryl.model.cluster import Cluster, Pool
from aryl.model.job import Holding, JobSpec, Placement, WorkerKind, holding_of
from aryl.policy.speedup import throughput


def training_workers(cluster: Cluster, holding: Holding) -> int:
    """How many whole training workers a job holds."""
    on_loan = holding.workers(Pool.INFERENCE)
    return holding.workers(Pool.TRAINING) + cluster.training_workers_of(Pool.INFERENCE, on_loan)


def speed(
    cluster: Cluster,
    spec: JobSpec,
    holding: Holding,
    *,
    model: str,
    heterogeneous_efficiency: float,
) -> float:
    """Worker-seconds of progress a second (spec §4 "Progress")."""
    workers = training_workers(cluster, holding)
    rate = throughput(model, workers, spec.requested_workers) if workers else 0.0
    is_mixed = holding.workers(Pool.TRAINING) and holding.workers(Pool.INFERENCE)
    return rate * heterogeneous_efficiency if is_mixed else rate


def largest_allowed(spec: JobSpec, workers: int) -> int:
    """The largest allowed number of training workers that is not above `workers`."""
    if not spec.allowed_workers:
        return min(workers, spec.max_workers)
    most = min(workers, spec.max_workers)
    return max((w for w in spec.allowed_workers if w <= most), default=spec.min_workers)


def whole_units(
    cluster: Cluster, spec: JobSpec, placements: tuple[Placement, ...]
) -> tuple[Placement, ...]:
    """What to release so that only whole training workers, and an allowed number, are left.

    On a GPU type that needs several workers for one training worker, losing one of them leaves the
    rest of the unit useless; it is released too (spec §3). Flexible workers go, fewest on a server
    first, so that servers empty.
    """
    holding = holding_of(placements)
    on_training, on_loan = holding.workers(Pool.TRAINING), holding.workers(Pool.INFERENCE)
    loan_units = cluster.training_workers_of(Pool.INFERENCE, on_loan)
    base_loan_units = cluster.training_workers_of(Pool.INFERENCE, holding.base[Pool.INFERENCE])
    excess_units = on_training + loan_units - largest_allowed(spec, on_training + loan_units)
    keep_loan_units = max(base_loan_units, loan_units - excess_units)
    excess_units -= loan_units - keep_loan_units
    surplus = {
        Pool.INFERENCE: on_loan - cluster.workers_on(Pool.INFERENCE, keep_loan_units),
        Pool.TRAINING: excess_units,
    }
    return tuple(
        release
        for pool, workers in surplus.items()
        for release in release_flexible(placements, pool, workers)
    )


def release_flexible(placements: Iterable[Placement], pool: Pool, workers: int) -> list[Placement]:
    """Flexible placements to release, `workers` in all, emptying servers as far as can be."""
    released: list[Placement] = []
    if workers <= 0:
        return released
    flexible = [p for p in placements if p.kind is WorkerKind.FLEXIBLE and p.pool is pool]
    for placement in sorted(flexible, key=lambda p: (p.workers, p.server_id)):
        count = min(workers, placement.workers)
        released.append(replace(placement, workers=count))
        workers -= count
        if not workers:
            break
    return released


def without(
    placements: tuple[Placement, ...], removed: Iterable[Placement]
) -> tuple[Placement, ...]:
    """The placements less the removed workers."""
    less: dict[tuple[str, WorkerKind], int] = {}
    for gone in removed:
        less[gone.server_id, gone.kind] = less.get((gone.server_id, gone.kind), 0) + gone.workers
    kept = ((p, p.workers - less.get((p.server_id, p.kind), 0)) for p in placements)
    return tuple(
        p if workers == p.workers else replace(p, workers=workers) for p, workers in kept if workers
    )


def together(
    placements: tuple[Placement, ...], added: Iterable[Placement]
) -> tuple[Placement, ...]:
    """The placements and the added workers, one entry a server and kind."""
    merged = {(p.server_id, p.kind): p for p in placements}
    for new in added:
        held = merged.get((new.server_id, new.kind))
        merged[new.server_id, new.kind] = (
            replace(new, workers=held.workers + new.workers) if held else new
        )
    return tuple(merged.values())
