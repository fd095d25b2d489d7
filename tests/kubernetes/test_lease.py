"""One holder of a Lease at a time, whatever clocks say and whoever is stopped for a while."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.kubernetes.leasing import BothLeases, LeadersThrottle
from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.errors import Unreachable
from aryl.kube.lease import ClusterLease, Times
from aryl.model.errors import LeaseLost
from aryl.store import UNAVAILABLE, Database, Lease
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.kubernetes

LASTS_S, PROMISED_S = 10.0, 15.0
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


@dataclass
class Machine:
    """One machine's clocks, which have nothing to do with another's."""

    now_s: float = 0.0
    wall_s: float = 1_800_000_000.0
    look_s: float = 0.0  # what passes between two looks

    def elapsed(self) -> float:
        self.now_s += self.look_s
        return self.now_s

    def wall(self) -> float:
        return self.wall_s + self.now_s


@dataclass
class Candidate:
    """A process that would lead."""

    kube: KubeApi
    namespace: str
    name: str
    machine: Machine

    def __post_init__(self) -> None:
        times = Times(self.machine.elapsed, self.machine.wall, LASTS_S)
        self.lease = ClusterLease(self.kube, (self.namespace, "aryl"), self.name, times)


@pytest.fixture
def kube(control_plane: ControlPlane) -> Iterator[KubeApi]:
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        yield kube


@pytest.fixture
def a(kube: KubeApi, namespace: str) -> Candidate:
    return Candidate(kube, namespace, "a", Machine(now_s=5.0))


@pytest.fixture
def b(kube: KubeApi, namespace: str) -> Candidate:
    return Candidate(kube, namespace, "b", Machine(now_s=90_000.0, wall_s=0.0))


def spec(api: Api, namespace: str) -> Any:
    return api.get(LEASES.format(namespace) + "/aryl")["spec"]


def test_the_first_holds_it_and_renews(a: Candidate, b: Candidate, api: Api) -> None:
    assert a.lease.take()
    assert not b.lease.take()
    for _ in range(5):
        a.machine.now_s += 9.0
        b.machine.now_s += 9.0
        assert a.lease.renew()
        assert not b.lease.take()

    told = spec(api, a.namespace)
    assert (told["holderIdentity"], told["leaseTransitions"]) == ("a", 0)
    assert told["leaseDurationSeconds"] == PROMISED_S
    assert told["renewTime"] == "2027-01-15T08:00:50.000000Z"
    assert told["acquireTime"] == "2027-01-15T08:00:05.000000Z"


def test_who_is_silent_stops_before_another_takes_over(
    a: Candidate, b: Candidate, api: Api
) -> None:
    a.lease.take()
    b.lease.take()  # has seen it

    a.machine.now_s += LASTS_S
    b.machine.now_s += LASTS_S
    assert not a.lease.is_held
    assert not b.lease.take()
    b.machine.now_s += PROMISED_S - LASTS_S
    assert b.lease.take()

    assert not a.lease.renew()
    assert not a.lease.take()
    told = spec(api, a.namespace)
    assert (told["holderIdentity"], told["leaseTransitions"]) == ("b", 1)


def test_another_clock_alone_takes_nothing_over(a: Candidate, b: Candidate) -> None:
    """That of `b` is years away: only what it has seen itself counts."""
    a.lease.take()
    b.machine.now_s += 1e6
    assert not b.lease.take()
    b.machine.now_s += PROMISED_S - 1.0
    assert not b.lease.take()
    a.machine.now_s += 8.0
    assert a.lease.renew()
    b.machine.now_s += PROMISED_S - 1.0
    assert not b.lease.take()


def test_who_was_stopped_for_long_writes_nothing_more(a: Candidate, b: Candidate) -> None:
    throttle = LeadersThrottle(100.0, 10, a.machine.elapsed, lambda _: None, a.lease)
    a.lease.take()
    throttle.take()
    b.lease.take()

    a.machine.now_s += 60.0  # stopped, for a minute
    b.machine.now_s += 60.0
    assert b.lease.take()

    with pytest.raises(LeaseLost, match="not renewed in time"):
        throttle.take()
    assert not a.lease.renew()
    a.lease.release()
    assert b.lease.renew()  # it was not its to release


def test_a_lease_let_go_is_free_at_once(a: Candidate, b: Candidate, api: Api) -> None:
    a.lease.take()

    a.lease.release()

    assert not a.lease.is_held
    assert spec(api, a.namespace).get("holderIdentity", "") == ""
    assert b.lease.take()
    assert spec(api, a.namespace)["holderIdentity"] == "b"


def test_of_many_that_ask_at_once_one_holds_it(kube: KubeApi, namespace: str) -> None:
    all_of_them = [Candidate(kube, namespace, f"c{n}", Machine()) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            held = list(pool.map(lambda one: one.lease.take(), all_of_them))
            assert sum(held) == 1
            all_of_them[held.index(True)].lease.release()


def test_somebody_elses_touch_does_not_cost_the_lease(a: Candidate, api: Api) -> None:
    a.lease.take()
    labels = {"metadata": {"labels": {"seen": "yes"}}}
    api.patch(LEASES.format(a.namespace) + "/aryl", labels)

    assert a.lease.renew()


def test_a_lease_taken_by_force_is_lost_at_the_next_look(a: Candidate, api: Api) -> None:
    a.lease.take()
    forced = {"spec": {"holderIdentity": "b"}}
    api.patch(LEASES.format(a.namespace) + "/aryl", forced)

    assert not a.lease.renew()
    assert not a.lease.is_held
    assert spec(api, a.namespace)["holderIdentity"] == "b"


def test_a_lease_that_was_deleted_is_lost_and_can_be_taken_again(a: Candidate, api: Api) -> None:
    a.lease.take()
    api.delete(LEASES.format(a.namespace) + "/aryl")

    assert not a.lease.renew()
    assert not a.lease.is_held
    assert a.lease.take()


def test_a_server_that_is_away_costs_the_lease_once_it_has_run_out(
    control_plane: ControlPlane, a: Candidate
) -> None:
    a.lease.take()
    control_plane.apiserver.kill()

    a.machine.now_s += LASTS_S - 1.0
    with pytest.raises(Unreachable):
        a.lease.renew()
    assert a.lease.is_held
    a.machine.look_s = 0.9  # it runs out while we ask
    assert not a.lease.renew()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/aryl.db")
    database.migrate()
    yield database
    database.close()


def both_of(candidate: Candidate, database: Database) -> BothLeases:
    machine = candidate.machine
    return BothLeases(candidate.lease, Lease(database, candidate.name, machine.elapsed, LASTS_S))


def test_who_leads_holds_both(a: Candidate, b: Candidate, database: Database) -> None:
    first, second = both_of(a, database), both_of(b, database)

    assert first.acquire() == 1
    assert second.acquire() is None
    assert first.renew()
    first.release()
    assert second.acquire() == 2
    assert not first.renew()


def test_who_does_not_reach_the_database_leaves_the_cluster_to_others(
    a: Candidate, b: Candidate, database: Database
) -> None:
    away = Database("sqlite:////nowhere/aryl.db")
    with pytest.raises(UNAVAILABLE):
        both_of(a, away).acquire()
    away.close()

    assert both_of(b, database).acquire() == 1


def test_who_loses_the_database_leads_no_more(a: Candidate, database: Database) -> None:
    both = both_of(a, database)
    both.acquire()
    Lease(database, "c", lambda: 1e12).acquire()

    assert not both.renew()


def test_a_new_database_begins_above_all_terms_that_were(
    a: Candidate, b: Candidate, database: Database, tmp_path: Path
) -> None:
    first = both_of(a, database)
    assert first.acquire() == 1
    first.release()
    second = both_of(b, database)
    assert second.acquire() == 2
    second.release()

    fresh = Database(f"sqlite:///{tmp_path}/fresh.db")
    fresh.migrate()
    anew = both_of(a, fresh)
    terms = [anew.acquire(), anew.acquire()]
    anew.release()
    fresh.close()

    assert terms == [3, 3]
