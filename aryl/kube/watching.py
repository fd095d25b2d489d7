"""A stream of events about the objects of a list."""

from collections.abc import Iterator
from typing import Any, Self

import orjson
import urllib3
from urllib3.exceptions import HTTPError

from aryl.kube.errors import Unreachable, error_of
from aryl.kube.paths import Subject
from aryl.kube.transport import cause_of


class Watch:
    """Raw events as they come: `{"type": …, "object": …}`, bookmarks among them.

    Ends where the server ends it. Raises `Gone` and the other `Answered` errors where the stream
    says so, `Unreachable` where it is silent for too long or breaks off.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse, about: Subject, server: str) -> None:
        """Read from an answer whose body is still to come."""
        self._response = response
        self._about = about
        self._server = server
        self._is_stopped = False

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connection."""
        self._response.close()

    def stop(self) -> None:
        """End the stream, from another thread than the one that reads it."""
        self._is_stopped = True
        try:
            self._response.shutdown()
        except (OSError, RuntimeError, ValueError):
            return  # it has ended by itself

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The events, one by one."""
        for line in self._lines():
            event = self._parsed(line)
            if event["type"] == "ERROR":
                status = event.get("object") or {}
                raise error_of(self._about, int(status.get("code") or 500), status)
            yield event

    def _lines(self) -> Iterator[bytes]:
        """Whole lines; a piece of a line waits for its rest."""
        pieces: list[bytes] = []
        try:
            for chunk in self._response.read_chunked():
                *ends, rest = chunk.split(b"\n")
                for end in ends:
                    yield b"".join([*pieces, end])
                    pieces = []
                pieces.append(rest)
        except (HTTPError, ValueError) as error:  # TLS calls a socket that we shut a bad value
            if self._is_stopped:
                return
            if not isinstance(error, HTTPError):
                raise
            raise Unreachable(self._server, cause_of(error)) from error

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Unreachable(self._server, "a watch that speaks no JSON") from error
        return event if isinstance(event, dict) else {"type": "ERROR"}
