"""Servers that fail: a proxy that loses answers, and one that says what it is told to say."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit

Answer = Callable[[bytes, int], bytes]  # to a request that so many others came before

END_OF_HEAD = b"\r\n\r\n"


@dataclass
class Faulty:
    """Answers one request a connection; `requests` are those that came, as bytes."""

    address: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def losing(address: str, answers: int) -> Iterator[Faulty]:
    """A proxy that hands on every request, and loses the first so many answers."""
    where = urlsplit(address)
    assert where.hostname
    target = (where.hostname, where.port or 80)

    def answer(request: bytes, number: int) -> bytes:
        with socket.create_connection(target) as upstream:
            upstream.sendall(request)
            told = _all_of(upstream)
        return b"" if number < answers else told

    with _listening(answer) as faulty:
        yield faulty


@contextmanager
def saying(answers: Sequence[bytes], tls: ssl.SSLContext | None = None) -> Iterator[Faulty]:
    """A server that gives these answers in turn, and the last of them from then on."""
    with _listening(lambda _, number: answers[min(number, len(answers) - 1)], tls) as faulty:
        yield faulty


def response(status: int, body: str = "", *headers: str) -> bytes:
    """An answer as bytes."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close"]
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n" + body).encode()


@contextmanager
def _listening(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Faulty]:
    scheme = "https" if tls else "http"
    with socket.create_server(("127.0.0.1", 0)) as door:
        faulty = Faulty(f"{scheme}://127.0.0.1:{door.getsockname()[1]}")
        thread = Thread(target=_serve, args=(door, faulty, answer, tls))
        thread.start()
        try:
            yield faulty
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(door: socket.socket, faulty: Faulty, answer: Answer, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            caller, _ = door.accept()
        except OSError:  # the door has been closed
            return
        told = caller
        if tls:
            told = tls.wrap_socket(caller, server_side=True, do_handshake_on_connect=False)
        with suppress(OSError), told:  # they hang up where they don't trust us
            request = _request_of(told)
            faulty.requests.append(request)
            told.sendall(answer(request, len(faulty.requests) - 1))


def _request_of(caller: socket.socket) -> bytes:
    """One request, which asks for the connection to be closed after it."""
    request = b""
    while END_OF_HEAD not in request:
        request += caller.recv(65_536)
    head, _, body = request.partition(END_OF_HEAD)
    found = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    length = int(found[1]) if found else 0
    while len(body) < length:
        body += caller.recv(65_536)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + END_OF_HEAD + body


def _all_of(upstream: socket.socket) -> bytes:
    told = b""
    while more := upstream.recv(65_536):
        told += more
    return told
