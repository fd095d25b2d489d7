"""Spreads writes over time, so that a burst of ours leaves the API server to others."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Throttle:
    """A bucket of tokens: `burst` writes at once, then `rate_per_s`; safe among threads.

    `now` tells seconds that never go back; `wait` lets that many seconds pass.
    """

    rate_per_s: float
    burst: int
    now: Callable[[], float]
    wait: Callable[[float], object]
    _free_s: float = field(init=False, default=float("-inf"))  # when the bucket was empty, drawn on
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """A rate and a burst must let something through."""
        assert self.rate_per_s > 0
        assert self.burst >= 1

    def take(self) -> float:
        """Let one write pass, after its turn has come; the seconds it waited.

        Each takes its turn at once and waits for it outside the lock, first come, first served.
        """
        with self._lock:
            now_s = self.now()
            full_s = now_s - self.burst / self.rate_per_s
            self._free_s = max(self._free_s, full_s) + 1 / self.rate_per_s
            wait_s = max(0.0, self._free_s - now_s)
        if wait_s > 0:
            self.wait(wait_s)
        return wait_s
