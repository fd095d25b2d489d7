"""Requests to a service: with timeouts, a bounded number of attempts, and errors in our terms."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpx2

from aryl.client.ask import Ask, Following, Json, Query
from aryl.client.errors import Busy, Invalid, NotAryl, Refused, Unreachable, sentence_of
from aryl.client.profiles import Target, is_near
from aryl.client.waiting import Pause, pause
from aryl.model.errors import BadInput

PAUSES_S = (0.2, 0.5, 1.0)  # between four attempts: a restart of the service takes about as long
PAUSE_MAX_S = 10.0  # what a service may ask us to wait
TIMEOUT = httpx2.Timeout(30.0, connect=3.0)  # what-if questions may take a while
PAGE = 500  # items asked for at once
_BUSY = frozenset({429, 503})
_INVALID = frozenset({400, 413, 422})


class Connection:
    """A service at its address; a context manager that closes its sockets."""

    def __init__(self, target: Target, wait: Pause = pause) -> None:
        """Prepare to speak to it; nothing is sent yet."""
        self.server = target.server
        self._wait = wait
        headers = {"user-agent": f"aryl/{version('aryl')}"}
        if target.token:
            headers["authorization"] = f"Bearer {target.token}"
        self._http = httpx2.Client(
            base_url=f"{target.server}/api/v1/",
            headers=headers,
            timeout=TIMEOUT,
            verify=_trust(target),
            trust_env=not is_near(target.server),  # a proxy has no business on this machine
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its sockets."""
        self._http.close()

    def json(self, ask: Ask) -> Json:
        """The answer to a request, parsed; None where there is no content.

        Raises `Unreachable`, `NotAryl`, `Refused` or `Invalid`.
        """
        response = self._answer(ask)
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise self._strange(response) from error

    def content(self, ask: Ask) -> bytes:
        """The answer to a request, as it came. Raises as `json` does."""
        return self._answer(ask).content

    def page(self, path: str, query: Query, limit: int | None = None) -> Json:
        """The items of a list, all pages as one, as many as are wanted; with the next cursor."""
        items: list[Json] = []
        cursor: str | None = None
        while limit is None or len(items) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(items))
            found = self.json(Ask(path=path, query={**query, "limit": size, "cursor": cursor}))
            items += found["items"]
            cursor = found["next"]
            if cursor is None:
                break
        return {"items": items, "next": cursor}

    @contextmanager
    def stream(self, path: str, query: Query, following: Following) -> Iterator[httpx2.EventSource]:
        """A stream of server-sent events. Raises as `json` does."""
        last_id = following.last_event_id
        headers = {"last-event-id": last_id} if last_id else {}
        timeout = httpx2.Timeout(following.quiet_s, connect=TIMEOUT.connect)
        given = _given(query)
        try:
            with self._http.sse(path, params=given, headers=headers, timeout=timeout) as source:
                if source.response.is_error:
                    source.response.read()
                    raise self._refusal(source.response)
                yield source
        except httpx2.TransportError as error:
            is_quiet = isinstance(error, httpx2.ReadTimeout)
            if not (is_quiet and following.ends_when_quiet):
                raise Unreachable(self.server, _cause(error)) from error

    def _answer(self, ask: Ask) -> httpx2.Response:
        for wait_s in PAUSES_S:
            try:
                response = self._send(ask)
            except httpx2.ConnectError:
                self._wait(wait_s)  # nothing was sent: safe to repeat, whatever it was
            except httpx2.TransportError as error:
                if not ask.is_repeatable:
                    raise Unreachable(self.server, _cause(error)) from error
                self._wait(wait_s)
            else:
                if response.status_code not in _BUSY:
                    return self._checked(response)
                self._wait(_asked_s(response, wait_s))
        try:
            return self._checked(self._send(ask))
        except httpx2.TransportError as error:
            raise Unreachable(self.server, _cause(error)) from error

    def _send(self, ask: Ask) -> httpx2.Response:
        return self._http.request(
            ask.method, ask.path, params=_given(ask.query), json=ask.body, headers=dict(ask.headers)
        )

    def _checked(self, response: httpx2.Response) -> httpx2.Response:
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _refusal(self, response: httpx2.Response) -> Exception:
        try:
            problem = response.json()
        except ValueError:
            return self._strange(response)
        if not isinstance(problem, dict) or not {"title", "detail"} & problem.keys():
            return self._strange(response)
        if response.status_code in _INVALID:
            return Invalid("the service", sentence_of(problem))
        kind = Busy if response.status_code in _BUSY else Refused
        return kind(response.status_code, problem)

    def _strange(self, response: httpx2.Response) -> NotAryl:
        kind = response.headers.get("content-type", "no content type")
        return NotAryl(self.server, f"{response.status_code} with {kind}")


def _given(query: Query) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in query.items() if value is not None}


def _trust(target: Target) -> ssl.SSLContext:
    """Whom to believe: the profile's CA, else the system's; nobody where nothing is encrypted."""
    if not target.server.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the system's CAs takes 50 ms
    try:
        return ssl.create_default_context(cafile=target.ca_file)
    except OSError as error:
        cause = error.strerror or str(error)
        raise BadInput(str(target.ca_file), f"is no CA file: {cause}") from error


def _asked_s(response: httpx2.Response, otherwise_s: float) -> float:
    """How long the service asks us to wait, within reason."""
    asked = response.headers.get("retry-after", "")
    return min(float(asked), PAUSE_MAX_S) if asked.isdecimal() else otherwise_s


def _cause(error: httpx2.TransportError) -> str:
    """What a failed attempt met, in words; TLS and refused connections speak for themselves."""
    if isinstance(error, httpx2.TimeoutException):
        return "it took too long"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
