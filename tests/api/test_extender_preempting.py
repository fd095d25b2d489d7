"""For Aryl's pods, others are sent away on the plan's node alone, and no base worker ever."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.extender import Sources
from aryl.kube.names import KIND, MANAGED
from aryl.store import Database
from tests.api.extending import FREE, Ask, a_worker, asking, by_uid, metas


@pytest.fixture
def bases() -> set[str]:
    """The uids of the base workers on n2."""
    return set()


@pytest.fixture
def ask(database: Database, bases: set[str]) -> Iterator[Ask]:
    with asking(database, Sources(lambda _: None, {"n2": bases}.get)) as ask:
        yield ask


def test_a_foreign_pod_may_send_away_whom_the_scheduler_chose(ask: Ask, bases: set[str]) -> None:
    bases.add("a")

    answer = ask("preempt", by_uid(FREE, {"n1": ["a", "b"], "n2": []})).json()

    assert answer == {"NodeNameToMetaVictims": metas({"n1": ["a", "b"], "n2": []}, 2)}


def test_a_worker_sends_pods_away_on_the_plans_node_alone(ask: Ask) -> None:
    answer = ask("preempt", by_uid(a_worker("n2"), {"n1": ["a"], "n2": ["b", "c"]})).json()

    assert answer == {"NodeNameToMetaVictims": metas({"n2": ["b", "c"]}, 2)}


def test_a_node_where_nobody_must_go_is_kept(ask: Ask) -> None:
    answer = ask("preempt", by_uid(a_worker("n2"), {"n2": []})).json()

    assert answer == {"NodeNameToMetaVictims": metas({"n2": []}, 2)}


@pytest.mark.parametrize("pod", [a_worker("n9"), a_worker()], ids=["elsewhere", "nowhere"])
def test_a_worker_sends_nobody_away_in_vain(ask: Ask, pod: Any) -> None:
    assert ask("preempt", by_uid(pod, {"n1": ["a"]})).json() == {"NodeNameToMetaVictims": {}}


def test_no_base_worker_is_sent_away_for_another(ask: Ask, bases: set[str]) -> None:
    bases.add("b")

    answer = ask("preempt", by_uid(a_worker("n2"), {"n2": ["a", "b"]})).json()

    assert answer == {"NodeNameToMetaVictims": {}}


def test_victims_that_are_sent_whole_say_themselves_who_they_are(ask: Ask) -> None:
    def a_victim(uid: str, kind: str) -> dict[str, Any]:
        return {"metadata": {"uid": uid, "labels": {MANAGED: "true", KIND: kind}}, "spec": {}}

    def allowed(*kinds: str) -> Any:
        pods = [a_victim(str(number), kind) for number, kind in enumerate(kinds)]
        victims = {"n2": {"Pods": pods, "NumPDBViolations": 0}}
        asked = {"Pod": a_worker("n2"), "NodeNameToVictims": victims}
        return ask("preempt", asked).json()["NodeNameToMetaVictims"]

    assert allowed("flexible", "flexible") == metas({"n2": ["0", "1"]})
    assert allowed("flexible", "base") == {}


def test_who_sees_no_pods_takes_all_for_base_workers(database: Database) -> None:
    with asking(database, Sources(lambda _: None)) as ask:
        answer = ask("preempt", by_uid(a_worker("n2"), {"n2": ["a"]}))

    assert answer.json() == {"NodeNameToMetaVictims": {}}


def test_keys_may_have_any_case(ask: Ask) -> None:
    victims = {"n2": {"pods": [{"uid": "a"}], "numPDBViolations": 1}}

    answer = ask("preempt", {"pod": a_worker("n2"), "nodenametometavictims": victims}).json()

    assert answer == {"NodeNameToMetaVictims": metas({"n2": ["a"]}, breaches=1)}
