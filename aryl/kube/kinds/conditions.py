"""Conditions in Kubernetes' style: how other controllers say that something has ended."""

from collections.abc import Mapping
from typing import Any

from aryl.engine.lifecycle import JobEvent

Ended = tuple[JobEvent, str]


def ended_by(status: Mapping[str, Any], events: Mapping[str, JobEvent]) -> Ended | None:
    """The event of the first condition that holds and means one, with its sentence."""
    for condition in status.get("conditions") or ():
        event = events.get(condition.get("type", ""))
        if event is not None and condition.get("status") == "True":
            said = condition.get("message") or condition.get("reason") or condition["type"]
            return event, str(said)
    return None
