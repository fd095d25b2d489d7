"""Services as processes of their own, spoken to over HTTP."""

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0

STARTED: list[subprocess.Popen[str]] = []  # whoever starts one sees to its end

T = TypeVar("T")


@dataclass
class Process:
    """A running service; `address` is where it answers, `trusted` what its certificate needs."""

    popen: subprocess.Popen[str]
    address: str
    trusted: ssl.SSLContext | bool = True

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def get(self, path: str, **options: Any) -> Any:
        answer = httpx2.get(f"{self.address}{path}", timeout=10.0, verify=self.trusted, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, **job: Any) -> str:
        answer = httpx2.post(f"{self.address}/api/v1/jobs", json=job, timeout=10.0)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end; one that has ended already is left alone."""
        answer = httpx2.delete(f"{self.address}/api/v1/jobs/{job_id}", timeout=10.0)
        assert answer.status_code in {202, 409}, answer.text

    def kill(self) -> None:
        """Let it die without a word."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(LIMIT_S)

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(LIMIT_S)


def started(command: Sequence[str], log: Path, trusted: ssl.SSLContext | bool = True) -> Process:
    """A service, once it has said where it listens and answers there."""
    with log.open("w") as out:
        popen = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *command],
            stderr=out,
            stdout=out,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    STARTED.append(popen)

    def address() -> str | None:
        found = re.findall(r"metrics +(http\S+)/metrics", log.read_text())
        if popen.poll() is not None:
            raise AssertionError(f"it ended with {popen.returncode}:\n{log.read_text()}")
        return found[-1] if found else None

    process = Process(popen, until(address), trusted)
    until(lambda: address() and _answers(process))
    return process


def until(look: Callable[[], T | None], limit_s: float = LIMIT_S) -> T:
    """What a look finds, as soon as it finds something."""
    give_up_s = time.monotonic() + limit_s  # noqa: TID251 - the test waits for another process
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > give_up_s:  # noqa: TID251 - see above
            raise AssertionError(f"it did not come about in {limit_s} s")
        time.sleep(0.02)  # noqa: TID251 - see above


def _answers(process: Process) -> bool:
    try:
        health = httpx2.get(f"{process.address}/healthz", timeout=1.0, verify=process.trusted)
    except httpx2.TransportError:
        return False
    return health.status_code == 200
