"""Secrets are told once, to whoever made them, and are nowhere else: not in logs, not stored."""

import logging

import httpx2
import pytest
import structlog

from aryl.store import Database, Role
from tests.api.served import served
from tests.api.stage import JOB, Stage, stage_on


def test_no_log_holds_a_secret(
    database: Database, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage = stage_on(database)
    stage.scheduler()
    stage.lock()
    secrets = [*stage.secrets.values(), "aryl_wrong"]

    with served(stage) as (_, url), structlog.testing.capture_logs() as logs:
        for secret in secrets:
            headers = {"Authorization": f"Bearer {secret}", "Cookie": f"aryl_session={secret}"}
            with httpx2.Client(base_url=f"{url}/api/v1", headers=headers) as client:
                client.get("/jobs")
                client.post("/jobs", json=JOB)
                client.post("/tokens", json={"name": ""})
                client.get("/nothing")
                _fail(stage, client)

    told = "".join([str(logs), *capfd.readouterr(), caplog.text])
    assert "KeyError: 'a fault'" in told
    assert [secret for secret in secrets if secret in told] == []
    assert {line["status"] for line in logs if "status" in line} >= {200, 201, 401, 403, 404, 500}


def _fail(stage: Stage, client: httpx2.Client) -> None:
    """Let a request meet a fault."""
    with pytest.MonkeyPatch.context() as patch:

        def broken(*_: object) -> None:
            raise KeyError("a fault")

        patch.setattr(type(stage.store.jobs), "page", broken)
        client.get("/jobs")


def test_no_secret_is_stored(locked: Stage) -> None:
    stored = str(locked.rows())

    assert all(secret not in stored for secret in locked.secrets.values())


def test_only_its_making_tells_a_secret(locked: Stage) -> None:
    operator = locked.as_(Role.OPERATOR)
    made = locked.ask("POST", "/tokens", json={"name": "eve", "role": "viewer"}, headers=operator)
    secret = made.json()["secret"]

    told = [
        locked.ask("GET", path, headers=operator).text
        for path in ("/tokens", "/audit", "/status", "/openapi.json")
    ]

    assert secret.startswith("aryl_")
    assert all(secret not in text for text in told)


def test_a_request_in_the_log_tells_who_what_and_how_long(locked: Stage) -> None:
    with structlog.testing.capture_logs() as logs:
        locked.ask("GET", "/jobs?user=ada", headers=locked.as_(Role.VIEWER))

    (line,) = logs
    told = {name: line[name] for name in ("event", "method", "path", "status", "who")}
    assert told == {
        "event": "request",
        "method": "GET",
        "path": "/api/v1/jobs",
        "status": 200,
        "who": "viewer",
    }
    assert line["ms"] > 0.0


def test_requests_are_counted_by_route(stage: Stage) -> None:
    stage.ask("GET", "/jobs/nobody")
    stage.ask("GET", "/nothing")

    counted = stage.client.get("/metrics").text

    of_jobs = 'route="/api/v1/jobs/{job_id}",status="4xx"'
    assert f'aryl_http_requests_total{{method="GET",{of_jobs}}} 1.0' in counted
    assert 'route="other",status="4xx"} 1.0' in counted
