"""One scheduler leads at a time, and a former one can write nothing more."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from aryl.model.cluster import Loan
from aryl.model.errors import LeaseLost
from aryl.model.snapshot import Due
from aryl.policy.config import PolicyConfig
from aryl.store import Database, Lease, SchedulerStore, ServiceStore
from tests.builders import base, make_spec
from tests.contract.worlds import Desk, Wall, start


def test_the_first_to_ask_leads_and_renews(database: Database) -> None:
    wall = Wall()
    mine, other = Lease(database, "a", wall), Lease(database, "b", wall)

    assert mine.acquire() == 1
    assert other.acquire() is None
    wall.time_s += 9.0
    assert mine.renew()
    wall.time_s += 9.0
    assert other.acquire() is None
    assert mine.acquire() == 1  # the same term: it has not changed hands


def test_an_expired_lease_is_taken_over_with_a_higher_term(database: Database) -> None:
    wall = Wall()
    mine, other = Lease(database, "a", wall, 10.0), Lease(database, "b", wall, 10.0)
    mine.acquire()

    wall.time_s += 10.0

    assert not mine.renew()
    assert other.acquire() == 2
    assert not mine.renew()
    assert mine.acquire() is None


def test_a_lease_let_go_is_free_at_once(database: Database) -> None:
    wall = Wall()
    mine, other = Lease(database, "a", wall), Lease(database, "b", wall)
    mine.acquire()

    mine.release()

    assert ServiceStore.on(database, wall).lease.leader() is None
    assert not mine.renew()
    assert other.acquire() == 2
    mine.release()  # not mine any more: nothing happens
    leader = ServiceStore.on(database, wall).lease.leader()
    assert leader is not None
    assert (leader.holder, leader.term, leader.expires_wall_s) == ("b", 2, wall.time_s + 10.0)


def test_a_term_is_higher_than_one_that_others_know_of(database: Database) -> None:
    wall = Wall()
    mine = Lease(database, "a", wall)

    assert mine.acquire(above=7) == 8
    assert mine.acquire(above=8) == 8
    assert mine.acquire(above=3) == 8
    assert mine.acquire(above=9) == 10
    wall.time_s += 60.0
    assert Lease(database, "b", wall).acquire(above=4) == 11


def test_of_many_that_ask_at_once_one_leads(database: Database) -> None:
    wall = Wall()
    leases = [Lease(database, f"holder-{n}", wall) for n in range(8)]

    with ThreadPoolExecutor(8) as pool:
        terms = list(pool.map(Lease.acquire, leases))

    assert sorted(terms, key=str) == [1, *[None] * 7]


def test_a_former_leader_writes_nothing(database: Database) -> None:
    former = Desk(database)
    former.submit(make_spec("j"))
    Desk(database)  # leads for the next term
    writes: dict[str, Callable[[], object]] = {
        "record": lambda: former.record(start("j", base(1)), now=1.0, due=Due.SCHEDULE),
        "lent": lambda: former.store.lent({"infer-0001": Loan("infer-0001", 0.0)}, 1.0),
        "demanded": lambda: former.store.demanded([(0.0, 1.0)]),
        "fact": lambda: former.store.put_fact("mode", "live"),
        "prune": lambda: former.store.prune(1e9),
    }

    for name, write in writes.items():
        with pytest.raises(LeaseLost, match="lease was for term 1"):
            write()
        assert former.users.events.last_id() == 1, name

    assert former.known("j").plan_id is None
    assert former.users.facts.get("mode") is None


def test_a_plan_in_flight_is_not_settled_by_a_former_leader(database: Database) -> None:
    former = Desk(database)
    former.submit(make_spec("j"))
    former.record(start("j", base(1)), now=1.0)
    newer = Desk(database)

    with pytest.raises(LeaseLost):
        former.settle(start("j", base(1)), now=1.0)

    assert newer.store.live()["j"].job.placements == ()
    assert newer.known("j").plan_id is None  # the newer one let go of it


def test_a_store_needs_a_lease(database: Database) -> None:
    store = SchedulerStore(database, PolicyConfig(), term=1)

    with pytest.raises(LeaseLost, match="there is none"):
        store.put_fact("mode", "live")
