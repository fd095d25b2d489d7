"""Answers of API servers, as released versions give them, become errors in our terms."""

from typing import Any

import pytest

from aryl.kube.errors import (
    UNAVAILABLE,
    Answered,
    Clash,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Refused,
    ServerFault,
    TooMany,
    Unauthorized,
    error_of,
)
from aryl.kube.paths import NODES, PODS, Subject, collection, item, subject, within

EVICTION = Subject("create", "pods/eviction", "ml", "p-0")


def refusal(message: str) -> dict[str, Any]:
    """What the eviction of a pod under a disruption budget is answered."""
    return {
        "message": "Cannot evict pod as it would violate the pod's disruption budget.",
        "details": {"causes": [{"reason": "DisruptionBudget", "message": message}]},
    }


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Invalid),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Clash),
        (410, Gone),
        (422, Invalid),
        (429, TooMany),
        (500, ServerFault),
        (503, ServerFault),
        (504, ServerFault),
    ],
)
def test_each_code_has_its_error(code: int, kind: type[Answered]) -> None:
    assert type(error_of(EVICTION, code, {"message": "no"})) is kind


@pytest.mark.parametrize(
    "message",
    [
        "The disruption budget keep needs 2 healthy pods and has 2 currently",
        "The disruption budget keep is still being processed by the server.",
    ],
)
def test_a_refused_eviction_names_its_budget(message: str) -> None:
    error = error_of(EVICTION, 429, refusal(message), 10.0)

    assert isinstance(error, Refused)
    assert error.budget == "keep"
    assert str(error) == (
        "create pods/eviction p-0 in namespace ml: Cannot evict pod as it would violate the pod's "
        f"disruption budget.; {message}"
    )


def test_a_pod_under_several_budgets_is_a_refusal_too() -> None:
    said = "This pod has more than one PodDisruptionBudget, which the eviction subresource "
    error = error_of(EVICTION, 500, {"message": f"{said}does not support."})

    assert isinstance(error, Refused)
    assert error.budget is None


def test_a_server_that_is_too_busy_says_for_how_long() -> None:
    by_header = error_of(EVICTION, 429, {}, 3.0)
    by_body = error_of(EVICTION, 503, {"details": {"retryAfterSeconds": 7}}, 7.0)
    by_nothing = error_of(EVICTION, 429, {})

    waits_s = [
        error.retry_after_s
        for error in (by_header, by_body, by_nothing)
        if isinstance(error, TooMany)
    ]
    assert waits_s == [3.0, 7.0, 1.0]


def test_an_invalid_object_is_told_field_by_field() -> None:
    causes = [{"field": "spec.minWorkers", "message": "must be 1 or more"}]
    error = error_of(EVICTION, 422, {"message": "it is invalid", "details": {"causes": causes}})

    assert isinstance(error, Invalid)
    assert error.fields == {"spec.minWorkers": "must be 1 or more"}
    assert "must be 1 or more" in str(error)


def test_what_may_be_asked_again_is_what_is_no_fault_of_ours() -> None:
    assert {kind.__name__ for kind in UNAVAILABLE} == {
        "ServerFault",
        "TooMany",
        "Unauthorized",
        "Unreachable",
    }


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", NODES, "list nodes"),
        ("GET", item(NODES, "n1"), "get nodes n1"),
        ("PATCH", item(NODES, "n1", "status"), "patch nodes/status n1"),
        ("GET", within(PODS, "ml"), "list pods in namespace ml"),
        ("POST", within(PODS, "ml"), "create pods in namespace ml"),
        ("DELETE", item(within(PODS, "ml"), "p"), "delete pods p in namespace ml"),
        (
            "POST",
            item(within(PODS, "ml"), "p", "eviction"),
            "create pods/eviction p in namespace ml",
        ),
        ("PUT", collection("batch/v1", "jobs", "ml") + "/j", "update jobs j in namespace ml"),
        ("GET", collection("batch/v1", "jobs"), "list jobs"),
        ("GET", "/api/v1/namespaces/ml", "get namespaces ml"),
        ("PATCH", "/api/v1/namespaces/ml/status", "patch namespaces/status ml"),
        ("GET", "/version", "list version"),
    ],
)
def test_a_request_is_told_in_the_words_of_access_rules(method: str, path: str, said: str) -> None:
    assert str(subject(method, path)) == said
