"""The OpenAPI document: names that generated clients keep, and every answer described."""

from typing import Any

import pytest

from aryl.model.cluster import Loan
from tests.api.stage import Stage
from tests.api.test_access import FREE, operations, role_of
from tests.builders import make_cluster

OPERATIONS = {  # and the role that each is for
    "submit_job": "submitter",
    "list_jobs": "viewer",
    "get_job": "viewer",
    "cancel_job": "submitter",
    "change_job": "submitter",
    "report_checkpoint": "submitter",
    "list_job_events": "viewer",
    "explain_job": "viewer",
    "list_servers": "viewer",
    "get_server": "viewer",
    "list_pools": "viewer",
    "list_loans": "viewer",
    "list_plans": "viewer",
    "get_plan": "viewer",
    "get_plan_snapshot": "viewer",
    "list_demand": "viewer",
    "push_demand": "operator",
    "get_forecast": "viewer",
    "list_timeline": "viewer",
    "ask_whatif": "viewer",
    "follow_events": "viewer",
    "get_status": "viewer",
    "create_token": "operator",
    "list_tokens": "operator",
    "revoke_token": "operator",
    "list_audit": "operator",
    "get_health": None,
    "get_readiness": None,
    "get_metrics": "viewer",
}


@pytest.fixture
def document(stage: Stage) -> Any:
    """The document, as clients get it."""
    return stage.client.get("/api/v1/openapi.json").json()


def test_operations_keep_their_names_and_roles(stage: Stage) -> None:
    told = {
        operation["operationId"]: role_of(operation) if "security" in operation else None
        for _, _, operation in operations(stage)
    }

    assert told == OPERATIONS


def test_every_operation_says_what_it_does_and_where_it_belongs(
    stage: Stage, document: Any
) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    lacking = [
        operation["operationId"]
        for _, _, operation in operations(stage)
        if not operation.get("description") or not {*operation.get("tags", ())} <= tags
    ]

    assert lacking == []


def test_every_error_is_a_problem(stage: Stage, document: Any) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    strange = [
        (operation["operationId"], status)
        for _, path, operation in operations(stage)
        for status, response in operation["responses"].items()
        if status.startswith(("4", "5")) and path not in FREE
        if response["content"] != {"application/problem+json": {"schema": problem}}
    ]

    assert strange == []
    assert {"Problem", "FieldError"} <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_success_has_a_shape(stage: Stage) -> None:
    shapeless = [
        (operation["operationId"], status)
        for _, _, operation in operations(stage)
        for status, response in operation["responses"].items()
        if status in {"200", "201", "202"} and operation["operationId"] != "revoke_token"
        if not all(content.get("schema") for content in response["content"].values())
    ]

    assert shapeless == []


def test_every_body_has_an_example_that_is_accepted(stage: Stage, document: Any) -> None:
    refused = []
    scheduler = stage.scheduler(make_cluster((8,) * 4, (8,) * 6))
    scheduler.lent({f"infer-000{n}": Loan(f"infer-000{n}", 0.0) for n in (1, 2, 3)}, 0.0)
    stage.submit(id="elastic", gpus_per_worker=1, min_workers=2, max_workers=8)
    for method, path, operation in operations(stage):
        if "requestBody" not in operation:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        shape = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert shape["examples"], path
        url = path.format(job_id="elastic")
        for example in shape["examples"]:
            response = stage.client.request(method, url, json=example)
            if not response.is_success:
                refused.append((path, example, response.text))

    assert refused == []


def test_every_parameter_is_bounded(stage: Stage) -> None:
    loose = [
        (operation["operationId"], parameter["name"])
        for _, _, operation in operations(stage)
        for parameter in operation.get("parameters", ())
        if not _is_bounded(parameter["schema"])
    ]

    assert loose == []


def _is_bounded(schema: dict[str, Any]) -> bool:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    return all(
        {"enum", "maxLength", "pattern", "maximum", "const", "$ref"} & kind.keys()
        or kind.get("type") == "boolean"
        for kind in kinds
    )
