"""The mirror shows what a real API server has, whatever happens to the connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from aryl.clock import elapsed
from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.mirror import Mirror
from aryl.kube.paths import NODES, PODS, item, within
from aryl.kube.reflector import Means, Pace, Raw, Source, uid_of
from aryl.kube.shelf import HEED_AGAIN_S
from aryl.model.errors import InvariantBroken
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.wire import over, wired

pytestmark = pytest.mark.kubernetes

QUICK = Pace(watch_s=1.0, late_s=1.0, wait_s=0.02, longest_wait_s=0.2)
MAPS = "/api/v1/configmaps"


def label_of(raw: Raw) -> str | None:
    """The label `seen`: all that is kept here; an object without it is of no interest."""
    label = raw["metadata"].get("labels", {}).get("seen")
    return None if label is None else str(label)


NODE = Source("nodes", "Node", NODES, label_of)
POD = Source("pods", "Pod", PODS, label_of)


@contextmanager
def mirroring(
    kubeconfig: Path,
    *sources: Source[Any],
    pace: Pace = QUICK,
    wake: Callable[[], object] = lambda: None,
    now: Callable[[], float] = elapsed,
) -> Iterator[Mirror]:
    """A mirror that has listed everything, for a block."""
    with KubeApi(from_kubeconfig(kubeconfig)) as kube:
        means = Means(kube, now, Random(1), pace)
        with Mirror(means, sources, wake) as mirror:
            assert mirror.wait(30.0)
            yield mirror


@pytest.fixture
def mirror(control_plane: ControlPlane) -> Iterator[Mirror]:
    with mirroring(control_plane.kubeconfig(), NODE, POD) as mirror:
        yield mirror


def make_node(api: Api, name: str, seen: str = "1") -> Raw:
    return api.create(NODES, {"metadata": {"name": name, "labels": {"seen": seen}}})


def relabel(api: Api, name: str, seen: str | None) -> Raw:
    return api.patch(item(NODES, name), {"metadata": {"labels": {"seen": seen}}})


def truth(api: Api) -> dict[str, str]:
    """What a look at the server shows of nodes."""
    labels = {node["metadata"]["name"]: label_of(node) for node in api.list(NODES)}
    return {name: label for name, label in labels.items() if label is not None}


def nodes(mirror: Mirror) -> dict[str, str]:
    return dict(mirror.seen().views["nodes"])


def test_it_begins_with_what_is_there(control_plane: ControlPlane, api: Api) -> None:
    for number in range(5):
        make_node(api, f"n{number}")
    api.create(NODES, {"metadata": {"name": "of-no-interest"}})

    with mirroring(control_plane.kubeconfig(), NODE, POD) as mirror:
        assert nodes(mirror) == {f"n{number}": "1" for number in range(5)}
        assert mirror.seen().views["pods"] == {}


def test_it_follows_what_happens(mirror: Mirror, api: Api, namespace: str) -> None:
    make_node(api, "a")
    make_node(api, "b")
    relabel(api, "a", "2")
    make_node(api, "c")
    relabel(api, "c", None)
    api.delete(item(NODES, "b"))
    spec = {"containers": [{"name": "c", "image": "i"}]}
    api.create(
        within(PODS, namespace), {"metadata": {"name": "p", "labels": {"seen": "1"}}, "spec": spec}
    )

    wait_until(lambda: nodes(mirror) == {"a": "2"})
    wait_until(lambda: mirror.seen().views["pods"] == {f"{namespace}/p": "1"})


def test_what_was_seen_stays_as_it_was(mirror: Mirror, api: Api) -> None:
    make_node(api, "a")
    wait_until(lambda: nodes(mirror) == {"a": "1"})
    before = mirror.seen()
    assert mirror.seen() is before

    relabel(api, "a", "2")
    wait_until(lambda: nodes(mirror) == {"a": "2"})
    after = mirror.seen()

    assert before.views["nodes"] == {"a": "1"}
    assert after.views["pods"] is before.views["pods"]
    assert after.version > before.version


def test_changes_that_no_view_shows_wake_nobody(control_plane: ControlPlane, api: Api) -> None:
    make_node(api, "a")
    woken: list[str] = []
    with mirroring(control_plane.kubeconfig(), NODE, wake=lambda: woken.append("")) as mirror:
        before, woken[:] = mirror.seen(), []
        heard = mirror.health()["Node"].events

        api.patch(item(NODES, "a"), {"metadata": {"annotations": {"beat": "1"}}})
        wait_until(lambda: mirror.health()["Node"].events > heard)
        assert (mirror.seen(), woken) == (before, [])

        relabel(api, "a", "2")
        wait_until(lambda: woken == [""])


def test_our_own_write_is_seen_at_once_and_stays(mirror: Mirror, api: Api) -> None:
    make_node(api, "a", "0")
    for number in range(1, 30):
        relabel(api, "a", f"theirs-{number}")
        mirror.wrote("nodes", relabel(api, "a", str(number)))
        assert nodes(mirror) == {"a": str(number)}

    relabel(api, "a", "last")
    wait_until(lambda: nodes(mirror) == {"a": "last"})


def test_what_we_delete_does_not_come_back(mirror: Mirror, api: Api, namespace: str) -> None:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    body = {"metadata": {"name": "p", "labels": {"seen": "1"}}, "spec": spec}
    for _ in range(5):
        mirror.wrote("pods", api.create(within(PODS, namespace), body))
        path = item(within(PODS, namespace), "p")
        mirror.wrote("pods", api.ask("DELETE", path, {"gracePeriodSeconds": 0}))
        wait_until(lambda: not mirror.seen().views["pods"], limit_s=5.0)


def test_kinds_can_share_a_resource(control_plane: ControlPlane, api: Api, namespace: str) -> None:
    both = (
        Source("things", "Node", NODES, label_of, uid_of),
        Source("things", "ConfigMap", MAPS, label_of, uid_of),
    )
    with mirroring(control_plane.kubeconfig(), *both) as mirror:
        made = make_node(api, "a", "node")
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        other = api.create(path, {"metadata": {"name": "a", "labels": {"seen": "map"}}})
        mirror.wrote("things", made)
        mirror.wrote("things", other)

        uids = {made["metadata"]["uid"]: "node", other["metadata"]["uid"]: "map"}
        assert mirror.seen().views["things"] == uids


def test_a_restarted_server_that_forgot_is_listed_again(
    mirror: Mirror, control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    make_node(api, "a")
    wait_until(lambda: nodes(mirror) == {"a": "1"})
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(5):  # the server's version goes on; nodes stay as they are
        api.create(path, {"metadata": {"name": f"map-{number}"}})
    control_plane.compact()
    control_plane.restart_apiserver()

    wait_until(lambda: mirror.health()["Node"].lists == 2)
    relabel(api, "a", "2")
    wait_until(lambda: nodes(mirror) == {"a": "2"})
    assert mirror.health()["Node"].errors > 0
    assert mirror.health()["Node"].last_error == ""


def test_a_wire_that_is_cut_costs_no_list(control_plane: ControlPlane, api: Api) -> None:
    with (
        wired(control_plane.server) as wire,
        mirroring(over(wire, control_plane.kubeconfig()), NODE) as mirror,
    ):
        for number in range(3):
            wire.cut()
            make_node(api, f"n{number}")

            wait_until(lambda: nodes(mirror) == truth(api), limit_s=5.0)

        assert mirror.health()["Node"].lists == 1


def test_a_wire_that_went_dead_is_noticed(control_plane: ControlPlane, api: Api) -> None:
    with (
        wired(control_plane.server) as wire,
        mirroring(over(wire, control_plane.kubeconfig()), NODE) as mirror,
    ):
        make_node(api, "before")
        wait_until(lambda: nodes(mirror) == {"before": "1"})
        wire.deaden()
        make_node(api, "after")

        wait_until(lambda: nodes(mirror) == {"before": "1", "after": "1"}, limit_s=10.0)
        assert mirror.health()["Node"].errors == 1


def test_a_write_that_the_watch_never_tells_of_makes_it_list_again(
    control_plane: ControlPlane, api: Api
) -> None:
    skipped_s: list[float] = []
    now = lambda: elapsed() + sum(skipped_s)  # noqa: E731 - one line says it
    with mirroring(control_plane.kubeconfig(), NODE, now=now) as mirror:
        node = make_node(api, "a")
        wait_until(lambda: nodes(mirror) == {"a": "1"})
        about = {**node["metadata"], "resourceVersion": "never-was", "labels": {"seen": "dreamt"}}
        mirror.wrote("nodes", {**node, "metadata": about})
        assert nodes(mirror) == {"a": "dreamt"}

        skipped_s.append(HEED_AGAIN_S)
        wait_until(lambda: nodes(mirror) == {"a": "1"}, limit_s=5.0)
        assert mirror.health()["Node"].lists == 2


def test_it_stops_at_once_even_where_the_server_stands_still(
    control_plane: ControlPlane, api: Api
) -> None:
    with mirroring(control_plane.kubeconfig(), NODE, pace=Pace()) as mirror:
        make_node(api, "a")
        wait_until(lambda: nodes(mirror) == {"a": "1"})
        control_plane.apiserver.pause()
        since_s = elapsed()
    control_plane.apiserver.resume()

    assert elapsed() - since_s < 1.0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_view_that_fails_is_told_to_whoever_looks(control_plane: ControlPlane, api: Api) -> None:
    source = Source("nodes", "Node", NODES, lambda raw: str(raw["no such field"]))
    with mirroring(control_plane.kubeconfig(), source) as mirror:
        make_node(api, "a")

        with pytest.raises(InvariantBroken, match="could not be viewed"):
            wait_until(lambda: mirror.seen().views["nodes"], limit_s=10.0)

    since_s = elapsed()
    failure = pytest.raises(InvariantBroken, match="could not be viewed")
    with failure, mirroring(control_plane.kubeconfig(), source):
        pass
    assert elapsed() - since_s < 5.0
