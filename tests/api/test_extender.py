"""kube-scheduler's questions in their exact form, and answers that it understands."""

from collections.abc import Iterator, Sequence
from threading import Event
from typing import Any

import orjson
import pytest

from api.extender import Sources, StoredReasons, mount
from aryl.kube.names import JOB_ID, MANAGED
from aryl.model.plan import Waiting
from aryl.model.reason import ReasonCode, because
from aryl.store import Database, ServiceStore
from tests.api.extending import FREE, NAMES, Ask, a_worker, asking, by_name, whole
from tests.api.stage import Stage
from tests.builders import make_spec
from tests.contract.worlds import Desk


@pytest.fixture
def asked_for() -> list[Sequence[str]]:
    """The jobs whose reasons were asked for."""
    return []


@pytest.fixture
def ask(database: Database, asked_for: list[Sequence[str]]) -> Iterator[Ask]:
    def reason_of(job_ids: Sequence[str]) -> str | None:
        asked_for.append(job_ids)
        return "too few GPUs" if "resnet" in job_ids else None

    with asking(database, Sources(reason_of)) as ask:
        yield ask


def test_a_foreign_pod_passes_untouched(ask: Ask, asked_for: list[Sequence[str]]) -> None:
    filtered, scored = ask("filter", by_name(FREE)), ask("prioritize", by_name(FREE))

    assert filtered.json() == {
        "Nodes": None,
        "NodeNames": NAMES,
        "FailedNodes": {},
        "FailedAndUnresolvableNodes": {},
        "Error": "",
    }
    assert scored.json() == [{"Host": name, "Score": 0} for name in NAMES]
    assert not asked_for


def test_a_worker_goes_to_the_plans_node_alone(ask: Ask) -> None:
    asked = by_name(a_worker("n2"))

    answer, scored = ask("filter", asked), ask("prioritize", asked)

    failed = dict.fromkeys(["n1", "n3"], "Aryl's plan gives this pod n2")
    assert answer.json() == {
        "Nodes": None,
        "NodeNames": ["n2"],
        "FailedNodes": failed,
        "FailedAndUnresolvableNodes": failed,
        "Error": "",
    }
    assert {one["Host"]: one["Score"] for one in scored.json()} == {"n1": 0, "n2": 10, "n3": 0}


def test_where_the_plans_node_is_not_offered_no_other_is_taken(ask: Ask) -> None:
    answer = ask("filter", by_name(a_worker("n9"))).json()

    assert answer["NodeNames"] == []  # null would mean the same, and look like a mistake
    assert set(answer["FailedNodes"]) == set(NAMES)


def test_whole_nodes_are_answered_whole(ask: Ask) -> None:
    asked = whole(a_worker("n2"))

    answer = ask("filter", asked).json()

    assert answer["NodeNames"] is None
    assert answer["Nodes"] == asked["Nodes"] | {"items": [asked["Nodes"]["items"][1]]}
    assert set(answer["FailedNodes"]) == {"n1", "n3"}
    assert ask("filter", whole(FREE)).json()["Nodes"] == asked["Nodes"]
    assert [one["Host"] for one in ask("prioritize", asked).json()] == NAMES


def test_a_worker_without_a_place_learns_why_its_job_waits(ask: Ask) -> None:
    answer = ask("filter", by_name(a_worker())).json()

    assert answer["NodeNames"] == []
    assert answer["FailedNodes"] == dict.fromkeys(NAMES, "too few GPUs")
    assert answer["FailedAndUnresolvableNodes"] == answer["FailedNodes"]
    assert all(one["Score"] == 0 for one in ask("prioritize", by_name(a_worker())).json())


def test_a_worker_whose_job_is_not_known_is_told_so(ask: Ask) -> None:
    stranger = a_worker(labels={MANAGED: "true"})

    answer = ask("filter", by_name(stranger)).json()

    assert answer["FailedNodes"]["n1"] == "Aryl has not placed this pod yet"


def test_a_job_is_found_by_all_its_names(ask: Ask, asked_for: list[Sequence[str]]) -> None:
    owner = {"name": "resnet", "uid": "12345678-9abc", "controller": True}
    other = {"name": "other", "uid": "0"}
    pod = a_worker(annotations={JOB_ID: "own-id"}, ownerReferences=[other, owner])

    ask("filter", by_name(pod))

    assert asked_for == [["own-id", "ml.resnet.12345678", "resnet"]]


@pytest.mark.parametrize("names", [None, []])
def test_no_nodes_are_no_nodes(ask: Ask, names: Any) -> None:
    assert ask("filter", by_name(FREE, names)).json()["NodeNames"] == []
    assert ask("prioritize", by_name(a_worker("n1"), names)).json() == []
    nodes = {"Pod": FREE, "Nodes": {"metadata": {}, "items": None}}
    assert ask("filter", nodes).json()["Nodes"]["items"] == []


def test_keys_may_have_any_case(ask: Ask) -> None:
    lower = {"pod": a_worker("n2"), "nodes": None, "nodenames": NAMES}

    assert ask("filter", lower).json()["NodeNames"] == ["n2"]


MALFORMED = [
    ("filter", b"{", "the body is no JSON"),
    ("filter", b"", "the body is no JSON"),
    ("filter", b"[]", "the body must be an object"),
    ("filter", b"{}", "Pod is missing"),
    ("filter", b'{"Pod": "p"}', "pod must be an object"),
    ("filter", b'{"Pod": {"metadata": []}}', "metadata must be an object"),
    ("filter", b'{"Pod": {"metadata": {"labels": 1}}}', "labels must be an object"),
    ("filter", b'{"Pod": {}, "NodeNames": "n1"}', "nodenames must be a list"),
    ("prioritize", b'{"Pod": {}, "NodeNames": [1]}', "each item text"),
    ("filter", b'{"Pod": {}, "Nodes": []}', "nodes must be an object"),
    ("filter", b'{"Pod": {}, "Nodes": {"items": [{}]}}', "a node in Nodes has no name"),
    ("preempt", b'{"Pod": {}, "NodeNameToMetaVictims": []}', "must be an object"),
    ("preempt", b'{"Pod": {}, "NodeNameToMetaVictims": {"n": {"Pods": [{}]}}}', "no uid"),
    ("preempt", b'{"Pod": {}, "NodeNameToVictims": {"n": {"Pods": [{"metadata": {}}]}}}', "no uid"),
]


@pytest.mark.parametrize(("verb", "body", "said"), MALFORMED)
def test_what_can_not_be_understood_is_answered_400(
    ask: Ask, verb: str, body: bytes, said: str
) -> None:
    answer = ask(verb, body)

    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_a_reason_that_takes_too_long_is_not_waited_for(database: Database) -> None:
    released = Event()

    def slow(_: Sequence[str]) -> str | None:
        released.wait(30)
        return "too late"

    with asking(database, Sources(slow)) as ask:
        answer = ask("filter", by_name(a_worker()))
        released.set()

    assert answer.json()["FailedNodes"]["n1"] == "Aryl has not placed this pod yet"


def test_the_reason_is_the_one_that_the_scheduler_wrote_down(database: Database) -> None:
    desk, reasons = Desk(database), StoredReasons(ServiceStore.on(database, lambda: 0.0))
    desk.submit(make_spec("a"), make_spec("ml.b.12345678"))
    short = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=0)
    desk.record(now=10.0, waiting=(Waiting(short, ("ml.b.12345678",)),))

    said = reasons(["none", "ml.b.12345678", "a"])

    assert said == f"Aryl lets job ml.b.12345678 wait: {short.text}"
    assert reasons(["none"]) is None
    assert reasons([]) is None


def test_a_database_that_is_away_gives_no_reason(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    reasons = StoredReasons(ServiceStore.on(database, lambda: 0.0))
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE jobs RENAME TO elsewhere")

    said = reasons(["a"])
    database.close()

    assert said is None


def test_no_token_is_asked_for_and_a_thousand_whole_nodes_fit(locked: Stage) -> None:
    mount(locked.app, Sources(lambda _: None))
    asked = whole(a_worker("n7"), [f"n{number}" for number in range(1_000)])
    asked["Nodes"]["items"][0]["status"] = {"images": ["x" * 1_000] * 2_000}

    answer = locked.client.post("/extender/filter", content=orjson.dumps(asked))

    assert [item["metadata"]["name"] for item in answer.json()["Nodes"]["items"]] == ["n7"]
    elsewhere = locked.client.post("/api/v1/jobs", content=orjson.dumps(asked))
    assert elsewhere.status_code == 413


def test_an_app_without_a_cluster_has_no_extender(stage: Stage) -> None:
    assert stage.client.post("/extender/filter", content=b"{}").status_code == 404
