"""Servers, pools and loans."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.dependencies import Flag, Part, Serving, Viewer, told
from api.openapi import PAGED, problems
from api.pages import link
from api.schemas.cluster import LoanOut, PoolName, PoolOut, ServerOut, ServerState
from api.schemas.fields import NO_CONTROLS, Page

router = APIRouter(tags=["cluster"])

ServerId = Annotated[str, Path(max_length=253, pattern=NO_CONTROLS)]


@router.get("/servers", response_model=Page[ServerOut], responses=PAGED)
def list_servers(
    request: Request,
    service: Serving,
    _: Viewer,
    part: Part,
    pool: PoolName | None = None,
    state: ServerState | None = None,
) -> Response:
    """Servers in the cluster's order, with the jobs on them."""
    page = service.views.servers_page(pool, state, part)
    return told(page, headers=link(request, page))


@router.get("/servers/{server_id}", response_model=ServerOut, responses=problems(404))
def get_server(service: Serving, _: Viewer, server_id: ServerId) -> Response:
    """One server, with the jobs on it."""
    return told(service.views.server(server_id))


@router.get("/pools", response_model=Page[PoolOut])
def list_pools(service: Serving, _: Viewer) -> Response:
    """Both pools in numbers."""
    return told(Page(items=service.views.pools()))


@router.get("/loans", response_model=Page[LoanOut], responses=PAGED)
def list_loans(
    request: Request,
    service: Serving,
    _: Viewer,
    part: Part,
    open: Flag | None = None,  # noqa: A002 - its name on the wire
) -> Response:
    """Loans, newest first: those that go on, those that ended, or all."""
    page = service.views.loans(part, is_open=open)
    return told(page, headers=link(request, page))
