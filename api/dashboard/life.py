"""A job's life from its events: stretches of waiting and of running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.schemas.service import EventOut

_TURNS: Final = frozenset({"started", "resized", "preempted"})
_ENDS: Final = frozenset({"finished", "failed", "cancelled"})


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


def stretches(submit_s: float, events: Sequence[EventOut], now: float) -> list[Stretch]:
    """What the job held from its submission to its end, or to now."""
    found: list[Stretch] = []
    since_s, base, flexible = submit_s, 0, 0
    for event in events:
        if event.kind not in _TURNS | _ENDS:
            continue
        found.append(Stretch(since_s, event.t_s, base, flexible))
        since_s = event.t_s
        base, flexible = _workers(event.detail.get("placements", ()))
        if event.kind in _ENDS:
            return _lasting(found)
    return _lasting([*found, Stretch(since_s, max(now, since_s), base, flexible)])


def _workers(placements: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    base = sum(p["workers"] for p in placements if p["kind"] == "base")
    return base, sum(p["workers"] for p in placements) - base


def _lasting(found: Sequence[Stretch]) -> list[Stretch]:
    return [stretch for stretch in found if stretch.seconds > 0]
