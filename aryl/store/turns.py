"""Whose turn it is to write to a SQLite file, among the processes of one machine.

A process that finds SQLite's own lock taken looks again after ever longer pauses, up to 0.1 s:
beside one that writes with hardly a rest, it would wait for a second now and then. A lock of the
kernel's wakes it at once. SQLite's lock still is what keeps writes apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import BinaryIO


@contextmanager
def turn(database: Path) -> Iterator[None]:
    """Hold the turn at a database, once those who have asked before have had theirs."""
    queue = _queue(database)
    if queue is None:
        yield
        return
    with queue:
        flock(queue, LOCK_EX)
        yield


def _queue(database: Path) -> BinaryIO | None:
    """A file beside the database; None where there can't be one: SQLite will say why."""
    try:
        return database.with_name(f"{database.name}-turn").open("ab")
    except OSError:
        return None
