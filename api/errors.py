"""How errors leave the service: every one as a problem (RFC 9457), from one table.

ArylError
├── Unauthenticated  nobody knows who asks
├── Forbidden        who asks may not do that; says which role may
├── Overloaded       too much is asked at once; says when to come back
└── Refused          a request is well-formed, and yet can't be granted; names the field
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.schemas.problem import FieldError, Problem
from aryl.model.errors import ArylError, BadInput, Clash, Conflict, InvalidTransition, Missing
from aryl.store import UNAVAILABLE

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger(__name__)

PREFIX = "urn:aryl:problem:"  # a name for a kind of problem, not an address


class Unauthenticated(ArylError):
    """Nobody knows who asks."""


class Forbidden(ArylError):
    """Who asks may not do that."""


@dataclass
class Overloaded(ArylError):
    """Too much is asked at once; it may be asked again in `retry_after_s`."""

    problem: str
    status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_s: int = 1

    def __str__(self) -> str:
        """Say what there is too much of."""
        return self.problem


@dataclass
class Refused(ArylError):
    """A field that keeps a well-formed request from being granted."""

    field: str
    problem: str

    def __str__(self) -> str:
        """Say what is wrong with it."""
        return self.problem


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, the end of its `type`, and what all of them have in common."""

    status: HTTPStatus
    slug: str
    title: str


KINDS: Mapping[type[ArylError], Kind] = {
    Unauthenticated: Kind(HTTPStatus.UNAUTHORIZED, "unauthenticated", "A valid token is needed"),
    Forbidden: Kind(HTTPStatus.FORBIDDEN, "forbidden", "The role does not suffice"),
    Missing: Kind(HTTPStatus.NOT_FOUND, "missing", "There is nothing by that name"),
    InvalidTransition: Kind(HTTPStatus.CONFLICT, "wrong-state", "Its state does not allow that"),
    BadInput: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "The request is not valid"),
    Refused: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "refused", "The request can't be granted"),
}
INVALID = KINDS[BadInput]
CLASHES: Mapping[Clash, Kind] = {
    clash: Kind(HTTPStatus.CONFLICT, clash.name.lower().replace("_", "-"), title)
    for clash, title in {
        Clash.DUPLICATE: "Something by that name exists",
        Clash.KEY_REUSED: "The idempotency key belongs to another request",
        Clash.IN_FLIGHT: "A plan changes it right now",
        Clash.RUNS: "It runs",
        Clash.ENDED: "It has ended",
    }.items()
} | {Clash.VERSION: Kind(HTTPStatus.PRECONDITION_FAILED, "version", "It has changed since")}


def install(app: FastAPI) -> None:
    """Let every error of an app leave as a problem."""
    app.add_exception_handler(ArylError, _aryl_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    for away in UNAVAILABLE:
        app.add_exception_handler(away, _unavailable)
    app.add_exception_handler(Exception, _unforeseen)


def problem_response(
    kind: Kind, detail: str, instance: str, errors: Sequence[FieldError] = ()
) -> Response:
    """A problem as a response; texts that UTF-8 can't hold lose what it can't."""
    problem = Problem(
        type=PREFIX + kind.slug,
        title=kind.title,
        status=kind.status.value,
        detail=_sayable(detail),
        instance=_sayable(instance),
        errors=list(errors) or None,
    )
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, kind.status.value, media_type=MEDIA_TYPE)


def http_kind(status: int) -> Kind:
    """The kind of a problem that is no more than its status."""
    known = HTTPStatus(status)
    return Kind(known, known.phrase.lower().replace(" ", "-"), known.phrase)


async def _aryl_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ArylError)
    instance = request.url.path
    if isinstance(error, Overloaded):
        response = problem_response(http_kind(error.status), str(error), instance)
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    kind = _kind_of(error)
    if kind is None:
        raise error  # our own bug: it is told nowhere but in the log
    response = problem_response(kind, _detail(error), instance, _fields(error))
    if kind.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="aryl"'
    return response


def _kind_of(error: ArylError) -> Kind | None:
    if isinstance(error, Conflict):
        return CLASHES[error.clash]
    return next((KINDS[known] for known in type(error).__mro__ if known in KINDS), None)


def _detail(error: ArylError) -> str:
    """What an error says, without the name of a file where there is none."""
    if not isinstance(error, BadInput):
        return str(error)
    found = "" if error.value is None else f"{error.value!r} "
    expected = "" if error.expected is None else f"; expected {error.expected}"
    return f"{error.column or 'the request'}: {found}{error.problem}{expected}"


def _fields(error: ArylError) -> list[FieldError]:
    match error:
        case BadInput(column=str(field)) | Refused(field=field):
            return [FieldError(field=_sayable(field), message=_sayable(_detail(error)))]
        case _:
            return []


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes):  # it was not taken for JSON
        detail = "the body must be JSON, and its Content-Type application/json"
        kind = http_kind(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        return problem_response(kind, detail, request.url.path)
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        detail = (
            f"the body is no JSON: {found[0]['ctx']['error']}, at character {found[0]['loc'][1]}"
        )
        return problem_response(http_kind(HTTPStatus.BAD_REQUEST), detail, request.url.path)
    errors = [
        FieldError(field=_sayable(_place(one["loc"])), message=_sayable(one["msg"]))
        for one in found
    ]
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors)
    return problem_response(INVALID, detail, request.url.path, errors)


def _place(location: Sequence[str | int]) -> str:
    """Where something is in a request: `min_workers`, or `query.limit` outside the body."""
    where = location[1:] if location[0] == "body" and len(location) > 1 else location
    return ".".join(map(str, where))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem_response(http_kind(error.status_code), error.detail, request.url.path)
    response.headers.update(error.headers or {})
    return response


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("database_unavailable", error=type(error).__name__)
    return await _aryl_error(request, Overloaded("the database does not answer"))


async def _unforeseen(request: Request, _error: Exception) -> Response:
    kind = http_kind(HTTPStatus.INTERNAL_SERVER_ERROR)
    return problem_response(kind, "the service has a fault; its log tells more", request.url.path)


def _sayable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
