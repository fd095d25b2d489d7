"""The tests' own way to speak to an API server: raw JSON, and nothing of Aryl's."""

import json
import socket
import ssl
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 60.0
KINDS = {"merge": "application/merge-patch+json", "json": "application/json-patch+json"}

Raw = dict[str, Any]


class Refused(Exception):
    """The server's answer is a failure: `status` is the code, `body` what it said."""

    def __init__(self, request: str, status: int, body: Raw) -> None:
        super().__init__(f"{request}: {status} {body.get('message', body)}")
        self.status = status
        self.body = body


class Watch:
    """The events of one watch, until the server ends it or somebody closes it."""

    def __init__(self, connection: HTTPSConnection, answer: HTTPResponse) -> None:
        self._connection = connection
        self._answer = answer

    def __iter__(self) -> Iterator[Raw]:
        """Each event, as the server sends it: `type` and `object`."""
        with suppress(OSError, HTTPException, ValueError, AttributeError):  # it was cut, or closed
            while line := self._answer.readline():
                yield json.loads(line)

    def cut(self) -> None:
        """End it from another thread: the reader's loop comes to its end."""
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give its connection back."""
        self._answer.close()
        self._connection.close()


class Api:
    """One user's connection to a server; any thread may use it."""

    def __init__(self, server: str, trusted: ssl.SSLContext, token: str = "") -> None:
        self.server = server
        self._host = urlsplit(server).netloc
        self._trusted = trusted
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._idle: deque[HTTPSConnection] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop().close()

    def get(self, path: str, **query: Any) -> Raw:
        """One object, or a list as the server gives it."""
        return self.ask("GET", path, query=query)

    def find(self, path: str) -> Raw | None:
        """One object, or None where there is none."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def list(self, path: str, **query: Any) -> Sequence[Raw]:
        """All objects of a list."""
        return self.get(path, **query)["items"] or []

    def create(self, path: str, body: Raw, **query: Any) -> Raw:
        return self.ask("POST", path, body, query=query)

    def replace(self, path: str, body: Raw) -> Raw:
        return self.ask("PUT", path, body)

    def patch(self, path: str, body: Raw | Sequence[Raw], kind: str = "merge") -> Raw:
        """Change an object by a `merge` or a `json` patch."""
        return self.ask("PATCH", path, body, content=KINDS[kind])

    def delete(
        self, path: str, grace_s: int | None = None, uid: str | None = None, **query: Any
    ) -> None:
        """Delete an object, or all of a list; one that is not there, or is another, is let be."""
        options: Raw = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self.ask("DELETE", path, options, query=query)
        except Refused as refused:
            if refused.status not in {404, 409}:
                raise

    def watch(self, path: str, resource_version: str, **query: Any) -> Watch:
        """Follow a list from a version on."""
        connection = self._connect()
        words = query | {"watch": "true", "resourceVersion": resource_version}
        try:
            connection.request("GET", f"{path}?{urlencode(words)}", headers=self._headers)
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        if answer.status != 200:
            said = answer.read()
            connection.close()
            raise Refused(f"watch {path}", answer.status, _parsed(said))
        if connection.sock is not None:
            connection.sock.settimeout(None)  # a quiet watch is no dead one
        return Watch(connection, answer)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        content: str = "application/json",
    ) -> Raw:
        """One request and its answer.

        Raises:
            Refused: the server says no.
            OSError, HTTPException: it cannot be reached, or broke off.

        """
        target = f"{path}?{urlencode(query)}" if query else path
        payload = None if body is None else json.dumps(body).encode()
        headers = self._headers | {"Content-Type": content, "Accept": "application/json"}
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            connection.request(method, target, payload, headers)
            answer = connection.getresponse()
            said = answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if answer.status >= 400:
            raise Refused(f"{method} {target}", answer.status, _parsed(said))
        return _parsed(said)

    def _connect(self) -> HTTPSConnection:
        return HTTPSConnection(self._host, timeout=TIMEOUT_S, context=self._trusted)


def _parsed(said: bytes) -> Raw:
    try:
        parsed: Raw = json.loads(said)
    except ValueError:  # "ok", or a proxy's page
        return {"message": said.decode(errors="replace")}
    return parsed
