"""Phase 1: which queued jobs get their base workers now, and where (paper §4, §5.3).

Jobs are tried in order; one that does not fit is skipped, or blocks the rest under a strict
ordering. What is available is what is free and what flexible workers hold (paper §4); free GPUs
are used first, and elastic jobs shrink only as far as a start needs.

A worker's GPUs are never split over servers, so base workers fit exactly when the servers' whole
slots add up to them: a fit is known before anything is placed, and nothing has to be undone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heapreplace

from aryl.model.capacity import FreeIndex, Group
from aryl.model.cluster import Pool
from aryl.model.job import Job, JobSpec, Placement, WorkerKind
from aryl.model.plan import Waiting
from aryl.model.queue import JobQueue, Rank, ShapeGroup, shape_of
from aryl.model.reason import Reason, ReasonCode, because
from aryl.policy.draft import Draft, flexible_on
from aryl.policy.placement import LOAN_SIDE, TRAINING_SIDE, Side
from aryl.policy.rules import Rules

Part = tuple[Side, int]  # a side of the cluster, and how many of its workers go there
Head = tuple[Rank, int, ShapeGroup]  # the first job of a shape not tried yet, and its place there


@dataclass(frozen=True, slots=True)
class Fit:
    """Where base workers can go, and whether flexible ones must leave for them.

    They go to none of the servers in `avoids`, a bit each.
    """

    parts: tuple[Part, ...]
    displaces: bool
    avoids: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """A job that fits, and how many started before it."""

    job: Job
    place: int


def start_queued(draft: Draft, queue: JobQueue, rules: Rules) -> tuple[Draft, tuple[Waiting, ...]]:
    """Start what fits, in order; the draft with the starts, and why every other job waits."""
    if not queue:
        return draft, ()
    trial = draft.fork()
    started, waiting = _try_in_order(trial, _heads(queue, ()), 0, rules)
    packed = _packed(draft, started, rules) if len(started) > 1 else None
    if packed is None or not waiting:
        return packed or trial, waiting
    # packed, the starts may leave room for a job that did not fit before
    _, waiting = _try_in_order(packed, _heads(queue, started), len(started), rules)
    return packed, waiting


def _heads(queue: JobQueue, started: Sequence[Start]) -> list[Head]:
    """The first job of each shape that has not started, as a heap."""
    gone = Counter(shape_of(start.job.spec) for start in started)
    heads = [
        (group.ranks[gone[shape]], gone[shape], group)
        for shape, group in queue.groups.items()
        if gone[shape] < len(group.jobs)
    ]
    heapify(heads)
    return heads


def _try_in_order(
    draft: Draft, heads: list[Head], before: int, rules: Rules
) -> tuple[list[Start], tuple[Waiting, ...]]:
    """Try the first job of each shape, lowest rank first; where one fails, its shape waits.

    `before` counts the jobs that have started already.
    """
    started: list[Start] = []
    waiting: list[Waiting] = []
    while heads:
        _, place, group = heads[0]
        start = Start(group.jobs[place], before + len(started) + 1)
        if not _start_if_it_fits(draft, start, rules):
            reason = _why_not(draft, start.job.spec, rules)
            if rules.ordering.head_blocks:
                return started, _behind(heads, reason, rules)
            waiting.append(Waiting(reason, group.job_ids[place:]))
            heappop(heads)
            continue
        started.append(start)
        if place + 1 < len(group.jobs):
            heapreplace(heads, (group.ranks[place + 1], place + 1, group))
        else:
            heappop(heads)
    return started, tuple(waiting)


def _packed(draft: Draft, started: Sequence[Start], rules: Rules) -> Draft | None:
    """The same starts placed widest worker first (best-fit decreasing), if all of them fit so."""
    packed = draft.fork()
    widest_first = sorted(started, key=lambda s: (-s.job.spec.gpus_per_worker, s.place))
    if all(_start_if_it_fits(packed, start, rules) for start in widest_first):
        return packed
    return None


def _start_if_it_fits(draft: Draft, start: Start, rules: Rules) -> bool:
    job = start.job
    fit = _find_fit(draft, job.spec, rules)
    if fit is None:
        return False
    placements = _placements(draft, job.spec, fit)
    shrunk = _displace(draft, job.spec, placements) if fit.displaces else 0
    gpus = sum(p.workers for p in placements) * job.spec.gpus_per_worker
    reason = (
        because(ReasonCode.FITS_BY_SHRINKING, gpus=gpus, shrunk=shrunk)
        if shrunk
        else because(ReasonCode.FITS, gpus=gpus, place=start.place)
    )
    draft.start(job, placements, reason)
    return True


def start_at(draft: Draft, job: Job, part: Part, reason: Reason) -> None:
    """Start a job where its base workers fit, if need be in the place of flexible ones."""
    placements = _placements(draft, job.spec, Fit((part,), displaces=True))
    _displace(draft, job.spec, placements)
    draft.start(job, placements, reason)


def _find_fit(draft: Draft, spec: JobSpec, rules: Rules) -> Fit | None:
    """Free GPUs on the preferred side, then the other; then the same with elastic jobs shrunk.

    On-loan servers that the job would outlive come last in either round.
    """
    capacity, leaving = draft.capacity, rules.leaving_before(spec)
    for index in (capacity.now, capacity.without_flexible):
        for avoids in (leaving, 0) if leaving else (0,):
            parts = _parts(draft, index.without(avoids), spec, rules)
            if parts:
                return Fit(parts, index is capacity.without_flexible, avoids)
    return None


def _parts(draft: Draft, index: FreeIndex, spec: JobSpec, rules: Rules) -> tuple[Part, ...]:
    """The first side that holds all base workers; for a heterogeneous job, else a mix of both."""
    base = rules.base_workers(spec)
    for side in rules.sides(spec):
        groups, pool = side
        workers = draft.cluster.workers_on(pool, base)
        if index.workers_that_fit(groups, spec.gpus_per_worker) >= workers:
            return ((side, workers),)
    if not spec.heterogeneous or len(rules.sides(spec)) < 2:
        return ()
    on_training = index.workers_that_fit(TRAINING_SIDE[0], spec.gpus_per_worker)
    on_loan = draft.cluster.workers_on(Pool.INFERENCE, base - on_training)
    fits = index.workers_that_fit(LOAN_SIDE[0], spec.gpus_per_worker) >= on_loan
    return ((TRAINING_SIDE, on_training), (LOAN_SIDE, on_loan)) if on_training and fits else ()


def _placements(draft: Draft, spec: JobSpec, fit: Fit) -> tuple[Placement, ...]:
    """Best fit on free GPUs; what is left over goes where flexible workers make room."""
    size = spec.gpus_per_worker
    now = draft.capacity.now.without(fit.avoids)
    room = draft.capacity.without_flexible.without(fit.avoids)
    chosen: dict[int, int] = {}
    for (groups, _), workers in fit.parts:
        picks = now.best_fit(groups, size, workers, {})
        missing = workers - sum(picks.values())
        if missing:
            more = room.best_fit(groups, size, missing, picks)
            for server, count in more.items():
                picks[server] = picks.get(server, 0) + count
        chosen |= picks
    servers = draft.cluster.servers
    return tuple(
        Placement(servers[server].id, servers[server].pool, WorkerKind.BASE, count)
        for server, count in chosen.items()
    )


def _displace(draft: Draft, spec: JobSpec, placements: tuple[Placement, ...]) -> int:
    """Shrink elastic jobs until the placements fit; how many shrank."""
    shrunk: dict[str, None] = {}
    for placement in placements:
        index = draft.cluster.by_id[placement.server_id].index
        needed_gpus = placement.workers * spec.gpus_per_worker
        # Base and flexible workers keep to separate on-loan servers: there, all of them leave.
        if draft.capacity.now.group[index] is Group.FLEXIBLE_LOAN:
            needed_gpus = draft.capacity.sizes[index]
        while draft.capacity.now.free[index] < needed_gpus:
            missing_gpus = needed_gpus - draft.capacity.now.free[index]
            job_id, workers = _least_disturbed(draft, placement.server_id, missing_gpus)
            gone = replace(placement, kind=WorkerKind.FLEXIBLE, workers=workers)
            reason = because(ReasonCode.SHRINKS_FOR_START, workers=workers)
            draft.shrink(job_id, (gone,), reason)
            shrunk[job_id] = None
    return len(shrunk)


def _least_disturbed(draft: Draft, server_id: str, missing_gpus: int) -> tuple[str, int]:
    """The job whose flexible workers here cover the need most closely, and how many of them."""
    offers = []
    for job_id in draft.holders(server_id):
        held = flexible_on(draft, job_id, server_id)
        if held:
            size = draft.job(job_id).spec.gpus_per_worker
            workers = min(held, -(-missing_gpus // size))
            offers.append((abs(workers * size - missing_gpus), job_id, workers))
    _, job_id, workers = min(offers)
    return job_id, workers


def _why_not(draft: Draft, spec: JobSpec, rules: Rules) -> Reason:
    """What the job needs and what there is, in numbers."""
    capacity, sides = draft.capacity, rules.sides(spec)
    groups = tuple(group for side, _ in sides for group in side)
    workers, size = rules.base_workers(spec), spec.gpus_per_worker
    free_gpus = capacity.now.free_gpus(groups)
    room_gpus = capacity.without_flexible.free_gpus(groups)
    if room_gpus < workers * size:
        return because(
            ReasonCode.NOT_ENOUGH_GPUS,
            needed_gpus=workers * size,
            free_gpus=free_gpus,
            flexible_gpus=room_gpus - free_gpus,
        )
    room = capacity.without_flexible
    fitting = [
        draft.cluster.training_workers_of(pool, room.workers_that_fit(side, size))
        for side, pool in sides
    ]
    return because(
        ReasonCode.FRAGMENTED,
        workers=workers,
        gpus_per_worker=size,
        fitting=sum(fitting) if spec.heterogeneous else max(fitting),
        free_gpus=room_gpus,
    )


def _behind(heads: Sequence[Head], reason: Reason, rules: Rules) -> tuple[Waiting, ...]:
    """The head's own reason, and why all behind it wait."""
    _, place, group = heads[0]
    head = group.jobs[place]
    needed_gpus = rules.base_workers(head.spec) * head.spec.gpus_per_worker
    behind = because(ReasonCode.BEHIND_HEAD, head=head.id, needed_gpus=needed_gpus)
    rest = [(place + 1, group), *((place, group) for _, place, group in sorted(heads[1:]))]
    return (
        Waiting(reason, (head.id,)),
        *(Waiting(behind, group.job_ids[place:]) for place, group in rest if group.jobs[place:]),
    )
