"""What the OpenAPI document says beyond what the routes' types do: problems, headers, roles."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from api.errors import MEDIA_TYPE
from api.schemas.problem import Problem

DESCRIPTION = """\
Submits jobs to a GPU cluster that lends idle inference servers to training, and shows what it does.

Times are seconds of the cluster's clock, which `/api/v1/status` tells; those named `_wall_s` are
seconds since the epoch. Each operation names the role it needs: a viewer reads, a submitter also
submits and changes its own jobs, an operator does everything. Errors are problems (RFC 9457).
"""
TAGS = [
    {"name": "jobs", "description": "What is to be run, and how it stands."},
    {"name": "cluster", "description": "Servers, pools and loans."},
    {"name": "demand", "description": "What inference needs, and will need."},
    {"name": "plans", "description": "What was decided, and why."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "access", "description": "Tokens, and who did what."},
    {"name": "service", "description": "The service itself."},
]

Responses = dict[int | str, dict[str, Any]]

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ETAG = {"ETag": {"description": "The version, in quotes.", "schema": {"type": "string"}}}
_LINK = {"Link": {"description": "The next page, as `rel=next`.", "schema": {"type": "string"}}}

_SAID = {
    304: "It is at that version still; there is no body.",
    400: "The body can't be read.",
    401: "No valid token.",
    403: "The role does not suffice, or the job is another's.",
    404: "There is nothing by that name.",
    409: "Things stand otherwise now; the type says how.",
    412: "It has another version by now.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    421: "The service has another name.",
    422: "Something in the request is not valid; `errors` names it.",
    429: "Too many requests; Retry-After says when the next may come.",
    500: "A fault of the service.",
    503: "The service can't do that now; Retry-After says when to try again.",
}


def problems(*statuses: int) -> Responses:
    """The documentation of errors."""
    return {status: {"description": _SAID[status], "content": _PROBLEM} for status in statuses}


GUARDED = problems(401, 403, 421, 422, 429, 500, 503)  # every operation that needs a role
WRITES = problems(400, 413, 415)  # every one with a body
CHANGES_A_JOB = problems(404, 409, 412)

WITH_ETAG: dict[str, Any] = {"headers": _ETAG}
PAGED: Responses = {200: {"headers": _LINK}}


def operation_id(route: APIRoute) -> str:
    """The name of the function: short, and stable while its name is."""
    return route.name


def describe(app: FastAPI) -> None:
    """Let an app tell its document with the shape of problems in it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                tags=app.openapi_tags,
                routes=app.routes,
            )
            _, shapes = models_json_schema(
                [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
            )
            made["components"]["schemas"] |= shapes["$defs"]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's documented way
