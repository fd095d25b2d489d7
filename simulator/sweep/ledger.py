"""The cells that have been run, each in a folder of its own: what a sweep goes on from.

A folder appears only when it is complete, so that a sweep killed at any moment loses nothing but
the cells that were under way.
"""

import fcntl
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aryl.model.errors import BadInput
from simulator.sweep.work import Failure, Figures

_LOCK = ".lock"
_SUMMARY, _TIMING, _CELL, _ERROR = "summary.json", "timing.json", "cell.json", "error.txt"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep every other sweep out of the folder, which is made. Raises `BadInput`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / _LOCK).open("a")
    except OSError as error:
        problem = f"can't be written to: {error.strerror}"
        raise BadInput("--out", problem, value=str(out), expected="a folder of yours") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            expected = "a folder of its own for each sweep"
            problem = "is being written to by another sweep"
            raise BadInput("--out", problem, value=str(out), expected=expected) from error
        yield


class Ledger:
    """The finished cells of a folder, which several sweeps may share, one after the other."""

    def __init__(self, cells: Path) -> None:
        """Look into `cells`, which need not be there."""
        self._cells = cells

    def finished(self, keys: Iterable[str]) -> dict[str, Figures]:
        """The figures of those of the keys whose cells have been run."""
        found = {}
        for key in keys:
            summary, timing = (_read(self._cells / key / name) for name in (_SUMMARY, _TIMING))
            if summary is not None and timing is not None:
                found[key] = Figures(summary, timing)
        return found

    def keep(self, key: str, coordinates: Mapping[str, Any], outcome: Figures | Failure) -> None:
        """Write down how a cell ended; a failed one counts as not run."""
        part = self._cells / f".{key}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write(part / _CELL, coordinates)
        if isinstance(outcome, Failure):
            (part / _ERROR).write_text(f"{outcome.error}\n\n{outcome.trace}", encoding="utf-8")
        else:
            _write(part / _SUMMARY, outcome.summary)
            _write(part / _TIMING, outcome.timing)
        shutil.rmtree(self._cells / key, ignore_errors=True)  # of an attempt that failed
        part.rename(self._cells / key)


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _read(file: Path) -> dict[str, Any] | None:
    """A JSON file's content; None where there is none or it can't be parsed."""
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content
