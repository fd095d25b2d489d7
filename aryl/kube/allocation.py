"""What a job holds, written on the object that describes it: the cluster's own memory of a plan.

A plan's action on a job is one write of this annotation. Pods follow from it, however often the
daemon dies on the way.
"""

import json
from dataclasses import dataclass

from aryl.model.job import Job
from aryl.model.plain import job_of, job_plain


@dataclass(frozen=True, slots=True)
class Allocation:
    """A running job as the last plan left it; `term` is that of the scheduler that wrote it."""

    job: Job
    term: int


def allocation_text(allocation: Allocation) -> str:
    """The annotation's value."""
    return json.dumps({"job": job_plain(allocation.job), "term": allocation.term})


def allocation_of(text: str) -> Allocation:
    """What `allocation_text` wrote. Raises `ValueError`, `KeyError` or `TypeError` otherwise."""
    plain = json.loads(text)
    return Allocation(job_of(plain["job"]), int(plain["term"]))
