"""What follows from running jobs and loans: free GPUs by server, and the jobs on each server."""

from collections import defaultdict
from collections.abc import Iterable

from aryl.model.capacity import Capacity
from aryl.model.cluster import Cluster, Loan
from aryl.model.job import Job


def capacity_of(cluster: Cluster, running: Iterable[Job], loans: Iterable[Loan]) -> Capacity:
    """What the running jobs leave free."""
    capacity = Capacity(cluster)
    for loan in loans:
        if loan.is_open:
            capacity.open_loan(cluster.by_id[loan.server_id].index)
    for job in running:
        for p in job.placements:
            index = cluster.by_id[p.server_id].index
            capacity.take(index, p.workers * job.spec.gpus_per_worker, p.kind)
    return capacity


def holders_of(running: Iterable[Job]) -> dict[str, tuple[str, ...]]:
    """The jobs on each server that hosts any, sorted."""
    names: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for job in running:
        for p in job.placements:
            names[p.server_id][job.id] = None
    return {server: tuple(sorted(jobs)) for server, jobs in names.items()}
