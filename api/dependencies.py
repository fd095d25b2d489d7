"""What routes ask for by type: the service, who asks and with which role, and how."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request, Response, Security
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryInfo
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator
from starlette.routing import BaseRoute

from api.commands import Order
from api.pages import Cursor, Limit
from api.schemas.fields import KNOWN_JOB_ID, MAX_ID
from api.security import caller
from api.service import Service
from api.views import Asked
from aryl.model.errors import BadInput
from aryl.store import Principal, Role


def _told_plainly(value: object) -> object:
    """Refuse what the schema does not name, such as `yes`."""
    if value not in {"true", "false", True, False}:
        raise ValueError("must be true or false")
    return value


Flag = Annotated[bool, BeforeValidator(_told_plainly)]

Viewer = Annotated[Principal, Security(caller, scopes=[Role.VIEWER])]
Submitter = Annotated[Principal, Security(caller, scopes=[Role.SUBMITTER])]
Operator = Annotated[Principal, Security(caller, scopes=[Role.OPERATOR])]

JobIdPath = Annotated[str, Path(pattern=KNOWN_JOB_ID)]
Number = Annotated[int, Path(ge=1, le=MAX_ID)]
DryRun = Annotated[
    Flag, Query(alias="dryRun", description="Check everything, write nothing, and answer 200.")
]
IfMatch = Annotated[
    str | None, Header(max_length=1_000, description="Only if this is its ETag still.")
]
IfNoneMatch = Annotated[
    str | None, Header(max_length=1_000, description="304 if this is its ETag still.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The same key and body a second time is answered with the job of the first.",
    ),
]


class KnownQueries:
    """Refuses queries that an operation does not know: a misspelt `dryRun` must not write."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Know the queries of routes by the routes' names, which differ."""
        self._of = {route.name: _queries(route) for route in routes if isinstance(route, APIRoute)}

    async def __call__(self, request: Request) -> None:
        """Raise `BadInput` for an unknown one."""
        unknown = request.query_params.keys() - self._of[request.scope["route"].name]
        if unknown:
            name = min(unknown)
            problem = "is no parameter of this operation"
            raise BadInput("query", problem, None, f"query.{name}", name)


def _queries(route: APIRoute) -> frozenset[str]:
    params = get_flat_params(route.dependant)
    return frozenset(p.alias for p in params if isinstance(p.field_info, QueryInfo))


async def service_of(request: Request) -> Service:
    """The service that an app serves."""
    service: Service = request.app.state.service
    return service


async def part_of(limit: Limit = 100, cursor: Cursor = None) -> Asked:
    """Which part of a list is asked for."""
    return Asked(limit, cursor)


Serving = Annotated[Service, Depends(service_of)]
Part = Annotated[Asked, Depends(part_of)]


async def job_order(
    who: Submitter,
    dry_run: DryRun = False,  # noqa: FBT002 - FastAPI fills it in
    if_match: IfMatch = None,
) -> Order:
    """An order to change a job."""
    return Order(who, if_match, dry_run)


JobOrder = Annotated[Order, Depends(job_order)]


async def operator_order(who: Operator, dry_run: DryRun = False) -> Order:  # noqa: FBT002 - as above
    """An order that only operators may give."""
    return Order(who, is_rehearsal=dry_run)


OperatorOrder = Annotated[Order, Depends(operator_order)]


def told(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A shape as a response; it was checked when it was made, and is not checked again."""
    return Response(model.model_dump_json(), status, headers, media_type="application/json")
