"""When the two loops are due (paper §1): the same in virtual time and by the wall clock.

The orchestrator looks at loans every `orchestrator_s`; the job scheduler runs whenever something
changed, at most every `cycle_s` (spec §4 "Cycles"), and under policies whose answer depends on time
alone also when `reconsider_s` have gone by.
"""

from math import inf

from aryl.model.snapshot import Due
from aryl.policy.config import PolicyConfig


class Pacing:
    """What wants to run, and when it may."""

    def __init__(self, config: PolicyConfig) -> None:
        """Start with nothing to do."""
        self._cycle_s = config.cycle_s
        self._reconsider_s = max(config.reconsider_s or inf, config.cycle_s)
        self._one_plan_for_both = config.decision_latency_s > 0
        self._last_schedule_s = -inf
        self._wants_schedule = self._wants_orchestrate = False

    def changed(self) -> None:
        """Something that the job scheduler looks at has changed."""
        self._wants_schedule = True

    def tick(self) -> None:
        """It is time to look at loans."""
        self._wants_orchestrate = True

    def due(self, now: float) -> Due | None:
        """What is to decide now, loans first; it counts as run.

        Where plans take time to take effect, one plan answers both loops: a second would wait.
        """
        if self._wants_orchestrate:
            self._wants_orchestrate = False
            if self._one_plan_for_both and self._may_schedule(now):
                return Due.ORCHESTRATE | self._scheduled(now)
            return Due.ORCHESTRATE
        return self._scheduled(now) if self._may_schedule(now) else None

    @property
    def wake_s(self) -> float:
        """When the job scheduler is to run next; infinity where nothing has changed."""
        if self._wants_schedule:
            return self._last_schedule_s + self._cycle_s
        return inf if self._reconsider_s == inf else self._last_schedule_s + self._reconsider_s

    def _may_schedule(self, now: float) -> bool:
        return now >= self.wake_s

    def _scheduled(self, now: float) -> Due:
        self._wants_schedule = False
        self._last_schedule_s = now
        return Due.SCHEDULE
