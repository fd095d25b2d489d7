"""A Kubernetes cluster whose requests are counted and timed."""

from collections import Counter
from collections.abc import Mapping

from api.kubernetes.refusals import Outspoken
from aryl.daemon.wrapped import Wrapped
from aryl.engine.cycle import Timer
from aryl.engine.live import Wishes
from aryl.engine.records import JobRecord
from aryl.kube.opening import Opened
from aryl.metrics import Metrics


class Measured(Wrapped):
    """Tells metrics of each advance, and of what the cluster's parts have counted meanwhile."""

    def __init__(self, opened: Opened, metrics: Metrics, elapsed: Timer) -> None:
        """Have counted nothing; `elapsed` is the mirror's clock."""
        super().__init__(Outspoken(opened.cluster))
        self._opened, self._metrics, self._elapsed = opened, metrics, elapsed
        self._writes: Counter[tuple[str, str]] = Counter()
        self._lists = self._failures = 0

    def advance(self, known: Mapping[str, JobRecord]) -> Wishes:
        """Let the cluster advance, and tell of it whatever comes of it."""
        began_s = self._elapsed()
        try:
            return super().advance(known)
        finally:
            self._tell(self._elapsed() - began_s)

    def _tell(self, seconds: float) -> None:
        hands, health = self._opened.hands, self._opened.mirror.health().values()
        writes = Counter(hands.counts) if hands else Counter[tuple[str, str]]()
        lists = sum(each.lists for each in health)
        failures = sum(each.errors for each in health)
        self._metrics.advanced(seconds, writes - self._writes)
        self._metrics.mirrored(
            lists=lists - self._lists,
            failures=failures - self._failures,
            silent_s=max((self._elapsed() - each.heard_s for each in health), default=0.0),
        )
        self._writes, self._lists, self._failures = writes, lists, failures
