"""The client against a real API server: what it asks, what it is told, and how it fails."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import Configuration

from aryl.clock import elapsed
from aryl.kube.access import Access, from_kubeconfig
from aryl.kube.client import KubeApi, PatchKind
from aryl.kube.errors import (
    Clash,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unreachable,
)
from aryl.kube.paths import NODES, PODS, item, within
from aryl.kube.throttle import Throttle
from tests.client.faults import response, saying
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.kubernetes

POD: dict[str, Any] = {
    "metadata": {"name": "p", "labels": {"app": "kept"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
BUDGETS = "/apis/policy/v1beta1/namespaces/{}/poddisruptionbudgets"


@pytest.fixture
def kube(control_plane: ControlPlane) -> Iterator[KubeApi]:
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        yield kube


def access_to(address: str) -> Access:
    return Access(Configuration(host=address))


def make_nodes(api: Api, count: int) -> None:
    for number in range(count):
        api.create(NODES, {"metadata": {"name": f"n{number}", "labels": {"odd": str(number % 2)}}})


def test_a_list_has_every_page_of_one_moment(kube: KubeApi, api: Api) -> None:
    make_nodes(api, 7)

    listed = kube.list(NODES, limit=3)
    odd = kube.list(NODES, labelSelector="odd=1")

    assert [node["metadata"]["name"] for node in listed.items] == [f"n{i}" for i in range(7)]
    assert [node["metadata"]["name"] for node in odd.items] == ["n1", "n3", "n5"]


def test_a_page_that_comes_too_late_is_gone(
    kube: KubeApi, api: Api, control_plane: ControlPlane
) -> None:
    make_nodes(api, 4)
    pages = kube.pages(NODES, limit=2)
    next(pages)
    api.patch(item(NODES, "n0"), {"metadata": {"labels": {"later": "yes"}}})
    control_plane.compact()

    with pytest.raises(Gone):
        list(pages)


def test_objects_are_created_changed_and_deleted(kube: KubeApi, api: Api) -> None:
    made = kube.create(NODES, {"metadata": {"name": "n", "labels": {"a": "1", "b": "1"}}})
    path = item(NODES, "n")

    merged = kube.patch(path, {"metadata": {"labels": {"a": None, "c": "1"}}})
    test = {"op": "test", "path": "/metadata/labels/c", "value": "1"}
    change = {"op": "replace", "path": "/metadata/labels/c", "value": "2"}
    kube.patch(path, [test, change], PatchKind.JSON)
    assert api.get(path)["metadata"]["labels"] == {"b": "1", "c": "2"}

    with pytest.raises(Invalid):
        kube.patch(path, [test, change], PatchKind.JSON)
    with pytest.raises(Clash):
        kube.replace(path, merged)
    with pytest.raises(Clash):
        kube.patch(path, {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}})
    with pytest.raises(Clash):
        kube.create(NODES, {"metadata": {"name": "n"}})
    with pytest.raises(Clash):
        kube.delete(path, uid="another")
    kube.delete(path, uid=made["metadata"]["uid"])
    with pytest.raises(NotFound):
        kube.delete(path)
    with pytest.raises(NotFound):
        kube.get("/apis/nobody.dev/v1/things")


def test_fields_that_the_server_finds_fault_with_are_named(kube: KubeApi) -> None:
    with pytest.raises(Invalid) as invalid:
        kube.create(NODES, {"metadata": {"name": "not_a_name"}})

    assert list(invalid.value.fields) == ["metadata.name"]


def test_a_pod_is_bound_once(kube: KubeApi, api: Api, namespace: str) -> None:
    make_nodes(api, 2)
    pod = kube.create(within(PODS, namespace), POD)

    kube.bind(namespace, "p", pod["metadata"]["uid"], "n1")

    assert api.get(item(within(PODS, namespace), "p"))["spec"]["nodeName"] == "n1"
    with pytest.raises(Clash, match="already assigned"):
        kube.bind(namespace, "p", pod["metadata"]["uid"], "n0")


def test_an_eviction_heeds_grace_and_identity(kube: KubeApi, api: Api, namespace: str) -> None:
    make_nodes(api, 1)
    pod = kube.create(within(PODS, namespace), POD | {"spec": {**POD["spec"], "nodeName": "n0"}})

    kube.evict(namespace, "p", grace_s=7, uid=pod["metadata"]["uid"])

    about = api.get(item(within(PODS, namespace), "p"))["metadata"]
    assert about["deletionGracePeriodSeconds"] == 7
    with pytest.raises(NotFound):
        kube.evict(namespace, "nobody")


def test_a_budget_that_allows_no_eviction_is_named(kube: KubeApi, api: Api, namespace: str) -> None:
    make_nodes(api, 1)
    kube.create(within(PODS, namespace), POD | {"spec": {**POD["spec"], "nodeName": "n0"}})
    ready = [{"type": "Ready", "status": "True"}]
    path = item(within(PODS, namespace), "p", "status")
    api.patch(path, {"status": {"phase": "Running", "conditions": ready}})
    for number, name in enumerate(("keeps-all", "keeps-too"), 1):
        spec = {"minAvailable": 1, "selector": {"matchLabels": POD["metadata"]["labels"]}}
        api.create(BUDGETS.format(namespace), {"metadata": {"name": name}, "spec": spec})

        with pytest.raises(Refused) as refused:
            kube.evict(namespace, "p")

        assert refused.value.budget == ("keeps-all" if number == 1 else None)


def test_who_has_no_right_to_is_told_to_what(control_plane: ControlPlane) -> None:
    with KubeApi(from_kubeconfig(control_plane.kubeconfig("alice"))) as kube:
        with pytest.raises(Forbidden) as listing:
            kube.list(PODS)
        with pytest.raises(Forbidden) as watching:
            kube.watch(PODS, "1", 1, 1.0)
        with pytest.raises(Forbidden) as evicting:
            kube.evict("default", "p")

    said = [str(error.value.subject) for error in (listing, watching, evicting)]
    evict = "create pods/eviction p in namespace default"
    assert said == ["list pods", "watch pods", evict]


def test_nobody_there_is_unreachable(kube: KubeApi, control_plane: ControlPlane) -> None:
    kube.get("/version")
    control_plane.apiserver.kill()
    with pytest.raises(Unreachable, match="refused"):
        kube.get("/version")
    control_plane.apiserver.start()


def test_a_watch_tells_what_happens_until_the_server_ends_it(kube: KubeApi, api: Api) -> None:
    version = kube.list(NODES).resource_version
    make_nodes(api, 2)
    api.delete(item(NODES, "n0"))

    with kube.watch(NODES, version, 1, 5.0) as watch:
        events = [(event["type"], event["object"]["metadata"].get("name")) for event in watch]

    told = [event for event in events if event[0] in {"ADDED", "DELETED"}]
    assert told == [("ADDED", "n0"), ("ADDED", "n1"), ("DELETED", "n0")]


def test_another_thread_ends_a_watch_at_once(kube: KubeApi) -> None:
    with kube.watch(NODES, kube.list(NODES).resource_version, 60, 60.0) as watch:
        since_s = elapsed()
        ends = threading.Timer(0.2, watch.stop)
        ends.start()

        assert list(watch) == []

    ends.join()
    assert elapsed() - since_s < 5.0


def test_a_silent_watch_is_taken_for_dead(kube: KubeApi, control_plane: ControlPlane) -> None:
    version = kube.list(NODES).resource_version
    silent = control_plane.apiserver.paused
    too_long = pytest.raises(Unreachable, match="too long")

    with kube.watch(NODES, version, 60, 0.5) as watch, silent(), too_long:
        list(watch)


def test_a_list_begins_anew_where_a_page_came_too_late() -> None:
    def page(name: str, following: str) -> bytes:
        about = {"resourceVersion": "5", "continue": following}
        return response(200, json.dumps({"metadata": about, "items": [name]}))

    answers = [page("old", "more"), response(410, "{}"), page("a", "more"), page("b", "")]
    with saying(answers) as server:
        assert KubeApi(access_to(server.address)).list(NODES).items == ["a", "b"]


def test_what_the_server_puts_off_is_tried_again() -> None:
    later = response(429, "{}", "Retry-After: 0")
    with saying([later, later, response(200, '{"minor": "20"}')]) as server:
        assert KubeApi(access_to(server.address)).get("/version") == {"minor": "20"}


@pytest.mark.parametrize(("asked_s", "tries"), [(0, 3), (60, 1)])
def test_what_is_put_off_for_long_is_left_to_the_caller(asked_s: int, tries: int) -> None:
    with saying([response(503, "{}", f"Retry-After: {asked_s}")]) as server:
        with pytest.raises(TooMany):
            KubeApi(access_to(server.address)).get("/version")

        assert len(server.requests) == tries


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", response(200, "<html>")],
    ids=["nothing", "half", "no JSON"],
)
def test_an_answer_that_is_none_is_unreachable(answer: bytes) -> None:
    with saying([answer]) as server, pytest.raises(Unreachable):
        KubeApi(access_to(server.address)).get("/version")


def test_writes_take_turns_and_looks_do_not(control_plane: ControlPlane) -> None:
    waits_s: list[float] = []
    throttle = Throttle(rate_per_s=1.0, burst=2, now=lambda: 0.0, wait=waits_s.append)
    with KubeApi(from_kubeconfig(control_plane.kubeconfig()), throttle) as kube:
        for name in ("a", "b", "c"):
            kube.create(NODES, {"metadata": {"name": name}})
            kube.get(item(NODES, name))
        kube.delete(item(NODES, "a"))

    assert waits_s == [1.0, 2.0]


def test_many_threads_share_a_client(kube: KubeApi, api: Api) -> None:
    make_nodes(api, 20)
    names: list[str] = []

    def look() -> None:
        names.extend(kube.get(item(NODES, f"n{i}"))["metadata"]["name"] for i in range(20))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(names) == sorted(f"n{i}" for i in range(20) for _ in range(8))
