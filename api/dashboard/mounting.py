"""Puts the dashboard at `/` of an app, behind all that the app answers itself."""

from collections.abc import AsyncIterator, Callable
from functools import cache
from secrets import token_hex
from typing import Final

from fastapi import FastAPI
from nicegui import app as pages_app
from nicegui import ui
from starlette.datastructures import MutableHeaders
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dashboard import pages, session
from api.dashboard.looks import Looks
from api.dashboard.pulse import Pulse
from api.dashboard.session import Session
from api.dashboard.shell import STATIC, STATIC_AT, Site
from api.service import Service
from api.sse import Wanted

_NOT_PAGES: Final = ("/api/", "/metrics", "/healthz", "/readyz")
_SIGNING_KEY: Final = "session_key"  # a fact of the database, so that sessions outlive a restart
_RECONNECT_S: Final = 5.0  # how long a page is kept for a browser that went away
# The pages' framework compiles its templates in the browser, hence the two unsafe words.
_CONFINES: Final = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' "
    "'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#1f6fb5"/>'
    '<path d="M7 8h8v7H7zM7 18h8v7H7zM18 18h8v7h-8z" fill="#fff"/>'
    '<path d="M18 8h8v7h-8z" fill="#f0995a"/></svg>'
)


def mount(app: FastAPI) -> None:
    """Add the dashboard to an app that `api.app.create_app` made; once in a process."""
    service: Service = app.state.service
    looks = Looks(service.views)
    site = Site(service, looks, Pulse(looks.frame, _happenings(service)), _session(service))
    session.add_routes(app, site.session)
    pages_app.add_static_files(STATIC_AT, STATIC, max_cache_age=86_400)
    pages.add_pages(site)
    pages.add_failures(pages_app)
    ui.run_with(
        app,
        title="Aryl",
        favicon=_ICON,
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=_RECONNECT_S,
        show_welcome_message=False,
    )
    app.router.routes[-1] = _Pages("/", app=_Confined(pages_app))


class _Confined:
    """Keeps pages to themselves: browsers neither load anything from elsewhere nor frame them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_CONFINES)
            await send(message)

        await self._app(scope, receive, confined)


class _Pages(Mount):
    """Everything but what programs ask for: an unknown address there is told as a problem."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for a page."""
        if scope["path"].startswith(_NOT_PAGES):
            return Match.NONE, {}
        return super().matches(scope)


def _session(service: Service) -> Session:
    @cache
    def key() -> bytes:
        return str(service.parts.store.facts.settle(_SIGNING_KEY, token_hex(32))).encode()

    return Session(service.gate, key)


def _happenings(service: Service) -> Callable[[], AsyncIterator[bytes]]:
    def follow() -> AsyncIterator[bytes]:
        return service.feed.follow(Wanted(service.feed.newest))

    return follow
