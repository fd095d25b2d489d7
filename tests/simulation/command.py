"""The `aryl` command, run inside this process."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from aryl import cli


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said and how it ended."""

    exit_code: int
    out: str
    err: str


def aryl(*words: object) -> Answer:
    """Run `aryl WORDS…` as a shell would, in a pipe."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["aryl", *map(str, words)]
    with (
        patch.object(sys, "argv", argv),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            cli.main()
            code: object = 0
        except SystemExit as leave:
            code = leave.code
    return Answer(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
