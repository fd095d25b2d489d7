"""A job's life from its events: stretches of waiting and running, and each turn's reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.schemas.jobs import JobOut
from api.schemas.service import EventOut

_TURNS: Final = frozenset({"submitted", "started", "resized", "preempted"})
_ENDS: Final = frozenset({"finished", "failed", "cancelled"})
_SAID: Final[Mapping[str, str]] = {
    "submitted": "submitted",
    "cancel_requested": "asked to be cancelled",
    "bounds_changed": "its bounds were changed",
    "checkpoint_reported": "reported a checkpoint",
    "started": "starts",
    "resized": "resized",
    "preempted": "is preempted",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a job held the same; without workers it waited."""

    start_s: float
    end_s: float
    base: int
    flexible: int

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end_s - self.start_s

    @property
    def workers(self) -> int:
        """All its workers, counted in the GPU types of the servers they were on."""
        return self.base + self.flexible


@dataclass(frozen=True, slots=True)
class Turn:
    """What happened to a job at a time, and why."""

    t_s: float
    kind: str
    what: str
    why: str
    plan_id: int | None


def stretches(job: JobOut, events: Sequence[EventOut], now: float) -> list[Stretch]:
    """What the job held from its submission to its end, or to now."""
    found: list[Stretch] = []
    since_s, base, flexible = job.submit_s, 0, 0
    for event in events:
        if event.kind not in _TURNS | _ENDS or event.kind == "submitted":
            continue
        found.append(Stretch(since_s, event.t_s, base, flexible))
        since_s = event.t_s
        base, flexible = _workers(event.detail.get("placements", ()))
        if event.kind in _ENDS:
            return _lasting(found)
    return _lasting([*found, Stretch(since_s, max(now, since_s), base, flexible)])


def turns(events: Sequence[EventOut]) -> list[Turn]:
    """What is told of a job's life, the newest first."""
    return [_turn(event) for event in reversed(events)]


def _turn(event: EventOut) -> Turn:
    why = event.detail.get("reason", {}).get("text", "") or event.detail.get("detail", "")
    what = _SAID.get(event.kind, event.kind)
    if event.kind in {"started", "resized"}:
        base, flexible = _workers(event.detail.get("placements", ()))
        more = f" and {flexible} flexible" if flexible else ""
        joint = "with" if event.kind == "started" else "to"
        what += f" {joint} {base} base{more} {'worker' if base + flexible == 1 else 'workers'}"
    return Turn(event.t_s, event.kind, what, str(why), event.plan_id)


def _workers(placements: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    base = sum(p["workers"] for p in placements if p["kind"] == "base")
    return base, sum(p["workers"] for p in placements) - base


def _lasting(found: Sequence[Stretch]) -> list[Stretch]:
    return [stretch for stretch in found if stretch.seconds > 0]
