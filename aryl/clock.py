"""The only reader of the wall clock, and time that runs faster than it."""

import time
from dataclasses import dataclass

from aryl.engine.ports import Clock

elapsed = time.perf_counter  # times steps, and decides nothing


class SystemClock:
    """Wall time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()


@dataclass(frozen=True, slots=True)
class PacedClock:
    """Cluster time: `origin_s` at the wall time `origin_wall_s`, and `speed` seconds a second."""

    wall: Clock
    origin_wall_s: float
    origin_s: float = 0.0
    speed: float = 1.0

    def now(self) -> float:
        """Seconds of cluster time."""
        return self.origin_s + (self.wall.now() - self.origin_wall_s) * self.speed

    def wall_s_until(self, time_s: float) -> float:
        """Wall seconds until a moment of cluster time; below 0 where it has passed."""
        return (time_s - self.now()) / self.speed
