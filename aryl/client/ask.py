"""What is asked of a service: one request as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Json = Any  # what json.loads answers
Query = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request; `is_repeatable`: asking twice does no more than asking once."""

    method: str = "GET"
    path: str
    query: Query = field(default_factory=dict)
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How to follow events: after which one, and what silence means."""

    last_event_id: str = ""
    quiet_s: float = 60.0  # heartbeats come every few seconds: a stream as silent as that is dead
    ends_when_quiet: bool = False


def path_of(*parts: str) -> str:
    """A path whose parts may be any text."""
    return "/".join(quote(part, safe="") for part in parts)
