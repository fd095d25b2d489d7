"""Room made by suspending running jobs: who has to leave so that a queued job's base workers fit.

A job is suspended as a whole. Flexible workers give way in any case, so room is counted without
them. What is left on a shut server is no room, and nobody with workers there is suspended.
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from aryl.model.job import Job, WorkerKind
from aryl.model.reason import ReasonCode, because
from aryl.policy.draft import Draft
from aryl.policy.placement import Side
from aryl.policy.rules import Rules
from aryl.policy.starting import Part, start_at


class Room:
    """How many workers of one size would fit on one side of the cluster, as jobs leave."""

    def __init__(self, draft: Draft, side: Side, gpus_per_worker: int) -> None:
        """Begin with what is free, or held by flexible workers."""
        self._index, self._by_id = draft.capacity.without_flexible, draft.cluster.by_id
        self._groups, self._size = side[0], gpus_per_worker
        self._left: dict[int, int] = {}  # GPUs that jobs have left, by server
        self.workers = self._index.workers_that_fit(self._groups, gpus_per_worker)

    def leave(self, job: Job) -> None:
        """A running job leaves."""
        self._change(job, job.spec.gpus_per_worker)

    def stay(self, job: Job) -> None:
        """A job that has left stays after all."""
        self._change(job, -job.spec.gpus_per_worker)

    def _change(self, job: Job, gpus_per_worker: int) -> None:
        index, size = self._index, self._size
        for p in job.placements:
            server = self._by_id[p.server_id].index
            if (
                p.kind is WorkerKind.BASE
                and index.group[server] in self._groups
                and not index.shut >> server & 1
            ):
                left = self._left.get(server, 0)
                free, more = index.free[server] + left, p.workers * gpus_per_worker
                self._left[server] = left + more
                self.workers += (free + more) // size - free // size


class Choice(NamedTuple):
    """Running jobs in whose place one may start, first ones first, and how many of them at most."""

    candidates: Sequence[Job]
    most: float = inf


def start_suspending(
    draft: Draft, job: Job, choice: Choice, rules: Rules
) -> tuple[Draft, list[Job]] | None:
    """Start a queued job where others leave; None where it does not fit all the same.

    The draft, and who was suspended: candidates that come first rather than later ones, and none
    without whom the job would fit as well.
    """
    candidates = choice.candidates
    if not candidates:
        return None
    if draft.capacity.now.shut:
        candidates = [c for c in candidates if _is_on_open_servers(draft, c)]
    base = rules.base_workers(job.spec)
    for side in rules.sides(job.spec):
        workers = draft.cluster.workers_on(side[1], base)
        room = Room(draft, side, job.spec.gpus_per_worker)
        victims = _victims(room, workers, candidates)
        if victims and len(victims) <= choice.most:
            return _start(draft, job, victims, (side, workers)), victims
    return None


def _is_on_open_servers(draft: Draft, job: Job) -> bool:
    by_id, shut = draft.cluster.by_id, draft.capacity.now.shut
    return not any(shut >> by_id[p.server_id].index & 1 for p in job.placements)


def _victims(room: Room, workers: int, candidates: Sequence[Job]) -> list[Job]:
    """The first candidates that make room enough, less those that are not needed for it."""
    left = []
    for candidate in candidates:
        if room.workers >= workers:
            break
        room.leave(candidate)
        left.append(candidate)
    if room.workers < workers:
        return []
    needed = []
    for candidate in reversed(left):
        room.stay(candidate)
        if room.workers < workers:
            room.leave(candidate)
            needed.append(candidate)
    return needed


def _start(draft: Draft, job: Job, victims: Sequence[Job], part: Part) -> Draft:
    trial = draft.fork()
    for victim in victims:
        trial.preempt(victim.id, because(ReasonCode.SUSPENDED, job=job.id), suspends=True)
    gpus = part[1] * job.spec.gpus_per_worker
    reason = because(ReasonCode.FITS_BY_SUSPENDING, gpus=gpus, suspended=len(victims))
    start_at(trial, job, part, reason)
    return trial
