"""Follows one job to its end."""

from collections.abc import Callable

from aryl.client.ask import Json
from aryl.client.errors import Busy, Unreachable
from aryl.client.service import Service
from aryl.client.waiting import Pause

ENDED = frozenset({"finished", "failed", "cancelled"})
POLL_S = 1.0
PATIENCE = 300  # looks in a row without an answer: a service is back by then, or never


def end_of(service: Service, job: Json, say: Callable[[str], None], wait: Pause) -> Json:
    """The job once it has ended; `say` hears what it goes through.

    The service may be away for a while. Raises `Unreachable` or `Busy` where it does not come back.
    """
    told = ""
    misses = 0
    while True:
        if (line := _line(job)) != told:
            say(line)
            told = line
        if job["state"] in ENDED:
            return job
        wait(POLL_S)
        try:
            job = service.job(job["id"])
            misses = 0
        except (Unreachable, Busy):
            misses += 1
            if misses >= PATIENCE:
                raise


def _line(job: Json) -> str:
    """How the job stands, in one line."""
    if job["state"] == "queued" and job["wait"]:
        return f"{job['id']} is queued: it {job['wait']['text']}"
    if job["state"] == "running":
        return f"{job['id']} is running on {job['gpus']} GPUs"
    return f"{job['id']} is {job['state']}"
