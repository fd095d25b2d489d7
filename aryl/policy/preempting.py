"""Which queued jobs start in the place of running ones, which keep their progress (spec §4).

Phase 1 has given queued jobs what was free. Here the jobs that still wait are looked at in order,
each against the running jobs that come after it. A suspended job pays `preemption_overhead_s` when
it starts again.

* `remaining-time` is SRTF: less estimated run time left comes first. A job takes the place of
  longer ones where that pays: where the wait that it is spared is more than all that they lose,
  each its run time and a restart. How long it would wait is told by the estimated ends of the
  running jobs, and by the jobs that wait before it.
* `attained-service` is two-dimensional LAS in discrete queues (Tiresias, NSDI 2019): a job falls
  into a lower queue when the GPU-time that it has had passes a limit. A job takes the place of jobs
  in lower queues, and of none in its own, so that equals do not displace each other. Run times are
  not looked at. Tiresias' promotion of jobs that starve is left out.

Under an ordering whose head blocks the queue nobody is suspended.
"""

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heapreplace

from aryl.model.plan import Waiting
from aryl.policy.draft import Draft
from aryl.policy.rivals import ByEnd, ByService, Rivals
from aryl.policy.rules import Scene
from aryl.policy.suspending import start_suspending

Preempted = tuple[Draft, tuple[Waiting, ...]]  # who waits still, and why
Preemption = Callable[[Draft, tuple[Waiting, ...], Scene], Preempted]


def keep_running(draft: Draft, waiting: tuple[Waiting, ...], _scene: Scene) -> Preempted:
    """Leave whatever runs alone."""
    return draft, waiting


def suspend_longer(draft: Draft, waiting: tuple[Waiting, ...], scene: Scene) -> Preempted:
    """Start jobs in the place of such as have more run time left, where that pays."""
    if not waiting or scene.rules.ordering.head_blocks:
        return draft, waiting
    return _in_order(draft, waiting, scene, ByEnd(draft, scene))


def suspend_more_served(draft: Draft, waiting: tuple[Waiting, ...], scene: Scene) -> Preempted:
    """Start jobs in the place of such as have had more GPU-time, by queues."""
    if not waiting or scene.rules.ordering.head_blocks:
        return draft, waiting
    return _in_order(draft, waiting, scene, ByService(draft, scene))


PREEMPTIONS: Mapping[str, Preemption] = {
    "none": keep_running,
    "remaining-time": suspend_longer,
    "attained-service": suspend_more_served,
}


def _in_order(
    draft: Draft, waiting: tuple[Waiting, ...], scene: Scene, rivals: Rivals
) -> Preempted:
    """Look at waiting jobs, lowest rank first; where one may start, the first of its shape does.

    For jobs of one shape fit alike, and the first has less to lose than whoever may start.
    """
    jobs, rules = scene.snapshot.queue.jobs, scene.rules
    started = [0] * len(waiting)  # of each entry's jobs, which are of one shape
    heads = [(rules.rank(jobs[entry.job_ids[0]]), at, 0) for at, entry in enumerate(waiting)]
    heapify(heads)
    while heads:
        _, at, place = heads[0]
        alike = waiting[at].job_ids
        choice = rivals.against(draft, jobs[alike[place]])
        if choice is None or place + 1 == len(alike):
            heappop(heads)
        else:
            heapreplace(heads, (rules.rank(jobs[alike[place + 1]]), at, place + 1))
        first = jobs[alike[started[at]]]
        if choice and (start := start_suspending(draft, first, choice, rules)):
            draft, victims = start
            rivals.displaced(draft, first, victims)
            started[at] += 1
    left = ((w.reason, w.job_ids[n:]) for w, n in zip(waiting, started, strict=True))
    return draft, tuple(Waiting(reason, job_ids) for reason, job_ids in left if job_ids)
