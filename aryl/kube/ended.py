"""How a job ended, written on the object that describes it, until the object itself is deleted."""

import json
from dataclasses import replace

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Ending
from aryl.model.job import Job
from aryl.model.plain import job_of, job_plain


def ended_text(ending: Ending) -> str:
    """The annotation's value."""
    return json.dumps(
        {
            "event": ending.event.value,
            "at_s": ending.at_s,
            "detail": ending.detail,
            "job": job_plain(ending.job),
        }
    )


def ended_of(text: str) -> Ending:
    """What `ended_text` wrote. Raises `ValueError`, `KeyError`, `TypeError` or `AttributeError`."""
    plain = json.loads(text)
    event = JobEvent(plain["event"])
    return Ending(job_of(plain["job"]), event, float(plain["at_s"]), str(plain.get("detail", "")))


def left_by(job: Job, event: JobEvent, now: float) -> Job:
    """A job as it ends: without workers, and with all its work done where it has finished."""
    done = job.spec.work if event is JobEvent.FINISH else job.done_by(now)
    return replace(job, placements=(), done=done, progress_s=now, speed=0.0)
