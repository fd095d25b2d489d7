"""Processes of `aryl serve` for a benchmark: started, asked and stopped."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from aryl.store import Database, Principal, Role, ServiceStore
from tests.ports import free_port

PATIENCE_S = 60.0
HOST = "127.0.0.1"
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a service; `log` is what it says on standard error."""

    role: str
    port: int
    popen: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, token: str = "") -> tuple[int, str]:
        """Status and body of an answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with closing(HTTPConnection(HOST, self.port, timeout=30)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def json(self, path: str, token: str) -> Any:  # noqa: ANN401 - whatever it answers
        """An answer, parsed."""
        status, body = self.get(path, token)
        assert status == 200, f"{path}: {status} {body}"
        return json.loads(body)

    def total(self, series: str, token: str) -> float:
        """The sum of a series over all its labels."""
        return sum(value for (name, _), value in self.samples(token).items() if name == series)

    def samples(self, token: str) -> Mapping[tuple[str, str], float]:
        """What its metrics show, by name and labels."""
        status, text = self.get("/metrics", token)
        assert status == 200, text
        return {(name, labels): float(value) for name, labels, value in _SAMPLE.findall(text)}

    @property
    def rss_mib(self) -> float:
        """The memory that it holds."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match, "the process runs"
        return int(match[1]) / 1024

    @property
    def cpu_s(self) -> float:
        """The processor seconds that it has used."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_ready(self) -> bool:
        """Whether it does what its role asks."""
        assert self.popen.poll() is None, f"{self.role} has stopped:\n{self.log.read_text()}"
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, HTTPException):
            return False


@contextmanager
def serving(role: str, url: str, work: Path, words: Sequence[str] = ()) -> Iterator[Process]:
    """A process of `aryl serve` on a database, once it is ready; stopped at the end."""
    port, log = free_port(), work / f"{role}.log"
    command = [sys.executable, "-m", "aryl", "serve", "--role", role, "--port", str(port), *words]
    with log.open("wb") as said:
        popen = subprocess.Popen(  # noqa: S603 - our own words
            command, cwd=work, env=os.environ | {"ARYL_DATABASE_URL": url}, stderr=said
        )
    process = Process(role, port, popen, log)
    try:
        wait_until(process.is_ready)
        yield process
    finally:
        popen.terminate()
        popen.wait(PATIENCE_S)


def new_token(url: str, role: Role) -> str:
    """The secret of a new token on a database that has a schema."""
    with closing(Database(url)) as database:
        tokens = ServiceStore.on(database, time.time).tokens
        return tokens.create("bench", role, Principal("bench", Role.OPERATOR)).secret


def wait_until(holds: Callable[[], bool]) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s"
        time.sleep(0.1)
