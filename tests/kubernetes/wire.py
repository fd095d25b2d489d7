"""A wire to the API server that can be cut, or go dead without a word."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import urlsplit


@dataclass
class Wire:
    """Hands on bytes in both directions, on any number of connections."""

    door: socket.socket
    target: tuple[str, int]
    _ends: list[socket.socket] = field(default_factory=list)
    _threads: list[Thread] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _dead: set[int] = field(default_factory=set)  # connections that say no more

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.door.getsockname()[1]}"

    def cut(self) -> None:
        """End all connections there are; new ones can be made."""
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def deaden(self) -> None:
        """All connections there are stay open, and nothing comes through; new ones are well."""
        with self._lock:
            self._dead |= {end.fileno() for end in self._ends}

    def serve(self) -> None:
        """Accept connections until the door is shut."""
        while True:
            try:
                caller, _ = self.door.accept()
                callee = socket.create_connection(self.target)
            except OSError:
                return
            with self._lock:
                self._dead -= {caller.fileno(), callee.fileno()}
                self._ends += [caller, callee]
            for one, other in ((caller, callee), (callee, caller)):
                thread = Thread(target=self._hand_on, args=(one, other))
                thread.start()
                self._threads.append(thread)

    def close(self) -> None:
        """End everything."""
        self.door.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()

    def _hand_on(self, one: socket.socket, other: socket.socket) -> None:
        number = one.fileno()
        with suppress(OSError):
            while told := one.recv(65_536):
                if number not in self._dead:
                    other.sendall(told)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def wired(server: str) -> Iterator[Wire]:
    """A wire to a server, for a block."""
    where = urlsplit(server)
    assert where.hostname
    assert where.port
    with socket.create_server(("127.0.0.1", 0)) as door:
        wire = Wire(door, (where.hostname, where.port))
        thread = Thread(target=wire.serve)
        thread.start()
        try:
            yield wire
        finally:
            wire.close()
            thread.join()


def over(wire: Wire, kubeconfig: Path) -> Path:
    """The same kubeconfig, by way of the wire."""
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = wire.address
    path = kubeconfig.with_suffix(".wired")
    path.write_text(json.dumps(config))
    return path
