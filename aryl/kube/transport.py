"""One request to an API server and its answer, or the error that the answer tells of."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as TookTooLong

from aryl.kube.access import Access
from aryl.kube.errors import KubeError, TooMany, Unreachable, error_of
from aryl.kube.paths import Subject, subject

Json = Any  # what orjson reads
Query = Mapping[str, str | int | bool | None]

CONNECT_S = 3.0
READ_S = 15.0  # a page of 500 pods takes the server half a second
TRIES = 3  # of a request that the server puts off
PUT_OFF_S = 2.0  # the longest that one of them is put off; who asks comes back anyway
SAID = 200  # characters of an answer that is no Status
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a server; `path` has no query."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    body: Json = None
    content_type: str = JSON

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return subject(self.method, self.path, is_watch=bool(self.query.get("watch")))


class Transport:
    """Sends requests; safe among threads."""

    def __init__(self, access: Access) -> None:
        """Prepare to speak to a server; nothing is sent yet."""
        self._access = access
        self._closed = threading.Event()

    @property
    def server(self) -> str:
        """The server's address."""
        return self._access.server

    def close(self) -> None:
        """End all waiting, and close the connections that are not in use."""
        self._closed.set()
        self._access.close()

    def answer(self, request: Request) -> Json:
        """The answer, parsed. Raises as `content` does."""
        try:
            return orjson.loads(self.content(request))
        except orjson.JSONDecodeError as error:
            raise Unreachable(self.server, "what answers speaks no JSON") from error

    def content(self, request: Request) -> bytes:
        """The answer as it comes. What the server puts off for moments is tried again.

        Raises `Unreachable` and the `Answered` errors.
        """
        for tried in range(1, TRIES + 1):
            response = self._send(request, preload_content=True)
            if response.status < 300:
                return response.data
            error = _error(request, response, response.data)
            if not isinstance(error, TooMany) or not self._waits(error, tried):
                raise error
        raise AssertionError("the last try answers or raises")

    def stream(self, request: Request, quiet_s: float) -> urllib3.BaseHTTPResponse:
        """An answer whose body is still to come; reading it fails after `quiet_s` of silence.

        Raises as `answer` does.
        """
        response = self._send(request, preload_content=False)
        if response.status == 200:
            _bear(response, quiet_s)
            return response
        try:
            body = response.data
        except HTTPError as error:
            raise Unreachable(self.server, cause_of(error)) from error
        finally:
            response.close()
        raise _error(request, response, body)

    def _waits(self, error: TooMany, tried: int) -> bool:
        """Wait as asked, unless that is long, or was asked too often, or all is over."""
        if tried == TRIES or error.retry_after_s > PUT_OFF_S:
            return False
        return not self._closed.wait(error.retry_after_s)

    def _send(self, request: Request, *, preload_content: bool) -> urllib3.BaseHTTPResponse:
        headers = {"accept": JSON, "content-type": request.content_type}
        try:
            return self._access.pool.request(
                request.method,
                f"{self.server}{request.path}",
                fields=_given(request.query) if request.body is None else None,
                body=None if request.body is None else orjson.dumps(request.body),
                headers=headers | self._access.authorization(),
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                retries=False,
                preload_content=preload_content,
            )
        except HTTPError as error:
            raise Unreachable(self.server, cause_of(error)) from error


def _bear(response: urllib3.BaseHTTPResponse, quiet_s: float) -> None:
    """Let the body of an answer be silent for longer than a head may be late."""
    sock = getattr(response.connection, "sock", None)
    if sock is not None:
        sock.settimeout(quiet_s)


def cause_of(error: HTTPError) -> str:
    """What a failed attempt met, in words that name no object of a library."""
    if isinstance(error, TookTooLong) and not isinstance(error, NewConnectionError):
        return "it took too long"
    words = str(error.args[-1] if error.args else error)
    words = re.sub(r"<[^>]*>[:,]? ?|\w+\(host=.*?\): ", "", words)
    return re.sub(r"\[Errno -?\d+\] ", "", words) or type(error).__name__


def _given(query: Query) -> dict[str, str]:
    """The query as Go reads it."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in query.items()
        if value is not None
    }


def _error(request: Request, response: urllib3.BaseHTTPResponse, body: bytes) -> KubeError:
    asked = response.headers.get("retry-after", "")
    return error_of(
        request.subject,
        response.status,
        _status(body),
        float(asked) if asked.isdecimal() else None,
    )


def _status(body: bytes) -> dict[str, Any]:
    """The `Status` object of an answer; any other text becomes its message."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        return found
    return {"message": body[:SAID].decode(errors="replace").strip()}
