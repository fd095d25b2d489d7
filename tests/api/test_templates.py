"""A job may carry what its workers run: kept as it is, refused where it can't be."""

from hashlib import sha256
from typing import Any

import pytest

from api.intake import makes_workers
from api.schemas.fields import MAX_TEMPLATE_BYTES
from api.schemas.jobs import NewJob
from aryl.kube.options import KubeOptions
from aryl.store import Database
from tests.api.stage import JOB, Stage, stage_on

POD = {"spec": {"containers": [{"name": "main", "image": "train:1", "env": []}]}}


def test_a_template_is_kept_beside_the_job(stage: Stage) -> None:
    job = stage.submit(template=POD)

    assert stage.store.jobs.template(job["id"]) == POD
    assert "template" not in job


def test_a_rehearsal_keeps_none(stage: Stage) -> None:
    before = stage.rows()

    answer = stage.ask("POST", "/jobs?dryRun=true", json=JOB | {"template": POD})

    assert answer.status_code == 200
    assert stage.rows() == before


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ('{"a": "' + "x" * MAX_TEMPLATE_BYTES + '"}', "65536 is the most"),
        ('{"a": NaN}', "JSON has not"),
        ('{"a": 1000000000000000000000000}', "can't be kept"),
        ('{"a": "\\ud800"}', "can't be kept"),
        ('{"a": ' * 300 + "1" + "}" * 300, "can't be kept"),
        ("[1]", "dictionary"),
        ('"text"', "dictionary"),
    ],
    ids=["too large", "NaN", "a huge number", "half a character", "deep", "a list", "a text"],
)
def test_a_template_that_can_not_be_kept_is_refused(
    stage: Stage, template: str, words: str
) -> None:
    body = '{"name": "x", "num_gpus": 1, "duration_s": 1, "template": ' + template + "}"

    answer = stage.ask("POST", "/jobs", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:aryl:problem:invalid")
    assert "template" in answer.text
    assert words in answer.text
    assert stage.ask("GET", "/jobs").json()["items"] == []


def test_a_key_with_another_template_is_another_request(stage: Stage) -> None:
    key = {"Idempotency-Key": "k"}
    first = stage.submit(key, template=POD)
    other = stage.ask("POST", "/jobs", json=JOB | {"template": {}}, headers=key)

    assert stage.submit(key, template=POD)["id"] == first["id"]
    assert other.status_code == 409


def test_a_key_of_an_older_release_is_still_known(stage: Stage) -> None:
    """Fingerprints of requests without a template are those of before there were templates."""
    asked: dict[str, Any] = JOB
    before = NewJob(**asked).model_dump(mode="json", exclude={"template"})
    stage.submit({"Idempotency-Key": "k"})

    with stage.database.read() as connection:
        (kept,) = connection.exec_driver_sql("SELECT fingerprint FROM idempotency").scalars()
    as_then = NewJob(**before).model_dump_json(exclude={"template"})
    assert kept == sha256(as_then.encode()).hexdigest()


def on_kubernetes(database: Database, **options: Any) -> Stage:
    stage = stage_on(database, check_template=makes_workers(KubeOptions(**options)))
    stage.scheduler()
    return stage


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "template: is missing; expected a pod template; this service has no worker_template"),
        ({"template": {"spec": {"containers": []}}}, "template.spec.containers: [] "),
        ({"template": {"spec": {"containers": [{"env": "A=b"}]}}}, "containers[0].env: 'A=b' "),
        ({"template": {"spec": {"containers": [{"resources": [1]}]}}}, "resources: [1] "),
    ],
)
def test_on_kubernetes_a_job_of_which_no_worker_can_be_made_is_refused(
    database: Database, asked: dict[str, Any], words: str
) -> None:
    stage = on_kubernetes(database)
    with stage.client:
        for path in ("/jobs", "/jobs?dryRun=true"):
            answer = stage.ask("POST", path, json=JOB | asked)

            assert (answer.status_code, answer.json()["type"]) == (422, "urn:aryl:problem:refused")
            assert words in answer.json()["detail"]
            assert [error["field"] for error in answer.json()["errors"]] == ["template"]
        assert stage.ask("GET", "/jobs").json()["items"] == []


def test_on_kubernetes_the_services_own_template_is_for_jobs_without_one(
    database: Database,
) -> None:
    with on_kubernetes(database, worker_template=POD).client as client:
        assert client.post("/api/v1/jobs", json=JOB).status_code == 201
    asks = {"limits": {"nvidia.com/gpu": "3"}}
    other = {"spec": {"containers": [{"name": "main", "resources": asks}]}}
    with on_kubernetes(database, worker_template=other).client as client:
        answer = client.post("/api/v1/jobs", json=JOB)
        assert answer.status_code == 422
        assert "the service's worker_template.spec.containers[]" in answer.json()["detail"]
