"""The opportunistic scheme: fungible jobs queue on the inference cluster (paper §8).

There are two queues. Fungible jobs wait for GPUs that inference leaves, at lower priority than
inference; all others wait for training GPUs. Nothing is foreseen: what inference needs is what it
needed in the last demand bin that ended, or needs now where that can be seen. A server is on loan
while jobs hold it: it is lent when one starts there, and goes back when the last has left, or when
inference needs it.

Left to themselves some fungible jobs would never end: those that ask for more than inference ever
leaves, and those that run longer than its troughs last, without checkpoints. The first, and the
second after `PATIENCE` preemptions, queue for training GPUs like everybody else.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress, islice
from math import inf

import numpy as np

from aryl.model.cluster import Cluster, Condition, Pool
from aryl.model.job import Job
from aryl.model.plan import Outlook, Waiting
from aryl.model.queue import JobQueue, Shape, ShapeGroup
from aryl.model.reason import ReasonCode, because
from aryl.policy.draft import Draft
from aryl.policy.loanable import loanable_servers
from aryl.policy.ordering import is_carried_in
from aryl.policy.placement import LOAN_SIDE, TRAINING_SIDE
from aryl.policy.ranking import ranked
from aryl.policy.reclaiming import return_unused
from aryl.policy.rules import Scene
from aryl.policy.starting import start_queued

PATIENCE = 3  # preemptions after which a job counts no more on what inference leaves


def start_apart(
    draft: Draft, scene: Scene, outlook: Outlook | None
) -> tuple[Draft, tuple[Waiting, ...]]:
    """Start what fits in either queue, lending as many servers as that takes.

    The draft with the starts, and why every other job waits. Without an `outlook`, as while nothing
    is known of demand, all jobs queue for training GPUs.
    """
    rules = scene.rules
    suits = _suits(scene) if outlook else _suits_nobody
    rest, opportunists = _apart(ranked(scene.snapshot.queue, rules), suits)
    draft, waiting = start_queued(draft, rest, rules.on(TRAINING_SIDE))
    if outlook and opportunists:
        _lend(draft, scene, outlook, opportunists)
        draft, more = start_queued(draft, opportunists, rules.on(LOAN_SIDE))
        draft.keep_home()
        waiting = (*waiting, *more)
    return_unused(draft)
    return draft, waiting


def _suits_nobody(_job: Job) -> bool:
    return False


def _suits(scene: Scene) -> Callable[[Job], bool]:
    """Whether a job queues on the inference cluster."""
    cluster, left = scene.snapshot.cluster, dict[int, int]()

    def suits(job: Job) -> bool:
        if is_carried_in(job) or job.preemptions >= PATIENCE:
            return False
        size = job.spec.gpus_per_worker
        if size not in left:
            left[size] = _most_workers(scene, size)
        base = scene.rules.base_workers(job.spec)
        return cluster.workers_on(Pool.INFERENCE, base) <= left[size]

    return suits


def _most_workers(scene: Scene, gpus_per_worker: int) -> int:
    """The most workers of one size that fit on what inference has ever been known to leave."""
    snapshot = scene.snapshot
    known = np.asarray(snapshot.demand.values, dtype=np.float64)
    now = inf if snapshot.demand_now is None else snapshot.demand_now
    most = loanable_servers(snapshot, scene.config.headroom, float(known.min(initial=now)))
    return sum(gpus // gpus_per_worker for gpus in _narrowest_first(snapshot.cluster)[:most])


@lru_cache(maxsize=8)
def _narrowest_first(cluster: Cluster) -> tuple[int, ...]:
    """The GPUs of each inference server that serves."""
    return tuple(sorted(server.gpus for server in cluster.inference_servers if server.serves))


def _apart(queue: JobQueue, suits: Callable[[Job], bool]) -> tuple[JobQueue, JobQueue]:
    """The queue for training GPUs, and that for what inference leaves."""
    rest: dict[Shape, ShapeGroup] = {}
    opportunists: dict[Shape, ShapeGroup] = {}
    for shape, group in queue.groups.items():
        if not shape.fungible:
            rest[shape] = group
            continue
        chosen = [suits(job) for job in group.jobs]
        if any(chosen):
            opportunists[shape] = _picked(group, chosen)
        if not all(chosen):
            rest[shape] = _picked(group, [not choice for choice in chosen])
    return _queue(queue, rest), _queue(queue, opportunists)


def _picked(group: ShapeGroup, chosen: Sequence[bool]) -> ShapeGroup:
    return ShapeGroup(
        tuple(compress(group.ranks, chosen)),
        tuple(compress(group.jobs, chosen)),
        tuple(compress(group.job_ids, chosen)),
    )


def _queue(whole: JobQueue, groups: dict[Shape, ShapeGroup]) -> JobQueue:
    jobs = {job.id: job for group in groups.values() for job in group.jobs}
    return JobQueue(whole.ranking, groups, jobs)


def _lend(draft: Draft, scene: Scene, outlook: Outlook, queue: JobQueue) -> None:
    """Lend the first servers at home that may be lent, as many as the queue could use at most."""
    snapshot, cluster = scene.snapshot, scene.snapshot.cluster
    on_loan = snapshot.not_at_home
    workers = (scene.rules.base_workers(job.spec) for job in queue.jobs.values())
    wanted = sum(cluster.workers_on(Pool.INFERENCE, count) for count in workers)
    at_home = (
        server
        for server in cluster.inference_servers
        if server.condition is Condition.OPEN and server.id not in snapshot.loans
    )
    loanable, forecast = outlook.loanable, round(outlook.forecast_servers, 2)
    reason = because(ReasonCode.LENT, loanable=loanable, forecast=forecast, on_loan=on_loan)
    for server in islice(at_home, max(0, min(wanted, loanable - on_loan))):
        draft.lend(server.index, reason)
