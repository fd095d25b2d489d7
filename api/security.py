"""Who asks, and what they may do: secrets to principals, roles in order, and the open door.

A service that only this machine can reach is open to everybody on it, as an operator, until the
first token is made; from then on a token is needed, for ever. While it is open, browsers are kept
from lending their user's place to foreign pages: by the names under which the service may be
addressed, and by the origin of requests.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from threading import Lock
from typing import Annotated
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import Forbidden, Kind, Unauthenticated, problem_response
from api.parts import ApiSettings
from aryl.store import UNAVAILABLE, Principal, Role
from aryl.store.accounts import Tokens

VERIFIED_S = 2.0  # how long a revoked token may still serve
OPEN_S = 1.0  # how long the door may stay open after the first token
SECRETS = 10_000  # remembered at once; more are looked up each time

ANYBODY = Principal("anonymous", Role.OPERATOR)

POLICY_VIOLATION = 1008  # RFC 6455
MISDIRECTED = Kind(HTTPStatus.MISDIRECTED_REQUEST, "foreign-host", "The service has another name")
FOREIGN = Kind(HTTPStatus.FORBIDDEN, "foreign-origin", "Pages of other sites may not ask")

_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", bearerFormat="aryl_…")


class Gate:
    """Knows who holds a secret. Answers are kept for a moment, so that asking costs nothing."""

    def __init__(self, tokens: Tokens, wall: Callable[[], float], settings: ApiSettings) -> None:
        """Know nobody yet."""
        self._tokens, self._wall, self._settings = tokens, wall, settings
        self._known: dict[bytes, tuple[Principal | None, float]] = {}
        self._lock = Lock()
        self._is_open = settings.may_open
        self._looked_s = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether no token is needed; reads the store at most once a second."""
        if self._is_open and self._is_old(self._looked_s, OPEN_S):
            self._is_open = not self._tokens.any_exist()
            self._looked_s = self._wall()
        return self._is_open

    @property
    def is_settled(self) -> bool:
        """Whether `is_open` would answer without the store."""
        return not (self._is_open and self._is_old(self._looked_s, OPEN_S))

    def close(self) -> None:
        """A token exists from now on."""
        self._is_open = False

    def principal(self, secret: str | None) -> Principal:
        """Who holds a secret. Raises `Unauthenticated` where nobody does."""
        if self.is_open:
            return ANYBODY
        if secret is None:
            raise Unauthenticated("a token is needed, as `Authorization: Bearer aryl_…`")
        known, principal = self.remembered(secret)
        if not known:
            principal = self._tokens.verify(secret)
            self._remember(secret, principal)
        if principal is None:
            raise Unauthenticated("the token is unknown or revoked")
        return principal

    def remembered(self, secret: str) -> tuple[bool, Principal | None]:
        """Whether it is known who holds a secret without the store, and who."""
        principal, at_s = self._known.get(_key(secret), (None, float("-inf")))
        return not self._is_old(at_s, VERIFIED_S), principal

    def names(self) -> frozenset[str]:
        """The names under which an open service may be addressed."""
        return frozenset({"localhost", "127.0.0.1", "::1", self._settings.host.strip("[]")})

    def _remember(self, secret: str, principal: Principal | None) -> None:
        with self._lock:
            if len(self._known) >= SECRETS:
                self._known.clear()
            self._known[_key(secret)] = (principal, self._wall())

    def _is_old(self, at_s: float, kept_s: float) -> bool:
        return not at_s <= self._wall() < at_s + kept_s


def needs(principal: Principal, role: Role) -> None:
    """Raise `Forbidden` unless a principal has at least that role."""
    if not principal.role.covers(role):
        had = f"{principal.name} is {principal.role.value}"
        raise Forbidden(f"this needs the role {role.value}; {had}")


async def caller(
    request: Request,
    scopes: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Principal:
    """Who asks, with at least the role that the route names as its scope."""
    gate: Gate = request.app.state.service.gate
    secret = credentials.credentials if credentials else None
    is_known = secret is None or gate.remembered(secret)[0]
    if gate.is_settled and is_known:
        principal = gate.principal(secret)
    else:
        principal = await to_thread.run_sync(gate.principal, secret)
    for scope in scopes.scopes:
        needs(principal, Role(scope))
    request.scope["principal"] = principal
    return principal


def client_of(gate: Gate) -> Callable[[Scope], str]:
    """Names who sends a request, for limits: by token where it is known, else by address."""

    def client(scope: Scope) -> str:
        header = Headers(scope=scope).get("authorization", "")
        _, principal = gate.remembered(header.partition(" ")[2].strip())
        if principal is not None:
            return f"token {principal.name}"
        return f"address {scope['client'][0] if scope.get('client') else ''}"

    return client


class Door:
    """Keeps foreign pages out while the service is open to everybody on this machine."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        """Stand before an app."""
        self._app, self._gate, self._names = app, gate, gate.names()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that it is not for this service."""
        if scope["type"] != "lifespan" and await self._is_open():
            refusal = self._refusal(Headers(scope=scope))
            if refusal and scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
                return
            if refusal:
                await problem_response(*refusal, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _is_open(self) -> bool:
        if self._gate.is_settled:
            return self._gate.is_open
        try:
            return await to_thread.run_sync(lambda: self._gate.is_open)
        except UNAVAILABLE:  # the route says so; until it is known, the service counts as open
            return True

    def _refusal(self, headers: Mapping[str, str]) -> tuple[Kind, str] | None:
        if _host_of("//" + headers.get("host", "")) not in self._names:
            return MISDIRECTED, "without tokens, the service answers to localhost only"
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) not in self._names:
            return FOREIGN, "without tokens, the service answers to its own pages only"
        return None


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # a bracket without its other
        return None


def _key(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "replace")).digest()
