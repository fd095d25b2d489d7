"""How much one client may ask, how large a body may be, and from which pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from api.limits import CLIENTS, Buckets
from api.parts import Authentication
from aryl.store import Database, Role
from tests.api.stage import JOB, Hand, Stage, staged

FULL = 1 << 20


def chunked(size: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(0, size, 4_096):
        yield b" " * 4_096


def test_a_body_may_be_a_mebibyte(stage: Stage) -> None:
    padded = JOB | {"user": ""}
    body = str(padded).replace("'", '"').ljust(FULL).encode()
    json = {"Content-Type": "application/json"}

    fits = stage.ask("POST", "/jobs", content=body, headers=json)
    over = stage.ask("POST", "/jobs", content=body + b" ", headers=json)

    assert (fits.status_code, over.status_code) == (201, 413)
    assert over.headers["Content-Type"] == "application/problem+json"


def test_a_body_without_a_length_is_counted(stage: Stage) -> None:
    json = {"Content-Type": "application/json"}

    response = stage.ask("POST", "/jobs", content=chunked(FULL + 4_096), headers=json)

    assert (response.status_code, response.json()["status"]) == (413, 413)


def test_a_client_may_ask_so_much_at_once(database: Database) -> None:
    with staged(database, requests_per_s=2.0, burst_requests=3) as stage:
        codes = [stage.ask("GET", "/pools").status_code for _ in range(4)]
        refused = stage.ask("GET", "/pools")
        stage.wall.time_s += 0.5
        later = [stage.ask("GET", "/pools").status_code for _ in range(2)]

    assert codes == [200, 200, 200, 429]
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["type"] == "urn:aryl:problem:too-many-requests"
    assert later == [200, 429]


def test_each_token_has_its_own_limit(database: Database) -> None:
    with staged(database, requests_per_s=1.0, burst_requests=2) as stage:
        stage.lock()
        for role in Role:  # until a token is known, its address counts
            assert stage.ask("GET", "/pools", headers=stage.as_(role)).status_code in {200, 429}
            stage.wall.time_s += 1.0
        stage.wall.time_s -= 2.0

        viewer = [
            stage.ask("GET", "/pools", headers=stage.as_(Role.OPERATOR)).status_code
            for _ in range(3)
        ]
        submitter = stage.ask("GET", "/pools", headers=stage.as_(Role.SUBMITTER)).status_code

    assert viewer[-1] == 429
    assert submitter == 200


def test_buckets_of_clients_long_gone_are_forgotten() -> None:
    clock = Hand(0.0)
    buckets = Buckets(clock.now, per_s=1.0, burst=1)
    for n in range(CLIENTS):
        assert buckets.wait_s(f"old {n}") == 0.0
    clock.time_s = 1.0
    assert buckets.wait_s("new") == 0.0

    assert buckets.wait_s("new") == 1.0
    assert buckets.wait_s("old 1") == 0.0


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    clock = Hand(1_000.0)
    buckets = Buckets(clock.now, per_s=1.0, burst=2)
    buckets.wait_s("a")

    clock.time_s = 0.0

    assert buckets.wait_s("a") == 0.0
    assert buckets.wait_s("a") == 1.0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost"}, 200),
        ({"Host": "localhost:8080"}, 200),
        ({"Host": "127.0.0.1:80"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "["}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "http://localhost:8080"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
    ids=str,
)
def test_an_open_service_answers_to_its_own_names_and_pages_only(
    stage: Stage, headers: dict[str, str], status: int
) -> None:
    response = stage.ask("GET", "/jobs", headers=headers)

    assert response.status_code == status
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, 1000), ({"Origin": "https://evil.example"}, 1008), ({"Host": "evil.example"}, 1008)],
    ids=["its own", "another's", "another name"],
)
def test_a_web_socket_is_for_its_own_pages_too(
    stage: Stage, headers: dict[str, str], code: int
) -> None:
    own = {"Host": "localhost"}
    socket = stage.client.websocket_connect("/nothing", headers=own | headers)

    with pytest.raises(WebSocketDisconnect) as refused, socket:
        pass

    assert refused.value.code == code


def test_with_tokens_the_name_does_not_matter(locked: Stage) -> None:
    headers = locked.as_(Role.VIEWER) | {"Host": "aryl.example"}

    assert locked.ask("GET", "/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"host": "127.0.0.1"}, 200),
        ({"host": "::1"}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "0.0.0.0"}, 401),  # noqa: S104 - what must not be open
        ({"host": "::"}, 401),
        ({"host": "10.0.0.7"}, 401),
        ({"host": "aryl.example"}, 401),
        ({"host": "127.0.0.1", "authentication": Authentication.REQUIRED}, 401),
    ],
    ids=str,
)
def test_only_a_service_for_this_machine_is_ever_open(
    database: Database, settings: dict[str, Any], status: int
) -> None:
    with staged(database, **settings) as stage:
        assert stage.ask("GET", "/jobs").status_code == status
        assert stage.client.get("/healthz").status_code == 200
