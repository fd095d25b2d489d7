"""Why jobs wait: one row for all jobs of a shape that wait for the same reason (spec §6)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.job import JobSpec
from aryl.model.plain import reason_of, reason_plain
from aryl.model.plan import Waiting
from aryl.model.queue import shape_of
from aryl.model.reason import Reason
from aryl.model.snapshot import Snapshot
from aryl.store.database import Database, replace_rows
from aryl.store.tables import WAITS

ROWS_AT_ONCE: Final = 1_000  # keys in one statement


@dataclass(frozen=True, slots=True)
class Wait:
    """A reason, and since when its code is the same; its numbers may have changed since."""

    reason: Reason
    since_s: float


Waits = dict[str, Wait]  # by key


def job_key(job_id: str) -> str:
    """The key of a job that waits for a reason of its own."""
    return f"job:{job_id}"


def shape_key(spec: JobSpec) -> str:
    """The key of all other jobs of a shape."""
    return "shape:" + "/".join(str(int(part)) for part in shape_of(spec))


def waits_after(before: Waits, snapshot: Snapshot, waiting: Iterable[Waiting]) -> Waits:
    """All rows as a plan of the job scheduler leaves them."""
    after: Waits = {}
    for entry in waiting:
        own = job_key(entry.job_ids[0])
        shared = shape_key(snapshot.queue.jobs[entry.job_ids[0]].spec)
        key, other = (own, shared) if len(entry.job_ids) == 1 else (shared, own)
        known = before.get(key) or before.get(other)
        is_same = known is not None and known.reason.code is entry.reason.code
        since_s = known.since_s if known is not None and is_same else snapshot.now
        after[key] = Wait(entry.reason, since_s)
    return after


def load_waits(connection: Connection) -> Waits:
    """All rows."""
    rows = connection.execute(select(WAITS.c.key, WAITS.c.reason, WAITS.c.since_s))
    return {key: Wait(reason_of(reason), since_s) for key, reason, since_s in rows}


def write_waits(connection: Connection, before: Waits, after: Waits) -> None:
    """Bring the table from one state to the next; what is the same is not touched."""
    gone = [{"gone": key} for key in before if key not in after]
    if gone:
        connection.execute(WAITS.delete().where(WAITS.c.key == bindparam("gone")), gone)
    changed = [
        {"key": key, "reason": reason_plain(wait.reason), "since_s": wait.since_s}
        for key, wait in after.items()
        if before.get(key) != wait
    ]
    replace_rows(connection, WAITS, changed)


@dataclass(frozen=True, slots=True)
class WaitReader:
    """Answers why jobs wait."""

    database: Database

    def of(self, records: Iterable[JobRecord]) -> Mapping[str, tuple[Reason, float]]:
        """The reason of each queued job, and since when; jobs not looked at yet are left out."""
        queued = [record for record in records if record.state is JobState.QUEUED]
        keys = dict.fromkeys(key for record in queued for key in _keys(record))
        found: dict[str, Wait] = {}
        with self.database.read() as connection:
            for some in _parts(list(keys)):
                columns = (WAITS.c.key, WAITS.c.reason, WAITS.c.since_s)
                for row in connection.execute(select(*columns).where(WAITS.c.key.in_(some))):
                    found[row.key] = Wait(reason_of(row.reason), row.since_s)
        waits: dict[str, tuple[Reason, float]] = {}
        for record in queued:
            own, shared = _keys(record)
            wait = found.get(own) or found.get(shared)
            if wait:
                waits[record.id] = (wait.reason, max(wait.since_s, record.queued_since_s))
        return waits


def _keys(record: JobRecord) -> tuple[str, str]:
    return job_key(record.id), shape_key(record.job.spec)


def _parts(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), ROWS_AT_ONCE):
        yield keys[start : start + ROWS_AT_ONCE]
