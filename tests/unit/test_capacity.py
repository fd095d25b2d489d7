"""Free GPUs by server, and best fit over them."""

from collections.abc import Callable

import pytest

from aryl.model.capacity import Capacity, Group
from aryl.model.job import WorkerKind
from tests.builders import make_cluster

BASE, FLEXIBLE = WorkerKind.BASE, WorkerKind.FLEXIBLE
TRAINING, LOANS = (Group.TRAINING,), (Group.BASE_LOAN, Group.VACANT_LOAN)


def capacity(*training: int, inference: tuple[int, ...] = ()) -> Capacity:
    books = Capacity(make_cluster(training, inference))
    for index in range(len(training), len(training) + len(inference)):
        books.open_loan(index)
    return books


@pytest.mark.parametrize(
    ("free", "size", "workers", "picked"),
    [
        pytest.param((8, 3, 5), 1, 2, {1: 2}, id="the fullest server that fits"),
        pytest.param((8, 3, 3), 3, 1, {1: 1}, id="of equals the first"),
        pytest.param((8, 3, 5), 4, 1, {2: 1}, id="fullest is no use where a worker does not fit"),
        pytest.param((8, 3, 5), 2, 5, {1: 1, 2: 2, 0: 2}, id="each is filled before the next"),
        pytest.param((8, 3, 5), 8, 2, {0: 1}, id="as many as fit"),
        pytest.param((7, 7), 8, 1, {}, id="no worker is split"),
    ],
)
def test_best_fit_takes(
    free: tuple[int, ...], size: int, workers: int, picked: dict[int, int]
) -> None:
    index = capacity(*free).now

    chosen = index.best_fit(TRAINING, size, workers, {})

    assert chosen == picked
    assert list(chosen) == list(picked)


def test_best_fit_leaves_room_for_workers_already_picked() -> None:
    index = capacity(8, 8).now

    assert index.best_fit(TRAINING, 3, 3, {0: 1}) == {0: 1, 1: 2}
    assert index.best_fit(TRAINING, 3, 1, {0: 2}) == {1: 1}


@pytest.mark.parametrize(("size", "workers"), [(1, 16), (2, 7), (3, 4), (5, 2), (8, 1), (9, 0)])
def test_workers_that_fit_are_whole_on_their_servers(size: int, workers: int) -> None:
    assert capacity(8, 5, 3).now.workers_that_fit(TRAINING, size) == workers


def test_a_server_moves_between_groups_as_workers_come_and_go() -> None:
    books = capacity(inference=(8,))
    seen = [books.now.group[0]]
    for change, gpus, kind in [
        (books.take, 2, FLEXIBLE),
        (books.take, 2, BASE),
        (books.release, 2, FLEXIBLE),
        (books.release, 2, BASE),
    ]:
        change(0, gpus, kind)
        seen.append(books.now.group[0])
    books.close_loan(0)

    assert [*seen, books.now.group[0]] == [
        Group.VACANT_LOAN,
        Group.FLEXIBLE_LOAN,
        Group.BASE_LOAN,
        Group.BASE_LOAN,
        Group.VACANT_LOAN,
        Group.CLOSED,
    ]


def test_flexible_workers_take_nothing_from_what_base_workers_may_have() -> None:
    books = capacity(8, inference=(8,))
    books.take(0, 3, FLEXIBLE)
    books.take(0, 1, BASE)
    books.take(1, 8, FLEXIBLE)

    assert books.now.free_gpus(TRAINING) == 4
    assert books.without_flexible.free_gpus(TRAINING) == 7
    assert books.now.free_gpus(LOANS) == 0
    assert books.without_flexible.free_gpus(LOANS) == 8


def test_members_and_count_name_the_servers_of_a_group() -> None:
    books = capacity(8, 4, inference=(8, 8, 2))
    books.take(3, 1, BASE)

    assert books.now.members(Group.VACANT_LOAN) == [2, 4]
    assert books.now.members(Group.BASE_LOAN) == [3]
    assert books.now.count(Group.TRAINING) == 2
    assert books.now.members(Group.CLOSED) == []


def test_a_copy_is_independent() -> None:
    books = capacity(8, inference=(8,))
    twin = books.copy()
    twin.take(0, 5, BASE)
    twin.close_loan(1)

    assert books.now.free == [8, 8]
    assert books.now.workers_that_fit(TRAINING, 8) == 1
    assert books.without_flexible.group[1] is Group.VACANT_LOAN


@pytest.mark.parametrize(
    "misuse",
    [
        pytest.param(lambda c: c.take(0, 9, BASE), id="more than is free"),
        pytest.param(lambda c: c.take(0, 0, BASE), id="nothing"),
        pytest.param(lambda c: c.release(0, 1, BASE), id="more than is held"),
        pytest.param(lambda c: c.open_loan(1), id="lent twice"),
        pytest.param(lambda c: (c.take(1, 1, BASE), c.close_loan(1)), id="returned while held"),
        pytest.param(lambda c: (c.close_loan(1), c.take(1, 1, BASE)), id="used when returned"),
    ],
)
def test_misuse_trips_an_assertion(misuse: Callable[[Capacity], object]) -> None:
    books = capacity(8, inference=(8,))

    with pytest.raises(AssertionError):
        misuse(books)


def test_an_index_without_some_servers_offers_the_others_only() -> None:
    index = capacity(8, 3, 5).now

    rest = index.without(1 << 1)

    assert rest.best_fit(TRAINING, 3, 1, {}) == {2: 1}
    assert rest.workers_that_fit(TRAINING, 1) == 13
    assert index.workers_that_fit(TRAINING, 1) == 16, "the index itself is as it was"
    assert index.without(0) is index
