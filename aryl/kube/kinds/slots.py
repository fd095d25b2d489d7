"""Which pod stands for which worker of a job, who has no pod yet, and which pods are too many."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from aryl.kube.names import KIND, SERVER
from aryl.kube.views import PodView
from aryl.model.cluster import Pool
from aryl.model.job import Job, WorkerKind

Indexed = Callable[[PodView], int]

_KINDS = (WorkerKind.BASE, WorkerKind.FLEXIBLE)


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a worker of a job is to be, and of which kind it is."""

    server: str
    kind: WorkerKind
    pool: Pool


@dataclass(frozen=True, slots=True)
class Slot:
    """A seat for a new worker of that index."""

    index: int
    seat: Seat


@dataclass(frozen=True, slots=True)
class Seating:
    """Pods with their seats, seats without a pod, and pods without one, last index first."""

    seated: tuple[tuple[PodView, Seat], ...]
    vacant: tuple[Seat, ...]
    surplus: tuple[PodView, ...]


def seats(job: Job) -> Iterator[Seat]:
    """A seat for each worker that a job holds: base before flexible, home servers before loaned."""
    order = sorted(job.placements, key=lambda p: (_KINDS.index(p.kind), p.pool, p.server_id))
    for placement in order:
        seat = Seat(placement.server_id, placement.kind, placement.pool)
        yield from [seat] * placement.workers


def is_alive(pod: PodView) -> bool:
    """Whether a pod works or will, or has done its work: not failed, and not on its way out."""
    return pod.deleted_s is None and pod.phase != "Failed"


def seating(wanted: Iterable[Seat], pods: Sequence[PodView], index: Indexed) -> Seating:
    """Who sits where; `pods` are alive.

    A pod stays where it is. Those that are bound to no node yet may be sent anywhere: they take
    the seats that are left, lowest index first.
    """
    vacant, unseated = list(wanted), sorted(pods, key=index)
    seated: list[tuple[PodView, Seat]] = []
    for suits in (_suits_exactly, _suits_by_server, _suits_anywhere):
        unseated = [pod for pod in unseated if not _sits_down(pod, suits, vacant, seated)]
    return Seating(tuple(seated), tuple(vacant), tuple(reversed(unseated)))


def new_slots(job: Job, vacant: Sequence[Seat], taken: Collection[int]) -> Iterator[Slot]:
    """Indexes for workers without a pod; `taken` are those of all pods there still are.

    Base workers have the first indexes, and wait for one that is taken by a pod on its way out:
    worker 0 is where the others meet. Flexible workers follow; those on loaned servers come last.
    """
    base = sum(job.holding.base)
    used = set(taken)
    first_indexes = (index for index in range(base) if index not in used)
    first_on_loan = base + job.spec.max_workers - job.spec.min_workers
    for seat in vacant:
        if seat.kind is WorkerKind.BASE:
            found = next(first_indexes, None)
        else:
            first = first_on_loan if seat.pool is Pool.INFERENCE else base
            found = next(index for index in count(first) if index not in used)
        if found is not None:
            used.add(found)
            yield Slot(found, seat)


def _sits_down(
    pod: PodView,
    suits: Callable[[PodView, Seat], bool],
    vacant: list[Seat],
    seated: list[tuple[PodView, Seat]],
) -> bool:
    for place, seat in enumerate(vacant):
        if suits(pod, seat):
            seated.append((pod, vacant.pop(place)))
            return True
    return False


def _suits_exactly(pod: PodView, seat: Seat) -> bool:
    is_there = (pod.node or pod.annotations.get(SERVER)) == seat.server
    return is_there and pod.labels.get(KIND) == seat.kind


def _suits_by_server(pod: PodView, seat: Seat) -> bool:
    return pod.node == seat.server


def _suits_anywhere(pod: PodView, _seat: Seat) -> bool:
    return not pod.node
