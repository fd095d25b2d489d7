"""Whose turn it is to write to a SQLite file, among the processes of one machine.

A process that finds SQLite's own lock taken looks again after ever longer pauses, up to 0.1 s:
beside one that writes with hardly a rest, it would wait for a second now and then. A lock of the
kernel's wakes it at once. SQLite's lock still is what keeps writes apart.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from weakref import finalize


class Turns:
    """The queue at one database; its threads come one at a time."""

    def __init__(self, database: Path) -> None:
        """Open nothing yet."""
        self._path = database.with_name(f"{database.name}-turn")
        self._file: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the turn, once those who have asked before have had theirs."""
        if self._file is None:
            self._file = self._opened()
        if self._file is None:
            yield
            return
        flock(self._file, LOCK_EX)
        try:
            yield
        finally:
            flock(self._file, LOCK_UN)

    def _opened(self) -> int | None:
        """A file beside the database; None where there can't be one: SQLite will say why.

        It stays open, as opening one may have to wait for the disk.
        """
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:
            return None
        finalize(self, os.close, file)
        return file
