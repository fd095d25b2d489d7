"""Who may do what: every operation of the document, with every role."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from aryl.store import Role
from tests.api.stage import JOB, ROOT, Stage

FREE = {"/healthz", "/readyz"}
METHODS = {"get", "post", "put", "patch", "delete"}
BODIES: dict[str, Any] = {
    "submit_job": JOB,
    "change_job": {"max_workers": 2},
    "push_demand": {"servers": 1},
    "create_token": {"name": "eve", "role": "viewer"},
}


def operations(stage: Stage) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of the document, with its method and path."""
    for path, methods in stage.app.openapi()["paths"].items():
        for method in METHODS & methods.keys():
            yield method.upper(), path, methods[method]


def role_of(operation: dict[str, Any]) -> Role:
    """The role that an operation says it needs."""
    (requirement,) = operation["security"]
    (role,) = requirement["bearer"]
    return Role(role)


def test_every_route_names_its_role(stage: Stage) -> None:
    nameless = {
        path
        for _, path, operation in operations(stage)
        if len(operation.get("security", ())) != 1 and path not in FREE
    }

    assert nameless == set()
    assert {path for _, path, _ in operations(stage)} >= FREE


def test_every_route_of_the_api_is_in_the_document(stage: Stage) -> None:
    told = {path for _, path, _ in operations(stage)}

    hidden = [
        route.path
        for route in stage.app.routes
        if isinstance(route, APIRoute) and route.path.startswith("/api") and route.path not in told
    ]

    assert hidden == []


def test_each_operation_is_for_its_role_and_those_above(locked: Stage) -> None:
    locked.app.state.service.feed.close()  # so that the stream of events ends
    wrong = []
    for method, path, operation in operations(locked):
        needed = None if path in FREE else role_of(operation)
        url = path.format(job_id="nobody", server_id="nobody", plan_id=7, token_id=7)
        for role in (None, *Role):
            body = BODIES.get(operation["operationId"], {})
            response = locked.client.request(
                method,
                url,
                headers=locked.as_(role),
                json=body if "requestBody" in operation else None,
            )
            if needed is None or (role is not None and role.covers(needed)):
                is_right = response.status_code not in {401, 403, 500}
            else:
                is_right = response.status_code == (401 if role is None else 403)
            if not is_right:
                wrong.append((method, path, role, response.status_code))

    assert wrong == []


def test_who_is_unknown_is_told_how_to_be_known(locked: Stage) -> None:
    response = locked.ask("GET", "/jobs")

    assert response.headers["WWW-Authenticate"] == 'Bearer realm="aryl"'
    assert response.json()["type"] == "urn:aryl:problem:unauthenticated"


def test_who_may_not_is_told_which_role_may(locked: Stage) -> None:
    response = locked.ask("GET", "/audit", headers=locked.as_(Role.VIEWER))

    assert response.json()["detail"] == "this needs the role operator; viewer is viewer"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer aryl_wrong",
        "Basic YTpi",
        "Bearer \xe9",
        "aryl_wrong",
        "Bearer aryl_" + "x" * 5_000,
    ],
)
def test_what_is_no_token_is_refused(locked: Stage, header: str) -> None:
    response = locked.ask("GET", "/jobs", headers=[(b"Authorization", header.encode("latin-1"))])

    assert response.status_code == 401


def test_the_first_token_closes_the_door_at_once(stage: Stage) -> None:
    made = stage.ask("POST", "/tokens", json={"name": "ada", "role": "operator"})

    secret = made.json()["secret"]
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert stage.ask("GET", "/jobs").status_code == 401
    headers = {"Authorization": f"Bearer {secret}"}
    assert stage.ask("GET", "/jobs", headers=headers).status_code == 200
    (told,) = stage.ask("GET", "/tokens", headers=headers).json()["items"]
    assert (told["name"], told["role"], "secret" in told) == ("ada", "operator", False)


def test_a_token_made_elsewhere_closes_the_door_within_a_second(stage: Stage) -> None:
    assert stage.ask("GET", "/jobs").status_code == 200
    stage.store.tokens.create("ada", Role.VIEWER, ROOT)

    stage.wall.time_s += 1.0

    assert stage.ask("GET", "/jobs").status_code == 401


def test_a_revoked_token_serves_two_seconds_more_at_most(locked: Stage) -> None:
    viewer = locked.as_(Role.VIEWER)
    assert locked.ask("GET", "/jobs", headers=viewer).status_code == 200
    (token,) = [t for t in locked.store.tokens.list() if t.role is Role.VIEWER]

    gone = locked.ask("DELETE", f"/tokens/{token.id}", headers=locked.as_(Role.OPERATOR))
    locked.wall.time_s += 2.0

    assert gone.status_code == 204
    assert locked.ask("GET", "/jobs", headers=viewer).status_code == 401


def test_the_door_stays_closed_when_the_last_token_is_revoked(locked: Stage) -> None:
    assert locked.ask("GET", "/jobs").status_code == 401
    for token in locked.store.tokens.list():
        locked.store.tokens.revoke(token.id, ROOT)

    locked.wall.time_s += 10.0

    assert locked.ask("GET", "/jobs").status_code == 401


def test_every_change_is_in_the_audit(locked: Stage) -> None:
    submitter, operator = locked.as_(Role.SUBMITTER), locked.as_(Role.OPERATOR)
    job = locked.submit(submitter, max_workers=2)
    path = f"/jobs/{job['id']}"
    locked.ask("PATCH", path, json={"max_workers": 3}, headers=submitter)
    locked.ask("DELETE", path, headers=operator)
    locked.ask("POST", "/demand", json={"servers": 2}, headers=operator)

    told = locked.ask("GET", "/audit?limit=4", headers=operator).json()["items"]

    assert [(row["principal"], row["action"], row["subject"]) for row in told] == [
        ("operator", "push demand", "demand"),
        ("operator", "cancel requested", job["id"]),
        ("submitter", "bounds changed", job["id"]),
        ("submitter", "submit job", job["id"]),
    ]
