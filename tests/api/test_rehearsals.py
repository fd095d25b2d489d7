"""A rehearsed change is checked whole, answered with 200, and writes nothing at all."""

from typing import Any

import pytest

from aryl.store import Role
from tests.api.stage import JOB, Stage

ELASTIC: dict[str, Any] = {"gpus_per_worker": 1, "min_workers": 2, "max_workers": 8}
CHANGES = [
    ("POST", "/jobs", JOB),
    ("POST", "/jobs", JOB | {"id": "new"}),
    ("DELETE", "/jobs/old", None),
    ("PATCH", "/jobs/old", {"max_workers": 6}),
    ("POST", "/jobs/old/checkpoints", {}),
    ("POST", "/demand", {"servers": 3}),
    ("POST", "/tokens", {"name": "eve", "role": "operator"}),
    ("DELETE", "/tokens/1", None),
]
IDS = [f"{method} {path}" for method, path, _ in CHANGES]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=IDS)
def test_a_rehearsal_writes_nothing(
    locked: Stage, method: str, path: str, body: dict[str, Any] | None
) -> None:
    operator = locked.as_(Role.OPERATOR)
    locked.submit(operator, id="old", **ELASTIC)
    before, woken = locked.rows(), list(locked.woken)
    headers = operator | {"Idempotency-Key": "k1"}

    response = locked.ask(method, f"{path}?dryRun=true", json=body, headers=headers)

    assert response.status_code == 200, response.text
    assert locked.rows() == before
    assert locked.woken == woken


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=IDS)
def test_the_change_itself_writes(
    locked: Stage, method: str, path: str, body: dict[str, Any] | None
) -> None:
    operator = locked.as_(Role.OPERATOR)
    locked.submit(operator, id="old", **ELASTIC)
    scheduler = locked.scheduler()
    scheduler.refresh()
    before = locked.rows()

    response = locked.ask(method, path, json=body, headers=operator)

    assert response.status_code in {200, 201, 202, 204}
    assert locked.rows() != before or path.endswith("checkpoints")


def test_every_change_of_the_document_can_be_rehearsed(stage: Stage) -> None:
    strict = [
        operation["operationId"]
        for methods in stage.app.openapi()["paths"].values()
        for method, operation in methods.items()
        if method != "get" and not operation["operationId"].endswith("whatif")  # a question
        if "dryRun" not in {parameter["name"] for parameter in operation.get("parameters", ())}
    ]

    assert strict == []


def test_a_rehearsed_job_is_told_as_it_would_be(stage: Stage) -> None:
    rehearsed = stage.ask("POST", "/jobs?dryRun=true", json=JOB)

    real = stage.ask("POST", "/jobs", json=JOB)

    assert rehearsed.json() == real.json()


def test_rehearsed_bounds_are_told_as_they_would_be(stage: Stage) -> None:
    stage.submit(id="old", **ELASTIC)

    response = stage.ask("PATCH", "/jobs/old?dryRun=true", json={"max_workers": 6})

    assert response.json()["max_workers"] == 6
    assert stage.ask("GET", "/jobs/old").json()["max_workers"] == 8


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/jobs", JOB | {"id": "old"}, 409),
        ("POST", "/jobs", JOB | {"num_gpus": 64}, 422),
        ("PATCH", "/jobs/old", {"max_workers": 1}, 422),
        ("DELETE", "/jobs/nobody", None, 404),
        ("DELETE", "/tokens/9", None, 404),
        ("POST", "/tokens", {"name": "eve", "role": "king"}, 422),
    ],
)
def test_what_would_be_refused_is_refused_in_a_rehearsal(
    stage: Stage, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    stage.submit(id="old", **ELASTIC)

    rehearsed = stage.ask(method, f"{path}?dryRun=true", json=body)
    real = stage.ask(method, path, json=body)

    assert (rehearsed.status_code, rehearsed.json()) == (status, real.json())
