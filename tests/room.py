"""Room for workers in states that are drawn: a plain table of free GPUs, and who takes of it."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from hypothesis import strategies as st

from aryl.model.cluster import Cluster, Pool
from aryl.model.job import JobSpec, Placement, WorkerKind

CHANCE = st.booleans()
UP_TO = [st.integers(0, most) for most in range(13)]


@dataclass
class Room:
    """Free GPUs of the servers that training may use, while jobs are being placed."""

    draw: st.DrawFn
    cluster: Cluster
    free: dict[str, int]

    def placed(self, spec: JobSpec, pool: Pool, kind: WorkerKind, workers: int) -> list[Placement]:
        """Workers put on servers of a pool in an order drawn; as many as fit."""
        mine = [s for s in self.free if self.cluster.pool_of(s) is pool and self.free[s]]
        first = self.draw(UP_TO[len(mine)]) if mine and workers else 0
        found = []
        for server in mine[first:] + mine[:first]:
            if not workers:
                break
            count = min(workers, self.free[server] // spec.gpus_per_worker)
            if count:
                found.append(Placement(server, pool, kind, count))
                self.free[server] -= count * spec.gpus_per_worker
                workers -= count
        return found

    def give_back(self, spec: JobSpec, placements: list[Placement]) -> None:
        """Free what workers hold."""
        for p in placements:
            self.free[p.server_id] += p.workers * spec.gpus_per_worker


def _on_loan(cluster: Cluster, training_workers: int) -> int:
    """Workers of the inference GPU type that do the work of so many training workers."""
    return ceil(training_workers * Fraction(cluster.factor))


def base_placements(room: Room, spec: JobSpec, workers: int) -> list[Placement]:
    """All base workers on one side, or for heterogeneous jobs on both; none where none fit."""
    draw, base = room.draw, WorkerKind.BASE
    splits = [workers, 0] if spec.can_borrow else [workers]
    if spec.heterogeneous:
        splits = [draw(UP_TO[workers]), 0, workers]
    elif spec.fungible and draw(CHANCE):
        splits.reverse()
    for on_training in splits:
        on_loan = _on_loan(room.cluster, workers - on_training)
        found = room.placed(spec, Pool.TRAINING, base, on_training)
        found += room.placed(spec, Pool.INFERENCE, base, on_loan)
        if sum(p.workers for p in found) == on_training + on_loan:
            return found
        room.give_back(spec, found)
    return []


def flexible_placements(
    room: Room, spec: JobSpec, held: list[Placement], workers: int
) -> list[Placement]:
    """Flexible workers up to an allowed number in all, in whole units of a training worker."""
    draw, cluster = room.draw, room.cluster
    base_on_loan = sum(p.workers for p in held if p.pool is Pool.INFERENCE)
    pools = [p for p in Pool if spec.heterogeneous or held[0].pool is p]
    sizes = [w for w in range(workers, spec.max_workers + 1) if w == workers or spec.allows(w)]
    more = sizes[-1 - draw(UP_TO[len(sizes) - 1])] - workers
    on_loan = draw(UP_TO[more]) if len(pools) > 1 else more * (pools[0] is Pool.INFERENCE)
    units = int(base_on_loan / Fraction(cluster.factor))
    loan_workers = _on_loan(cluster, units + on_loan) - base_on_loan if on_loan else 0
    found = room.placed(spec, Pool.TRAINING, WorkerKind.FLEXIBLE, more - on_loan)
    found += room.placed(spec, Pool.INFERENCE, WorkerKind.FLEXIBLE, loan_workers)
    if sum(p.workers for p in found) == more - on_loan + loan_workers:
        return found
    room.give_back(spec, found)
    return []
