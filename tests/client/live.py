"""Commands that go on until Ctrl-C, as processes of their own."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.service.processes import LIMIT_S, until

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
