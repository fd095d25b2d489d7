"""The file in which an emulated cluster lives: what runs, what is lent, what has ended.

Each change is one transaction, so that a killed process leaves the cluster whole. The file survives
the process, not a power failure: it stands for machines that nobody has to emulate twice.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Ending
from aryl.model.cluster import Cluster, Loan
from aryl.model.errors import BadInput, LeaseLost
from aryl.model.job import Job
from aryl.model.plain import cluster_plain, job_of, job_plain, loan_of, loan_plain

TABLES = """
CREATE TABLE IF NOT EXISTS running (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ended (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS loans (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""
BUSY_S = 30.0

# What is raised where the file is locked or can't be written: it may be better later.
AWAY: tuple[type[Exception], ...] = (sqlite3.OperationalError,)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds; `now` is the moment of its last change."""

    running: tuple[Job, ...]
    endings: tuple[Ending, ...]
    loans: tuple[Loan, ...]
    version: int
    now: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What one event or action changes."""

    running: tuple[Job, ...] = ()
    ended: tuple[Ending, ...] = ()
    forgotten: tuple[str, ...] = ()
    loans: tuple[Loan, ...] = ()
    returned: tuple[str, ...] = ()


class ClusterFile:
    """An SQLite file that one scheduler's term may write."""

    def __init__(self, path: Path, cluster: Cluster, service: str, term: int) -> None:
        """Open the file for a service's term.

        Raises `LeaseLost` where the term is old, and `BadInput` where the file is another
        service's or holds a cluster of another shape.
        """
        self._path, self._term = path, term
        self._rows = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        # each row is fetched: a statement that still has one holds up the next commit
        for setting in ("journal_mode=WAL", "synchronous=NORMAL"):
            self._rows.execute(f"PRAGMA {setting}").fetchall()
        self._rows.executescript(TABLES)
        shape = json.dumps(cluster_plain(cluster))
        with self._alone():
            if self._fact("service", service) != service:
                problem = "is the cluster of another service"
                raise BadInput(str(path), problem, expected="its own database, or a new file")
            if self._fact("shape", shape) != shape:
                problem = "holds a cluster of another shape"
                raise BadInput(str(path), problem, expected="its own shape, or a new file")
            if int(self._fact("term", "0")) > term:
                raise LeaseLost(f"{path}: a later term has opened the emulated cluster")
            self._put("service", service)
            self._put("shape", shape)
            self._put("term", str(term))

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

    def read(self) -> Kept:
        """Everything in it."""
        return Kept(
            running=tuple(job_of(body) for body in self._bodies("running")),
            endings=tuple(
                Ending(job_of(body["job"]), JobEvent(body["event"]), body["at_s"])
                for body in self._bodies("ended")
            ),
            loans=tuple(loan_of(body) for body in self._bodies("loans")),
            version=int(self._fact("version", "0")),
            now=float(self._fact("now", "0.0")),
        )

    def write(self, changes: Changes, version: int, now: float) -> None:
        """Keep what has changed. Raises `LeaseLost` where a later term has opened the file."""
        with self._alone():
            if int(self._fact("term", "0")) != self._term:
                raise LeaseLost(f"{self._path}: a later term has opened the emulated cluster")
            for job in changes.running:
                self._set("running", job.id, job_plain(job))
            for ending in changes.ended:
                self._drop("running", ending.job.id)
                body = {"job": job_plain(ending.job), "event": ending.event.value}
                self._set("ended", ending.job.id, body | {"at_s": ending.at_s})
            for job_id in changes.forgotten:
                self._drop("ended", job_id)
            for loan in changes.loans:
                self._set("loans", loan.server_id, loan_plain(loan))
            for server_id in changes.returned:
                self._drop("loans", server_id)
            self._put("version", str(version))
            self._put("now", repr(now))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._rows.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._rows.execute("COMMIT")
        except BaseException:
            self._rows.execute("ROLLBACK")
            raise

    def _bodies(self, table: str) -> Iterator[dict[str, Any]]:
        for (body,) in self._rows.execute(f"SELECT body FROM {table} ORDER BY id"):  # noqa: S608 - our own table names
            yield json.loads(body)

    def _set(self, table: str, name: str, body: object) -> None:
        sql = f"INSERT OR REPLACE INTO {table} VALUES (?, ?)"  # noqa: S608 - our own table names
        self._rows.execute(sql, (name, json.dumps(body)))

    def _drop(self, table: str, name: str) -> None:
        self._rows.execute(f"DELETE FROM {table} WHERE id = ?", (name,))  # noqa: S608 - our own table names

    def _fact(self, name: str, default: str) -> str:
        rows = self._rows.execute("SELECT body FROM facts WHERE name = ?", (name,)).fetchall()
        return str(rows[0][0]) if rows else default

    def _put(self, name: str, body: str) -> None:
        self._rows.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, body))
