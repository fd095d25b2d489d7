"""What goes on until Ctrl-C: --watch, top and events --follow, over restarts of the service."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client.stage import serve
from tests.service.processes import LIMIT_S, Process, until

STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Screen:
    """A command that goes on, and what it has shown."""

    popen: subprocess.Popen[bytes]
    output: int
    seen: str = ""

    def shows(self, text: str) -> bool:
        """Read on until it has shown a text."""

        def look() -> bool:
            self._read()
            return text in self.seen

        return until(look)

    def interrupt(self) -> int:
        """Press Ctrl-C; the exit code."""
        self.popen.send_signal(signal.SIGINT)
        code = self.popen.wait(LIMIT_S)
        self._read()
        return code

    def _read(self) -> None:
        try:
            while more := os.read(self.output, 65_536):
                self.seen += STEERING.sub("", more.decode(errors="replace"))
        except OSError:  # nothing more, for now or for good
            return


@contextmanager
def going_on(*words: str, on_terminal: bool = False) -> Iterator[Screen]:
    """The command, run as a process of its own, on a terminal or into a pipe."""
    ours, theirs = pty.openpty() if on_terminal else os.pipe()
    os.set_blocking(ours, False)
    command = [sys.executable, "-m", "aryl", *words]
    popen = subprocess.Popen(command, stdout=theirs, stderr=theirs)  # noqa: S603 - our own command
    os.close(theirs)
    try:
        yield Screen(popen, ours)
    finally:
        popen.kill()
        popen.wait()
        os.close(ours)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["top"], "running  1"),
        (["jobs", "--watch"], "watched"),
        (["job", "watched-job", "--watch"], "8 GPUs: 1 base workers"),
        (["pools", "--watch"], "training"),
    ],
)
def test_a_screen_is_redrawn_until_ctrl_c(service: Process, words: list[str], shown: str) -> None:
    name = f"watched-{words[0]}"
    service.submit(id=name, name=name, num_gpus=8, duration_s=360_000)
    until(lambda: service.get(f"/api/v1/jobs/{name}")["state"] == "running")

    with going_on(*words, on_terminal=True) as screen:
        assert screen.shows(shown)
        screen.seen = ""
        assert screen.shows(shown)
        assert screen.interrupt() == 0

    assert "Traceback" not in screen.seen


def test_in_a_pipe_one_answer_follows_the_other(service: Process) -> None:
    with going_on("pools", "--watch", "--json") as screen:
        assert until(lambda: screen.shows("inference") and screen.seen.count('"items"') > 1)
        assert screen.interrupt() == 0

    first, _ = json.JSONDecoder().raw_decode(screen.seen)
    assert first["items"] == service.get("/api/v1/pools")["items"]


def test_a_watch_that_never_saw_the_service_fails(home: Path) -> None:
    assert home.is_dir()

    words = ("jobs", "--watch", "--server", "http://127.0.0.1:9")
    with going_on(*words, on_terminal=True) as screen:
        assert screen.popen.wait(LIMIT_S) == 1
        assert screen.shows("no answer from http://127.0.0.1:9")


def test_events_and_screens_go_on_when_the_service_comes_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = serve(home)
    monkeypatch.setenv("ARYL_SERVER", process.address)
    port = int(process.address.rpartition(":")[2])
    process.submit(id="before", name="before", num_gpus=1, duration_s=36_000)

    with (
        going_on("events", "--follow", "--json") as events,
        going_on("jobs", "--watch", on_terminal=True) as screen,
    ):
        assert events.shows('"job_id": "before"')
        assert screen.shows("before")
        process.kill()
        assert screen.shows("trying again")
        process = serve(home, port)
        process.submit(id="after", name="after", num_gpus=1, duration_s=36_000)
        assert events.shows('"job_id": "after"')
        assert screen.shows("after")
        assert (events.interrupt(), screen.interrupt()) == (0, 0)
    process.stop()

    lines = [line for line in events.seen.splitlines() if line.startswith("{")]
    ids = [json.loads(line)["id"] for line in lines]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
