"""What keeps one client from taking everything, as plain ASGI: it costs microseconds a request."""

from collections.abc import Callable
from http import HTTPStatus
from math import ceil

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import http_kind, problem_response

Wall = Callable[[], float]

CLIENTS = 10_000  # buckets kept; more clients than that at a time share no memory of their past


class Buckets:
    """A token bucket for each client: so many requests a second, and so many at once."""

    def __init__(self, wall: Wall, *, per_s: float, burst: int) -> None:
        """Start with full buckets."""
        self._wall, self._per_s, self._burst = wall, per_s, float(burst)
        self._levels: dict[str, tuple[float, float]] = {}  # what is left, and when that was

    def wait_s(self, client: str) -> float:
        """Take one request out of a client's bucket; else how long until there is one."""
        now = self._wall()
        left, at_s = self._levels.get(client, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - at_s) * self._per_s)
        if left < 1.0:
            return (1.0 - left) / self._per_s
        if client not in self._levels and len(self._levels) >= CLIENTS:
            self._forget(now)
        self._levels[client] = (left - 1.0, now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again, or all where none is."""
        refill_s = self._burst / self._per_s
        kept = {
            client: level for client, level in self._levels.items() if now - level[1] < refill_s
        }
        self._levels = kept if len(kept) < CLIENTS else {}


class RateLimit:
    """Refuses requests of a client whose bucket is empty; `client_of` names the client."""

    def __init__(self, app: ASGIApp, buckets: Buckets, client_of: Callable[[Scope], str]) -> None:
        """Stand before an app."""
        self._app, self._buckets, self._client_of = app, buckets, client_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429, or pass the request on."""
        if scope["type"] == "http":
            wait_s = self._buckets.wait_s(self._client_of(scope))
            if wait_s:
                detail = "too many requests; Retry-After says when the next may come"
                kind = http_kind(HTTPStatus.TOO_MANY_REQUESTS)
                response = problem_response(kind, detail, scope["path"])
                response.headers["Retry-After"] = str(max(1, ceil(wait_s)))
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies over a size, whether they say how long they are or not."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int]) -> None:
        """Stand before an app; `limit_of` tells how many bytes a path takes."""
        self._app, self._limit_of = app, limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 at once, or count what comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        detail = f"a body may have {limit} bytes"
        if _declared_bytes(scope) > limit:
            kind = http_kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            await problem_response(kind, detail, scope["path"])(scope, receive, send)
            return
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
            return message

        await self._app(scope, counted, send)


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
