"""Browser sessions: a token in a signed cookie that neither scripts nor other sites can use."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER

from api.errors import Unauthenticated
from api.security import Gate
from aryl.store import Principal

COOKIE: Final = "aryl_session"
_BODY_BYTES: Final = 4_096  # a token and its field's name
_OWN: Final = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class Session:
    """Knows who a browser's user is; the gate is asked each time, so that revoked tokens end."""

    gate: Gate
    key: Callable[[], bytes]

    @property
    def is_open(self) -> bool:
        """Whether nobody needs to log in."""
        return self.gate.is_open

    def who(self, request: Request) -> Principal | None:
        """The principal that a request's cookie stands for; None where a token is needed."""
        return self.holder(self._unsigned(request.cookies.get(COOKIE, "")))

    def holder(self, secret: str | None) -> Principal | None:
        """Who holds a secret, if anybody does."""
        try:
            return self.gate.principal(secret)
        except Unauthenticated:
            return None

    def signed(self, secret: str) -> str:
        """A secret with its signature."""
        return f"{secret}.{self._signature(secret)}"

    def _unsigned(self, cookie: str) -> str | None:
        secret, _, signature = cookie.rpartition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._signature(secret).encode())
        return secret if secret and is_ours else None

    def _signature(self, secret: str) -> str:
        return hmac.new(self.key(), secret.encode("utf-8", "replace"), sha256).hexdigest()


def add_routes(app: FastAPI, session: Session) -> None:
    """Let browsers log in and out by plain forms: only a response can set such a cookie."""

    async def log_in(request: Request) -> Response:
        """Take a token, and go to the overview; forms of other sites are not taken."""
        if request.headers.get("sec-fetch-site", "same-origin") not in _OWN:
            return RedirectResponse("/login", HTTP_303_SEE_OTHER)
        secret = await _token(request)
        who = await to_thread.run_sync(session.holder, secret)
        if who is None:
            return RedirectResponse("/login?wrong=1", HTTP_303_SEE_OTHER)
        response = RedirectResponse("/", HTTP_303_SEE_OTHER)
        response.set_cookie(
            COOKIE,
            session.signed(secret),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def log_out(_: Request) -> Response:
        """Forget the token."""
        response = RedirectResponse("/login", HTTP_303_SEE_OTHER)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    app.add_api_route("/login", log_in, methods=["POST"], include_in_schema=False)
    app.add_api_route("/logout", log_out, methods=["POST"], include_in_schema=False)


async def _token(request: Request) -> str:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY_BYTES:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
