"""Events as they happen, over real HTTP: nothing is lost, nothing comes twice, and it ends."""

import json
import socket
from collections import deque
from collections.abc import Iterator
from itertools import islice
from threading import Thread
from typing import Any

import httpx2
import pytest

from api import sse
from aryl.store import Database, Principal, Role, Submission
from tests.api.served import served
from tests.api.stage import Stage, stage_on
from tests.builders import make_spec
from tests.service.processes import until

ADA = Principal("ada", Role.SUBMITTER)


class Site:
    """An API at an address."""

    def __init__(self, stage: Stage, server: Any, url: str) -> None:
        """Stand at an address."""
        self.stage, self.server, self.url = stage, server, url

    def happen(self, *names: str) -> None:
        """Submit jobs as another process does: this one is not told."""
        batch = [
            Submission(spec=make_spec(name), name=name, owner="ada", who=ADA) for name in names
        ]
        self.stage.store.jobs.submit(batch)

    def events(self, query: str = "", *, last: str = "") -> Iterator[dict[str, Any]]:
        """The events of a stream, behind the last one that was got."""
        headers = {"Last-Event-ID": last} if last else {}
        url = f"{self.url}/api/v1/events{query}"
        with httpx2.Client(timeout=20.0) as client, client.sse(url, headers=headers) as source:
            for event in source:
                told = json.loads(event.data)
                assert (event.id, event.event) == (str(told["id"]), told["kind"])
                yield told


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """An API at an address of this machine."""
    stage = stage_on(database)
    stage.scheduler()
    with served(stage) as (server, url):
        yield Site(stage, server, url)


def names(events: Iterator[dict[str, Any]], count: int) -> list[str]:
    """The jobs of the next events."""
    return [event["job_id"] for event in islice(events, count)]


def test_a_stream_begins_where_it_is_told_and_goes_on(site: Site) -> None:
    site.happen("a", "b", "c")
    events = site.events("?after=1")

    missed = names(events, 2)
    site.happen("d")

    assert missed + names(events, 1) == ["b", "c", "d"]


def test_what_this_process_changes_is_told_at_once(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(sse, "POLL_S", 3_600.0)
    site.happen("a")
    events = site.events("?after=0")
    assert names(events, 1) == ["a"]

    httpx2.post(f"{site.url}/api/v1/jobs", json={"name": "b", "num_gpus": 1, "duration_s": 1})

    assert next(events)["job_id"] == "job-000002"


def test_whoever_comes_back_gets_what_came_meanwhile_once(site: Site) -> None:
    wanted, seen, last = [f"j{n}" for n in range(40)], list[str](), "0"
    writer = Thread(target=lambda: deque(map(site.happen, wanted), 0))
    writer.start()

    while len(seen) < len(wanted):
        for event in islice(site.events(last=last), 7):
            seen.append(event["job_id"])
            last = str(event["id"])
            if len(seen) == len(wanted):
                break

    writer.join()
    assert seen == wanted


def test_last_event_id_wins_over_after(site: Site) -> None:
    site.happen("a", "b", "c")

    assert names(site.events("?after=0", last="2"), 1) == ["c"]


def test_a_stream_may_be_of_one_job_or_some_kinds(site: Site) -> None:
    site.happen("a", "b")
    httpx2.delete(f"{site.url}/api/v1/jobs/a")
    site.happen("c")

    (cancelled,) = islice(site.events("?after=0&kinds=cancel_requested,finished"), 1)

    assert (cancelled["kind"], cancelled["job_id"]) == ("cancel_requested", "a")
    of_a = [event["kind"] for event in islice(site.events("?after=0&job_id=a"), 2)]
    assert of_a == ["submitted", "cancel_requested"]


def test_many_listeners_all_hear_everything(site: Site) -> None:
    streams = [site.events("?after=0") for _ in range(10)]
    site.happen("a")
    assert [names(stream, 1) for stream in streams] == [["a"]] * 10

    site.happen("b", "c")

    assert [names(stream, 2) for stream in streams] == [["b", "c"]] * 10


def test_silence_is_broken_by_comments(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)

    with httpx2.stream("GET", f"{site.url}/api/v1/events", timeout=20.0) as response:
        first = next(response.iter_lines())

    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert first == ": nothing new"


def test_a_slow_listener_is_cut_off_and_can_come_back(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(sse, "WAITING_EVENTS", 5)
    feed = site.stage.app.state.service.feed
    host, port = site.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        slow.sendall(b"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: feed.listeners)

        for n in range(60):
            site.happen(*(f"{'x' * 40}-{n}-{m}" for m in range(100)))
        until(lambda: feed.newest == 6_000)
        got = b""
        while chunk := slow.recv(1 << 16):
            got += chunk
            if b"0\r\n\r\n" in chunk:
                break

    assert sse.CUT_OFF in got
    ids = [int(line[4:]) for line in got.split(b"\n") if line.startswith(b"id: ")]
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) < 6_000
    assert next(site.events(last=str(ids[-1])))["id"] == ids[-1] + 1


def test_a_stream_ends_when_the_server_stops(site: Site) -> None:
    site.happen("a")
    events = site.events("?after=0")
    assert names(events, 1) == ["a"]

    site.server.should_exit = True

    assert list(events) == []


def test_a_listener_that_leaves_is_forgotten(site: Site) -> None:
    site.happen("a")
    events = site.events("?after=0")
    assert names(events, 1) == ["a"]
    feed = site.stage.app.state.service.feed
    assert feed.listeners == 1

    events.close()  # type: ignore[attr-defined]  # it is a generator

    until(lambda: feed.listeners == 0)


def test_no_more_may_listen_than_there_is_room_for(site: Site, monkeypatch: Any) -> None:
    monkeypatch.setattr(sse, "LISTENERS", 1)
    site.happen("a")
    first = site.events("?after=0")
    assert names(first, 1) == ["a"]

    second = httpx2.get(f"{site.url}/api/v1/events")

    assert second.status_code == 503


def test_a_stream_goes_on_when_the_database_was_away(site: Site) -> None:
    site.happen("a")
    events = site.events("?after=0")
    assert names(events, 1) == ["a"]
    with site.stage.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE events RENAME TO away")
    looks = site.stage.app.state.service.feed.poke
    looks()

    with site.stage.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO events")
    site.happen("b")

    assert names(events, 1) == ["b"]
