"""Virtual time: it stands still until the replay moves it."""


class VirtualClock:
    """A Clock that the replay sets."""

    def __init__(self) -> None:
        """Start at the trace's beginning."""
        self._now = 0.0

    def now(self) -> float:
        """Seconds since the trace's start."""
        return self._now

    def move_to(self, time_s: float) -> None:
        """Let time pass, never backwards."""
        assert time_s >= self._now, "time does not run backwards"
        self._now = time_s
