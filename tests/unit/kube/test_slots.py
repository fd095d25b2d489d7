"""Pods take the seats of a job, stay where they are, and get indexes by which the right ones go."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from aryl.kube.kinds.slots import Seating, new_slots, seating, seats
from aryl.kube.kinds.trainingjob import index_of
from aryl.kube.views import PodView
from aryl.model.cluster import Pool
from aryl.model.job import Job, Placement, WorkerKind
from tests.builders import base, flexible, make_job
from tests.unit.kube.workloads import make_pod

B, F = WorkerKind.BASE, WorkerKind.FLEXIBLE
SERVERS = ("train-0001", "train-0002", "infer-0001")


def a_job(*placements: Placement, least: int = 2, most: int = 6) -> Job:
    return make_job(min_workers=least, max_workers=most, placements=placements)


def found(job: Job, *pods: PodView) -> Seating:
    return seating(seats(job), pods, index_of)


def indexes(job: Job, taken: frozenset[int] = frozenset()) -> list[tuple[int, str, WorkerKind]]:
    slots = new_slots(job, [*seats(job)], taken)
    return [(slot.index, slot.seat.server, slot.seat.kind) for slot in slots]


def test_base_workers_come_first_and_those_on_loaned_servers_last() -> None:
    job = a_job(flexible(1, loaned=True), flexible(2), base(2), base(1))

    assert indexes(job) == [
        (0, "train-0001", B),
        (1, "train-0002", B),
        (2, "train-0002", F),
        (6, "infer-0001", F),
    ]


def test_base_workers_on_more_servers_than_max_workers_leave_room_for_flexible_ones() -> None:
    job = a_job(base(1, 6, loaned=True), flexible(1, 3, loaned=True), least=2, most=4)

    assert [index for index, _, _ in indexes(job)] == [0, 1, 2, 3, 4, 5, 8, 9, 10]


def test_a_base_worker_waits_for_its_index_where_a_pod_is_still_on_its_way_out() -> None:
    job = a_job(base(1, 2), flexible(1))

    assert indexes(job, frozenset({0, 2})) == [(1, "train-0001", B), (3, "train-0001", F)]


def test_a_pod_stays_on_its_server() -> None:
    job = a_job(base(1), base(2))
    first, second = (
        make_pod(0, server="train-0002", kind=B),
        make_pod(1, server="train-0001", kind=B),
    )

    seated = {pod.uid: seat.server for pod, seat in found(job, first, second).seated}

    assert seated == {first.uid: "train-0002", second.uid: "train-0001"}


def test_the_pod_of_the_right_kind_keeps_its_seat() -> None:
    job = a_job(base(1))
    flexible_one, base_one = (
        make_pod(0, server="train-0001", kind=F),
        make_pod(1, server="train-0001", kind=B),
    )

    result = found(job, flexible_one, base_one)

    assert [pod for pod, _ in result.seated] == [base_one]
    assert result.surplus == (flexible_one,)


def test_a_pod_without_marks_takes_a_seat_on_its_server() -> None:
    job = a_job(base(1), flexible(2))

    result = found(job, make_pod(0, node="train-0002"), make_pod(1, node="train-0001"))

    assert [(pod.name, seat.kind) for pod, seat in result.seated] == [("bert-0", F), ("bert-1", B)]


def test_pods_that_are_not_bound_take_what_is_left_lowest_index_first() -> None:
    job = a_job(base(1), flexible(1, loaned=True))

    result = found(job, make_pod(4), make_pod(1), make_pod(0))

    seated = [(pod.name, seat.server) for pod, seat in result.seated]
    assert seated == [("bert-0", "train-0001"), ("bert-1", "infer-0001")]
    assert [pod.name for pod in result.surplus] == ["bert-4"]


def test_a_pod_on_another_server_is_too_many_and_its_seat_is_vacant() -> None:
    job = a_job(base(1))
    stray = make_pod(0, server="train-0002", kind=B)

    result = found(job, stray)

    assert result.surplus == (stray,)
    assert [seat.server for seat in result.vacant] == ["train-0001"]


PLACEMENTS = st.builds(
    lambda server, kind, workers: Placement(
        server, Pool.INFERENCE if server.startswith("infer") else Pool.TRAINING, kind, workers
    ),
    st.sampled_from(SERVERS),
    st.sampled_from([B, F]),
    st.integers(1, 3),
)
PODS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([*SERVERS, ""]), st.sampled_from([B, F, None])),
    max_size=8,
    unique_by=lambda drawn: drawn[0],
)


@given(placements=st.lists(PLACEMENTS, max_size=4), drawn=PODS)
def test_every_seat_has_one_pod_or_one_new_slot(
    placements: list[Placement], drawn: list[tuple[int, str, WorkerKind | None]]
) -> None:
    job = a_job(*placements)
    pods = [make_pod(index, server=server, kind=kind) for index, server, kind in drawn]

    result = found(job, *pods)
    slots = [*new_slots(job, result.vacant, [index for index, _, _ in drawn])]

    wanted = Counter(seats(job))
    assert Counter(seat for _, seat in result.seated) + Counter(result.vacant) == wanted
    assert len(result.seated) + len(result.surplus) == len(pods)
    assert all(pod.node in {"", seat.server} for pod, seat in result.seated)
    assert not {slot.index for slot in slots} & {index for index, _, _ in drawn}
    assert len({slot.index for slot in slots}) == len(slots)
    waiting = len(result.vacant) - len(slots)
    assert waiting <= sum(seat.kind is B for seat in result.vacant)


@given(placements=st.lists(PLACEMENTS, max_size=4))
def test_what_was_created_is_what_is_wanted(placements: list[Placement]) -> None:
    job = a_job(*placements)
    slots = new_slots(job, [*seats(job)], ())

    pods = [make_pod(s.index, server=s.seat.server, kind=s.seat.kind) for s in slots]

    result = found(job, *pods)
    assert (result.vacant, result.surplus) == ((), ())
