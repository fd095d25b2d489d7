"""How a reflector goes on: from where it was, anew, sooner or later."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from kubernetes.client import Configuration

from aryl.clock import elapsed
from aryl.kube.access import Access, from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.errors import Forbidden, Gone, KubeError, NotFound, Unreachable
from aryl.kube.paths import NODES
from aryl.kube.reflector import Entry, Means, Pace, Raw, Reflector, Source, name_of
from tests.client.faults import response, saying
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until

QUICK = Pace(wait_s=0.01, longest_wait_s=0.05)
NODE = Source("nodes", "Node", NODES, name_of)


@dataclass
class Told:
    """What a reflector tells."""

    words: list[str] = field(default_factory=list)
    errors: list[KubeError] = field(default_factory=list)

    def begun(self) -> None:
        self.words.append("begun")

    def listed(self, entries: Sequence[Entry[str]]) -> None:
        self.words.append("listed " + " ".join(entry.key for entry in entries))

    def absent(self) -> None:
        self.words.append("absent")

    def changed(self, entry: Entry[str], *, is_gone: bool) -> None:
        self.words.append(f"{'gone' if is_gone else 'changed'} {entry.key}")

    def heard(self) -> None:
        self.words.append("heard")

    def failed(self, error: KubeError) -> None:
        self.errors.append(error)

    def broke(self, error: Exception) -> None:
        raise AssertionError from error

    def lists(self) -> int:
        return sum(word.startswith("listed") for word in self.words)


@contextmanager
def reflecting(access: Access, source: Source[str] = NODE, pace: Pace = QUICK) -> Iterator[Told]:
    """A reflector at work, for a block."""
    told = Told()
    with KubeApi(access) as kube:
        reflector = Reflector(Means(kube, elapsed, Random(1), pace), source, told)
        reflector.start()
        try:
            yield told
        finally:
            reflector.stop()
            assert reflector.join(5.0)


@pytest.fixture
def access(control_plane: ControlPlane) -> Access:
    return from_kubeconfig(control_plane.kubeconfig())


def access_to(address: str) -> Access:
    return Access(Configuration(host=address))


def a_list(version: str, *names: str) -> bytes:
    items = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names]
    return response(200, json.dumps({"metadata": {"resourceVersion": version}, "items": items}))


def a_watch(*events: Raw) -> bytes:
    lines = [json.dumps(event) + "\n" for event in events]
    chunks = "".join(f"{len(line):x}\r\n{line}\r\n" for line in lines)
    head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return f"{head}{chunks}0\r\n\r\n".encode()


def an_event(kind: str, version: str, name: str = "") -> dict[str, Any]:
    return {"type": kind, "object": {"metadata": {"name": name, "resourceVersion": version}}}


def an_error(code: int) -> dict[str, Any]:
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "too old"}}


FAULT = response(500, "{}")


@pytest.mark.kubernetes
def test_a_watch_that_the_server_ends_goes_on_where_it_was(access: Access, api: Api) -> None:
    with reflecting(access, pace=Pace(watch_s=1.0)) as told:
        wait_until(lambda: told.lists() == 1)
        for number in range(4):
            api.create(NODES, {"metadata": {"name": f"n{number}"}})
            threading.Event().wait(0.6)

    heard = [word for word in dict.fromkeys(told.words) if word != "heard"]
    assert heard == ["begun", "listed ", *(f"changed n{number}" for number in range(4))]
    assert told.lists() == 1
    assert told.errors == []


@pytest.mark.kubernetes
def test_everything_is_listed_again_from_time_to_time(access: Access) -> None:
    with reflecting(access, pace=Pace(relist_s=1.2)) as told:
        wait_until(lambda: told.lists() == 3, limit_s=10.0)

    assert told.errors == []


@pytest.mark.kubernetes
def test_who_may_not_look_is_told_so_and_goes_on_trying(control_plane: ControlPlane) -> None:
    with reflecting(from_kubeconfig(control_plane.kubeconfig("alice"))) as told:
        wait_until(lambda: len(told.errors) > 2)

    assert {type(error) for error in told.errors} == {Forbidden}


@pytest.mark.kubernetes
def test_a_server_that_is_away_is_asked_again_when_it_is_back(
    access: Access, api: Api, control_plane: ControlPlane
) -> None:
    with reflecting(access) as told:
        wait_until(lambda: told.lists() == 1)
        control_plane.apiserver.kill()
        wait_until(lambda: len(told.errors) > 3)
        control_plane.apiserver.start()
        wait_until(control_plane.is_ready)
        api.create(NODES, {"metadata": {"name": "back"}})

        wait_until(lambda: "back" in told.words[-1] or "changed back" in told.words)

    assert Unreachable in {type(error) for error in told.errors}


@pytest.mark.kubernetes
def test_a_kind_that_is_not_served_is_absent(access: Access) -> None:
    source = Source("sets", "Set", "/apis/nobody.dev/v1/sets", name_of, may_be_absent=True)
    with reflecting(access, source) as told:
        wait_until(lambda: told.words.count("absent") > 1)

    assert told.errors == []


def test_a_server_that_has_just_started_is_not_believed_that_a_kind_is_absent() -> None:
    source = Source("sets", "Set", "/apis/nobody.dev/v1/sets", name_of, may_be_absent=True)
    none, ready = response(404, "{}"), response(200, "ok")
    answers = [none, FAULT, none, ready, a_list("5"), none, ready, none]
    with saying(answers) as server, reflecting(access_to(server.address), source) as told:
        wait_until(lambda: "absent" in told.words)
        asked = len(server.requests)

    assert asked >= len(answers)
    assert server.requests[1].startswith(b"GET /readyz")
    assert [type(error) for error in told.errors[:2]] == [NotFound, NotFound]


def test_a_version_that_is_too_old_is_listed_again_at_once() -> None:
    changed = a_watch(an_event("MODIFIED", "6", "n"), an_event("BOOKMARK", "7"))
    answers = [a_list("5", "n"), changed, a_watch(an_error(410)), a_list("9"), FAULT]
    pace = Pace(wait_s=60.0, longest_wait_s=60.0)
    with saying(answers) as server, reflecting(access_to(server.address), pace=pace) as told:
        wait_until(lambda: told.lists() == 2, limit_s=5.0)

    happened = ["begun", "listed n", "heard", "changed n", "heard", "heard", "begun", "listed "]
    assert told.words[: len(happened)] == happened
    versions = [request for request in server.requests if b"watch=true" in request]
    assert b"resourceVersion=5&" in versions[0]
    assert b"resourceVersion=7&" in versions[1]
    assert isinstance(told.errors[0], Gone)


def test_a_version_that_is_too_old_again_and_again_is_waited_for() -> None:
    answers = [a_list("5"), a_watch(an_error(410))] * 500
    pace = Pace(wait_s=0.05, longest_wait_s=0.2)
    with saying(answers) as server, reflecting(access_to(server.address), pace=pace) as told:
        threading.Event().wait(1.0)

    assert 3 <= told.lists() <= 20


@pytest.mark.parametrize(
    "answer", [a_watch(), response(200, ""), b""], ids=["empty", "bad", "none"]
)
def test_watches_that_end_as_they_begin_are_waited_for(answer: bytes) -> None:
    pace = Pace(wait_s=0.05, longest_wait_s=0.2)
    with (
        saying([a_list("5"), answer]) as server,
        reflecting(access_to(server.address), pace=pace) as told,
    ):
        threading.Event().wait(1.0)

    assert 3 <= len(told.errors) <= 20
    assert {type(error) for error in told.errors} == {Unreachable}
    assert told.lists() == 1


@pytest.mark.parametrize("code", [500, 504, 400])
def test_whatever_a_stream_complains_about_a_list_is_the_way_out(code: int) -> None:
    answers = [a_list("5"), a_watch(an_error(code)), a_list("9"), FAULT]
    with saying(answers) as server, reflecting(access_to(server.address)) as told:
        wait_until(lambda: told.lists() == 2, limit_s=5.0)


@pytest.mark.parametrize(("code", "lists"), [(410, 2), (504, 2), (429, 1), (401, 1), (403, 1)])
def test_a_watch_that_is_refused_is_asked_again_if_its_version_may_have_a_future(
    code: int, lists: int
) -> None:
    refusal = response(code, "{}", "Retry-After: 60")
    answers = [a_list("5"), refusal, a_list("9"), FAULT]
    with saying(answers) as server, reflecting(access_to(server.address)) as told:
        wait_until(lambda: len(server.requests) > 3, limit_s=5.0)

    assert told.lists() == lists


def test_a_server_that_is_too_busy_says_when_to_come_back() -> None:
    later = response(429, "{}", "Retry-After: 60")
    pace = Pace(wait_s=0.01, longest_wait_s=0.5)
    with saying([later]) as server, reflecting(access_to(server.address), pace=pace) as told:
        threading.Event().wait(1.2)

    assert 2 <= len(told.errors) <= 4


def test_it_stops_while_it_waits() -> None:
    pace = Pace(wait_s=60.0, longest_wait_s=60.0)
    with saying([FAULT]) as server, reflecting(access_to(server.address), pace=pace) as told:
        wait_until(lambda: told.errors)
        since_s = elapsed()

    assert elapsed() - since_s < 2.0
