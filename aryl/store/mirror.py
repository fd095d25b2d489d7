"""All jobs that have not ended, in the scheduler's memory: as the database has them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.records import JobRecord
from aryl.model.queue import JobQueue
from aryl.policy.ranking import RankedQueue
from aryl.policy.rules import Rules
from aryl.store.lives import LIVE, Change, moved


class Mirror:
    """Records by name, and the queue ranked; a change costs what it changes."""

    def __init__(self, rules: Rules, records: Iterable[JobRecord]) -> None:
        """Hold the records of jobs that have not ended."""
        self._records: dict[str, JobRecord] = {}
        self._resized_s: dict[str, float] = {}  # the instant of a running job's last resize
        self._queue = RankedQueue(rules)
        for record in records:
            self.put(record)

    @property
    def records(self) -> Mapping[str, JobRecord]:
        """Jobs that have not ended."""
        return self._records

    def queue(self) -> JobQueue:
        """Those that wait."""
        return self._queue.frozen()

    def after(self, changes: Iterable[Change]) -> list[JobRecord]:
        """What changes make of records, which stay as they are until they are put.

        Several resizes of a job at one instant count once. Raises `InvalidTransition`.
        """
        found: dict[str, JobRecord] = {}
        for change in changes:
            job_id = change.job.id
            record = moved(found.get(job_id, self._records[job_id]), change)
            if change.event is JobEvent.RESIZE and self._resized_s.get(job_id) != change.at_s:
                self._resized_s[job_id] = change.at_s
                record = replace(record, resizes=record.resizes + 1)
            found[job_id] = record
        return [
            replace(record, version=self._records[job_id].version + 1)
            for job_id, record in found.items()
        ]

    def put(self, record: JobRecord) -> None:
        """Take in a job as it stands now; one that has ended is forgotten."""
        before = self._records.get(record.id)
        waited = before is not None and before.state is JobState.QUEUED
        waits = record.state is JobState.QUEUED
        if before is None or before.job is not record.job or waited is not waits:
            if waited:
                self._queue.remove(record.id)
            if waits:
                self._queue.add(record.job)
        if record.state in LIVE:
            self._records[record.id] = record
        else:
            self._records.pop(record.id, None)
            self._resized_s.pop(record.id, None)
