"""Why a job waits, for pods that the plan has no place for: as the job scheduler wrote it down."""

from collections.abc import Sequence
from dataclasses import dataclass

from aryl.store import UNAVAILABLE, ServiceStore


@dataclass(frozen=True, slots=True)
class StoredReasons:
    """Reads reasons from a database; what is not known, or not now, is None."""

    store: ServiceStore

    def __call__(self, job_ids: Sequence[str]) -> str | None:
        """Why the first job that is known waits; None if it does not, or none of them is known."""
        try:
            found = (self.store.jobs.get(job_id) for job_id in job_ids)
            record = next((record for record in found if record is not None), None)
            wait = self.store.waits.of([record]).get(record.id) if record else None
        except UNAVAILABLE:
            return None
        return f"Aryl lets job {record.id} wait: {wait[0].text}" if record and wait else None
