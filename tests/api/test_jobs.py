"""Jobs over HTTP: submitted, looked at, changed and cancelled."""

from typing import Any

import pytest

from aryl.store import Role
from tests.api.stage import JOB, Stage

ELASTIC: dict[str, Any] = {"num_gpus": 4, "gpus_per_worker": 1, "min_workers": 2, "max_workers": 8}


def test_a_submitted_job_waits_and_has_an_address(stage: Stage) -> None:
    response = stage.ask("POST", "/jobs", json=JOB)

    job = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert response.headers["ETag"] == '"1"'
    assert (job["state"], job["owner"], job["submit_s"]) == ("queued", "anonymous", 1_000.0)
    assert stage.ask("GET", f"/jobs/{job['id']}").json() == job


def test_a_submission_wakes_the_scheduler_and_is_counted(stage: Stage) -> None:
    stage.submit()

    assert stage.woken == [1_000.0]
    assert "aryl_submits_total 1.0" in stage.client.get("/metrics").text


@pytest.mark.parametrize(
    ("asked", "worker", "least", "most"),
    [
        ({"num_gpus": 4}, 4, 1, 1),
        ({"num_gpus": 8}, 8, 1, 1),
        ({"num_gpus": 12}, 4, 3, 3),
        ({"num_gpus": 16}, 8, 2, 2),
        (ELASTIC, 1, 2, 8),
        ({"num_gpus": 4, "gpus_per_worker": 2, "max_workers": 4}, 2, 2, 4),
    ],
    ids=["one worker", "a server", "tiles", "two servers", "elastic", "grows"],
)
def test_what_a_job_leaves_out_follows_as_for_a_trace(
    stage: Stage, asked: dict[str, Any], worker: int, least: int, most: int
) -> None:
    job = stage.submit(**asked)

    got = (job["gpus_per_worker"], job["min_workers"], job["max_workers"])
    assert got == (worker, least, most)
    assert job["estimated_duration_s"] == job["duration_s"]


def test_everything_that_is_asked_for_comes_back(stage: Stage) -> None:
    asked: dict[str, Any] = {
        "name": "bert é",
        "id": "bert-7",
        "num_gpus": 8,
        "duration_s": 86_400.0,
        "user": "ada",
        "queue": "nlp",
        "model": "bert",
        "gpus_per_worker": 2,
        "min_workers": 2,
        "max_workers": 8,
        "allowed_workers": [8, 2, 4, 2],
        "fungible": True,
        "heterogeneous": True,
        "checkpoint_s": 60.0,
        "estimated_duration_s": 90_000.0,
        "priority": 3,
    }

    job = stage.submit(**asked)

    assert {name: job[name] for name in asked} == asked | {"allowed_workers": [2, 4, 8]}


def test_a_key_makes_a_second_submission_the_first(stage: Stage) -> None:
    key = {"Idempotency-Key": "k1"}
    first = stage.ask("POST", "/jobs", json=JOB, headers=key)
    stage.clock.time_s += 60.0

    again = stage.ask("POST", "/jobs", json=JOB | {"duration_s": 600.0}, headers=key)

    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert again.json()["submit_s"] == first.json()["submit_s"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(stage.ask("GET", "/jobs").json()["items"]) == 1


@pytest.mark.parametrize("query", ["", "?dryRun=true"], ids=["real", "rehearsed"])
def test_a_key_is_good_for_one_request_only(stage: Stage, query: str) -> None:
    stage.submit({"Idempotency-Key": "k1"})

    other = stage.ask(
        "POST", f"/jobs{query}", json=JOB | {"num_gpus": 2}, headers={"Idempotency-Key": "k1"}
    )

    assert (other.status_code, other.json()["type"]) == (409, "urn:aryl:problem:key-reused")


def test_two_principals_may_use_the_same_key(locked: Stage) -> None:
    key = {"Idempotency-Key": "k1"}
    mine = locked.submit(locked.as_(Role.SUBMITTER) | key)
    theirs = locked.submit(locked.as_(Role.OPERATOR) | key)

    assert mine["id"] != theirs["id"]
    assert (mine["owner"], theirs["owner"]) == ("submitter", "operator")


def test_a_name_is_given_once(stage: Stage) -> None:
    stage.submit(id="bert")

    again = stage.ask("POST", "/jobs", json=JOB | {"id": "bert"})

    assert (again.status_code, again.json()["type"]) == (409, "urn:aryl:problem:duplicate")


def test_a_job_that_could_never_start_is_refused_with_the_sentence(stage: Stage) -> None:
    response = stage.ask("POST", "/jobs", json=JOB | {"num_gpus": 24})

    problem = response.json()
    assert (response.status_code, problem["type"]) == (422, "urn:aryl:problem:refused")
    sentence = "needs 3 workers of 8 GPUs, each on one server; 2 fit in the training pool"
    assert problem["detail"].endswith(sentence)
    assert problem["errors"][0]["field"] == "num_gpus"


def test_jobs_are_found_by_state_user_queue_and_name(stage: Stage) -> None:
    stage.submit(id="a", user="ada", queue="nlp")
    stage.submit(id="b", user="ada", queue="vision", name="vgg")
    stage.submit(id="c", user="bob", queue="nlp")

    def found(query: str) -> list[str]:
        return [job["id"] for job in stage.ask("GET", f"/jobs?{query}").json()["items"]]

    assert found("user=ada") == ["a", "b"]
    assert found("queue=nlp&user=bob") == ["c"]
    assert found("name=vgg") == ["b"]
    assert found("state=queued&order=newest") == ["c", "b", "a"]
    assert found("state=running") == []


def test_a_job_that_is_known_is_not_sent_again(stage: Stage) -> None:
    path = f"/jobs/{stage.submit()['id']}"

    known = stage.ask("GET", path, headers={"If-None-Match": 'W/"1", "7"'})
    other = stage.ask("GET", path, headers={"If-None-Match": '"2"'})

    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", '"1"')
    assert other.status_code == 200


def test_a_cancelled_job_is_marked_for_the_scheduler(stage: Stage) -> None:
    path = f"/jobs/{stage.submit()['id']}"
    stage.clock.time_s = 1_060.0

    response = stage.ask("DELETE", path)

    assert response.status_code == 202
    assert response.json()["cancel_requested_s"] == 1_060.0
    assert response.headers["ETag"] == '"2"'
    assert stage.woken == [1_000.0, 1_060.0]
    kinds = [event["kind"] for event in stage.ask("GET", f"{path}/events").json()["items"]]
    assert kinds == ["submitted", "cancel_requested"]


def test_bounds_change_within_what_was_requested(stage: Stage) -> None:
    path = f"/jobs/{stage.submit(**ELASTIC)['id']}"

    response = stage.ask("PATCH", path, json={"max_workers": 6})

    job = response.json()
    assert (response.status_code, job["min_workers"], job["max_workers"]) == (200, 2, 6)
    assert response.headers["ETag"] == '"2"'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_workers": 3}, "num_gpus"),
        ({"min_workers": 5}, "num_gpus"),
        ({"min_workers": 9}, "min_workers"),
        ({"min_workers": 0}, "min_workers"),
        ({"workers": 3}, "workers"),
        ({}, "body"),
    ],
    ids=["below", "above", "crossed", "none", "unknown", "nothing"],
)
def test_bounds_that_do_not_suit_the_job_are_refused(
    stage: Stage, body: dict[str, int], field: str
) -> None:
    path = f"/jobs/{stage.submit(**ELASTIC)['id']}"

    response = stage.ask("PATCH", path, json=body)

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("if_match", "passes"),
    [
        ('"1"', True),
        ("*", True),
        ('"7", "1"', True),
        ('"2"', False),
        ("1", False),
        ('W/"1"', False),
    ],
)
def test_a_change_may_hang_on_a_version(
    stage: Stage, method: str, if_match: str, passes: bool
) -> None:
    path = f"/jobs/{stage.submit(**ELASTIC)['id']}"
    body = {"json": {"max_workers": 6}} if method == "PATCH" else {}

    response = stage.ask(method, path, headers={"If-Match": if_match}, **body)

    assert (response.status_code != 412) is passes
    assert passes or response.json()["type"] == "urn:aryl:problem:version"


def test_a_checkpoint_saves_no_more_than_was_done(stage: Stage) -> None:
    path = f"/jobs/{stage.submit()['id']}"

    response = stage.ask("POST", f"{path}/checkpoints", json={"progress_s": 60})

    assert response.status_code == 200
    record = stage.store.jobs.get(response.json()["id"])
    assert record is not None
    assert record.job.saved == 0.0


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/jobs/nobody", {}),
        ("GET", "/jobs/nobody/events", {}),
        ("DELETE", "/jobs/nobody", {}),
        ("PATCH", "/jobs/nobody", {"json": {"max_workers": 1}}),
        ("POST", "/jobs/nobody/checkpoints", {"json": {}}),
        ("GET", "/servers/nobody", {}),
        ("GET", "/plans/7", {}),
        ("GET", "/plans/7/snapshot", {}),
        ("DELETE", "/tokens/7", {}),
    ],
)
def test_what_is_not_there_is_missing(
    stage: Stage, method: str, path: str, more: dict[str, Any]
) -> None:
    response = stage.ask(method, path, **more)

    problem = response.json()
    assert (response.status_code, problem["type"]) == (404, "urn:aryl:problem:missing")
    assert problem["instance"] == f"/api/v1{path}"


def test_others_jobs_are_for_operators(locked: Stage) -> None:
    theirs = locked.submit(locked.as_(Role.OPERATOR), **ELASTIC)
    mine = locked.submit(locked.as_(Role.SUBMITTER), **ELASTIC)
    submitter, operator = locked.as_(Role.SUBMITTER), locked.as_(Role.OPERATOR)

    def statuses(job: dict[str, Any], headers: dict[str, str]) -> list[int]:
        path = f"/jobs/{job['id']}"
        return [
            locked.ask("PATCH", path, json={"max_workers": 6}, headers=headers).status_code,
            locked.ask("POST", f"{path}/checkpoints", json={}, headers=headers).status_code,
            locked.ask("DELETE", path, headers=headers).status_code,
        ]

    assert statuses(theirs, submitter) == [403, 403, 403]
    assert statuses(mine, submitter) == [200, 200, 202]
    assert statuses(theirs, operator) == [200, 200, 202]


def test_only_operators_let_a_job_come_before_all_others(locked: Stage) -> None:
    body = JOB | {"carry_in": True}

    denied = locked.ask("POST", "/jobs", json=body, headers=locked.as_(Role.SUBMITTER))
    granted = locked.ask("POST", "/jobs", json=body, headers=locked.as_(Role.OPERATOR))

    assert (denied.status_code, granted.status_code) == (403, 201)


def test_without_a_scheduler_nothing_is_accepted(stage: Stage) -> None:
    with stage.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM facts")
    stage.wall.time_s += 2.0

    response = stage.ask("POST", "/jobs", json=JOB)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert stage.ask("GET", "/status").json()["policy"] is None
