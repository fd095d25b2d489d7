"""The time that each step of a cycle takes."""

from collections.abc import Callable

from prometheus_client import Histogram

from aryl.engine.cycle import Step, Timer
from aryl.metrics.families import TIMED


class StepTimer:
    """Measures from step to step; its `reached` is what `Ports.reached` asks for.

    The first step of a cycle ends when its time begins: nobody tells when a cycle does.
    """

    def __init__(self, elapsed: Timer, seconds: Histogram) -> None:
        """Start where time stands now."""
        self._elapsed = elapsed
        self._observe: dict[Step, Callable[[float], None]] = {
            step: seconds.labels(step.value).observe for step in TIMED
        }
        self._since = elapsed()
        self._acting_s = 0.0

    def reached(self, step: Step) -> None:
        """A step is done; actions are told of one by one, and summed up."""
        now = self._elapsed()
        taken_s, self._since = now - self._since, now
        if step is Step.OBSERVED:
            self._acting_s = 0.0
        elif step is Step.ACTED:
            self._acting_s += taken_s
        else:
            if step is Step.SETTLED:
                self._observe[Step.ACTED](self._acting_s)
            self._observe[step](taken_s)
