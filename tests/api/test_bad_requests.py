"""What is refused before anything is done, and how the refusal looks."""

from typing import Any

import pytest

from tests.api.stage import JOB, Stage

BIG = 10**30


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"num_gpus": 0}, "num_gpus"),
        ({"num_gpus": -1}, "num_gpus"),
        ({"num_gpus": 1.5}, "num_gpus"),
        ({"num_gpus": "4"}, "num_gpus"),
        ({"num_gpus": True}, "num_gpus"),
        ({"num_gpus": BIG}, "num_gpus"),
        ({"duration_s": -1}, "duration_s"),
        ({"duration_s": 1e10}, "duration_s"),
        ({"duration_s": BIG}, "duration_s"),
        ({"id": ".."}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": "x" * 64}, "id"),
        ({"id": "a\n"}, "id"),
        ({"user": "a\nb"}, "user"),
        ({"gpus_per_worker": 0}, "gpus_per_worker"),
        ({"gpus_per_worker": 3}, "num_gpus"),
        ({"min_workers": 2, "max_workers": 1}, "min_workers"),
        ({"min_workers": 2}, "num_gpus"),
        ({"allowed_workers": [2]}, "allowed_workers"),
        ({"allowed_workers": [1, 0]}, "allowed_workers.1"),
        ({"fungible": 1}, "fungible"),
        ({"checkpoint_s": -1}, "checkpoint_s"),
        ({"priority": -1}, "priority"),
        ({"priority": BIG}, "priority"),
        ({"submit_s": 5}, "submit_s"),
        ({"carry_in": 1}, "carry_in"),
        ({"nonsense": 1}, "nonsense"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_job_that_is_not_valid_is_refused_by_field(
    stage: Stage, change: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in (JOB | change).items() if value is not None}

    response = stage.ask("POST", "/jobs", json=body)

    problem = response.json()
    assert (response.status_code, problem["status"]) == (422, 422)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert field in {error["field"] for error in problem["errors"]}
    assert all(error["message"] in problem["detail"] for error in problem["errors"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_what_is_no_number_is_no_duration(stage: Stage, number: str) -> None:
    body = f'{{"name": "a", "num_gpus": 1, "duration_s": {number}}}'

    response = stage.ask(
        "POST", "/jobs", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 422


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"num_gpus": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"name=a", None, 415),
        (b"", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"na\\ud800me": 1}', "application/json", 422),
        (b'{"name": "\\ud800", "num_gpus": 1, "duration_s": 1}', "application/json", 422),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_body_that_can_not_be_read_is_refused(
    stage: Stage, content: bytes, kind: str | None, status: int
) -> None:
    headers = {"Content-Type": kind} if kind else {}

    response = stage.ask("POST", "/jobs", content=content, headers=headers)

    assert response.status_code == status
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?limit=0",
        "/jobs?limit=1001",
        "/jobs?limit=many",
        "/jobs?state=asleep",
        "/jobs?user=%00",
        "/jobs?order=random",
        "/jobs?cursor=nonsense",
        "/jobs?stat=queued",
        "/jobs?=",
        "/jobs/a?dryRun=true",
        "/jobs?cursor=%ff%fe",
        "/jobs?cursor=cGxhbnM6Nw",
        "/servers?pool=storage",
        "/loans?open=yes",
        "/demand?from_s=nan",
        "/timeline?to_s=1e300",
        "/plans/0",
        "/plans/99999999999999999999",
        "/plans/x",
        "/jobs/a%00b",
        "/jobs/%F0",
        "/events?after=x",
        "/events?kinds=A B",
        "/events?job_id=..%2F",
    ],
)
def test_a_question_that_makes_no_sense_is_refused(stage: Stage, path: str) -> None:
    response = stage.ask("GET", path)

    assert (response.status_code, response.json()["type"]) == (422, "urn:aryl:problem:invalid")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/jobs/", 404, "not-found"),
        ("PUT", "/jobs", 405, "method-not-allowed"),
        ("POST", "/jobs/a", 405, "method-not-allowed"),
        ("OPTIONS", "/jobs", 405, "method-not-allowed"),
    ],
)
def test_a_path_that_is_not_there_is_a_problem_too(
    stage: Stage, method: str, path: str, status: int, kind: str
) -> None:
    response = stage.ask(method, path)

    problem = response.json()
    assert (response.status_code, problem["type"]) == (status, f"urn:aryl:problem:{kind}")
    assert problem["instance"] == f"/api/v1{path}"


@pytest.mark.parametrize("flag", ["dryrun=true", "dry_run=true", "dryRun=yes", "dryRun="])
def test_a_misspelt_rehearsal_is_no_change(stage: Stage, flag: str) -> None:
    response = stage.ask("POST", f"/jobs?{flag}", json=JOB)

    assert response.status_code == 422
    assert stage.ask("GET", "/jobs").json()["items"] == []


def test_a_whole_number_may_have_a_point(stage: Stage) -> None:
    assert stage.submit(num_gpus=4.0, max_workers=2.0)["max_workers"] == 2


@pytest.mark.parametrize("key", ["", "x" * 201, "two words", "tab\t"])
def test_an_idempotency_key_is_short_and_plain(stage: Stage, key: str) -> None:
    response = stage.ask("POST", "/jobs", json=JOB, headers={"Idempotency-Key": key})

    assert response.status_code == 422


def test_a_fault_of_ours_says_nothing_of_the_inside(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("the inside")

    monkeypatch.setattr(type(stage.store.jobs), "page", broken)

    response = stage.ask("GET", "/jobs")

    assert (response.status_code, response.json()["status"]) == (500, 500)
    assert "inside" not in response.text


def test_a_database_that_is_away_is_told_as_such(stage: Stage) -> None:
    with stage.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE jobs")

    response = stage.ask("GET", "/jobs")

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert "jobs" not in response.json()["detail"]
