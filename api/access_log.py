"""A line in the log and a count for each request; neither holds a header or a body."""

from logging import DEBUG, INFO, WARNING

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.parts import PREFIX
from aryl.clock import elapsed
from aryl.metrics import Metrics

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

log = structlog.get_logger(__name__)


class AccessLog:
    """Tells of each request when its answer has ended: reads at debug, changes at info."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Stand before an app."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it, however it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = elapsed(), 500  # what an answer is that never begins

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._tell(scope, status, elapsed() - began_s)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"]
        self._metrics.requested(_template(scope), method, status, seconds)
        principal = scope.get("principal")
        log.log(
            _level(method, status),
            "request",
            method=method,
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 2),
            who=principal.name if principal else None,
        )


def _template(scope: Scope) -> str:
    """The path of a route with its parameters' names: few, however many paths are asked for."""
    path = getattr(scope.get("route"), "path", "")
    if not path:
        return "other"
    return PREFIX + path if scope["path"].startswith(f"{PREFIX}/") else path


def _level(method: str, status: int) -> int:
    if status >= 500:
        return WARNING
    return DEBUG if method in SAFE and status < 400 else INFO
