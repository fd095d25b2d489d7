"""The addresses of the dashboard, and what is at each."""

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from anyio import to_thread
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from nicegui import App, Client, ui

from api.dashboard import job_page, lists, overview, whatif_page
from api.dashboard.elements import Panel
from api.dashboard.rendering import render
from api.dashboard.shell import Site, Visit, head
from aryl.store import UNAVAILABLE

_BUILD_S: Final = 15.0  # a busy database may take its time
_AGAIN_S: Final = 5

Build = Callable[[Visit], Awaitable[None]]


def add_pages(site: Site) -> None:
    """Register every page."""
    page = partial(ui.page, response_timeout=_BUILD_S)
    _add_lists(site, page)

    @page("/")
    async def _overview(request: Request) -> Response | None:
        return await _opened(site, request, "/", overview.build)

    @page("/jobs/{job_id}")
    async def _job(request: Request, job_id: str) -> Response | None:
        return await _opened(site, request, "/jobs", partial(job_page.build, job_id=job_id))

    @page("/whatif")
    async def _whatif(request: Request) -> Response | None:
        return await _opened(site, request, "/whatif", whatif_page.build)

    @page("/login")
    async def _login(wrong: str = "") -> None:
        head("Log in")
        with ui.element("main").props("id=main tabindex=-1").classes("body"):
            Panel(render("login", wrong=bool(wrong)))


def add_failures(pages_app: App) -> None:
    """Say in our own way that there is no such page, or that one has a fault."""

    async def _unknown(request: Request, _: Exception) -> Response:
        with Client(ui.page(""), request=request) as client:
            _trouble("There is no such page.")
        return client.build_response(request, HTTPStatus.NOT_FOUND)

    pages_app.add_exception_handler(HTTPStatus.NOT_FOUND, _unknown)
    pages_app.on_page_exception(lambda: _trouble("The service has a fault; its log tells more."))


def _trouble(text: str) -> None:
    head("Trouble")
    with ui.element("main").props("id=main tabindex=-1").classes("body"):
        Panel(render("trouble", text=text))


def _add_lists(site: Site, page: Callable[[str], Callable[..., object]]) -> None:
    for path, build in lists.LISTS.items():

        async def _list(
            request: Request, build: Build = build, path: str = path
        ) -> Response | None:
            return await _opened(site, request, path, build)

        page(path)(_list)

    @page("/plans/{plan_id}")
    async def _plan(request: Request, plan_id: str) -> Response | None:
        return await _opened(site, request, "/plans", partial(lists.plan, plan_id=plan_id))


async def _opened(site: Site, request: Request, here: str, build: Build) -> Response | None:
    """Build a page for whoever may see it; others log in first."""
    try:
        who = await to_thread.run_sync(site.session.who, request)
        if who is None:
            return RedirectResponse("/login")
        is_open = await to_thread.run_sync(lambda: site.session.is_open)
        frame = await to_thread.run_sync(site.looks.frame)
    except UNAVAILABLE:
        ui.add_head_html(f'<meta http-equiv="refresh" content="{_AGAIN_S}">')
        _trouble("The database is out of reach; this page tries again.")
        return None
    await build(Visit(site, request, who, here, frame, is_guarded=not is_open))
    return None
