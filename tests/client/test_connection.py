"""Requests over bad connections: what is repeated, how often, and what is said in the end."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aryl.client.ask import Ask
from aryl.client.connection import PAUSES_S, Connection
from aryl.client.errors import Busy, Invalid, NotAryl, Refused, Unreachable
from aryl.client.profiles import Target
from aryl.client.service import Service
from aryl.model.errors import BadInput
from tests.client.faults import losing, response, saying
from tests.service.processes import Process

JOB = {"name": "once", "num_gpus": 1, "duration_s": 36_000, "user": "once"}
ATTEMPTS = len(PAUSES_S) + 1


@dataclass
class Talk:
    """A connection, and how long it waited between attempts."""

    connection: Connection
    waits_s: list[float] = field(default_factory=list)


@contextmanager
def talking(
    address: str, *, token: str | None = None, ca_file: Path | None = None
) -> Iterator[Talk]:
    waits_s: list[float] = []
    with Connection(Target(address, token, ca_file), wait=waits_s.append) as connection:
        yield Talk(connection, waits_s)


def test_a_question_is_repeated_until_its_answer_comes(service: Process) -> None:
    with losing(service.address, answers=3) as proxy, talking(proxy.address) as talk:
        assert talk.connection.json(Ask(path="status"))["role"] == "all"

    assert len(proxy.requests) == 4
    assert talk.waits_s == list(PAUSES_S)


def test_a_submission_whose_answer_is_lost_makes_one_job(service: Process) -> None:
    with losing(service.address, answers=2) as proxy, talking(proxy.address) as talk:
        job = Service(talk.connection).submit(JOB)

    assert len(proxy.requests) == 3
    (kept,) = service.get("/api/v1/jobs", params={"user": "once"})["items"]
    assert job["id"] == kept["id"]


def test_a_change_that_may_not_be_made_twice_is_not_repeated() -> None:
    once = Ask(method="POST", path="demand", body={"servers": 1}, is_repeatable=False)
    with (
        saying([b""]) as server,
        talking(server.address) as talk,
        pytest.raises(Unreachable, match="no answer from http:"),
    ):
        talk.connection.json(once)

    assert len(server.requests) == 1


def test_attempts_come_to_an_end() -> None:
    with (
        saying([b""]) as server,
        talking(server.address) as talk,
        pytest.raises(Unreachable, match="aryl serve"),
    ):
        talk.connection.json(Ask(path="status"))

    assert len(server.requests) == ATTEMPTS


def test_a_busy_service_is_asked_again_when_it_says() -> None:
    busy = response(503, '{"title": "Busy", "detail": "too much at once"}', "Retry-After: 7")
    with saying([busy, response(200, "{}")]) as server, talking(server.address) as talk:
        assert talk.connection.json(Ask(path="status")) == {}

    assert talk.waits_s == [7.0]


def test_a_service_that_stays_busy_is_let_be() -> None:
    busy = response(503, '{"title": "Busy", "detail": "too much at once."}', "Retry-After: 9999")
    with (
        saying([busy]) as server,
        talking(server.address) as talk,
        pytest.raises(Busy, match="too much at once"),
    ):
        talk.connection.json(Ask(path="status"))

    assert talk.waits_s == [10.0] * len(PAUSES_S)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(404, "<html>", "Content-Type: text/html"), "answered 404 with text/html"),
        (response(200, "<html>", "Content-Type: text/html"), "answered 200 with text/html"),
        (response(301, "", "Location: http://elsewhere.example"), "answered 301"),
        (response(404, "[]", "Content-Type: application/json"), "answered 404"),
    ],
)
def test_somebody_else_is_told_from_a_service(answer: bytes, said: str) -> None:
    with (
        saying([answer]) as server,
        talking(server.address) as talk,
        pytest.raises(NotAryl, match=said),
    ):
        talk.connection.json(Ask(path="status"))


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, Invalid, "so it is"),
        (422, Invalid, "so it is"),
        (401, Refused, "so it is; put a token into ARYL_TOKEN"),
        (403, Refused, "so it is; ask an operator"),
        (409, Refused, "so it is"),
        (412, Refused, "so it is; it has changed meanwhile"),
        (500, Refused, "so it is"),
    ],
)
def test_a_problem_becomes_one_sentence(status: int, kind: type[Exception], said: str) -> None:
    problem = '{"type": "x", "title": "No", "status": 1, "detail": "so it is"}'
    with (
        saying([response(status, problem)]) as server,
        talking(server.address) as talk,
        pytest.raises(kind) as refused,
    ):
        talk.connection.json(Ask(path="status"))

    assert str(refused.value).startswith(said)


def test_the_token_goes_into_a_header_and_nowhere_else() -> None:
    with saying([response(200, "{}")]) as server, talking(server.address, token="hidden") as talk:  # noqa: S106 - it is none
        talk.connection.json(Ask(path="status"))

    head, *_ = server.requests[0].partition(b"\r\n")
    assert b"hidden" not in head
    assert b"authorization: bearer hidden" in server.requests[0].lower()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine, in one file with its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(file)]
    made = subprocess.run(  # noqa: S603 - no input of others
        ["openssl", "req", "-x509", "-days", "1", *key, *subject],  # noqa: S607 - this machine's
        check=True,
        capture_output=True,
    )
    with file.open("ab") as whole:
        whole.write(made.stdout)
    return file


def test_a_certificate_must_be_trusted(certificate: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with saying([response(200, "{}")], tls) as server:
        with talking(server.address, ca_file=certificate) as talk:
            assert talk.connection.json(Ask(path="status")) == {}
        with talking(server.address) as talk, pytest.raises(Unreachable, match="CERTIFICATE"):
            talk.connection.json(Ask(path="status"))

    assert len(server.requests) == 1


def test_a_ca_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no CA file"):
        Connection(Target("https://a.example", ca_file=tmp_path / "none.pem"))
