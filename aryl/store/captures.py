"""Which snapshots are worth keeping, so that a decision can be made again."""

from math import inf
from typing import Final

from aryl.model.plan import Plan, PreemptJob, ReclaimServer
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.store.plans import compressed

SNAPSHOT_JOBS_MAX: Final = 20_000  # a quarter of a second's work


class Captures:
    """Snapshots from time to time, and of every plan that takes something away."""

    def __init__(self, config: PolicyConfig, every_s: float) -> None:
        """Keep one in `every_s` of cluster time, beside those that matter more."""
        self._config, self._every_s, self._last_s = config, every_s, -inf

    def body(self, snapshot: Snapshot, plan: Plan) -> bytes | None:
        """What to store of a snapshot, if it is to be kept.

        One of very many jobs is not: writing it down would hold up decisions.
        """
        takes = any(isinstance(action, PreemptJob | ReclaimServer) for action in plan.actions)
        is_time = snapshot.now - self._last_s >= self._every_s
        jobs = len(snapshot.queue) + len(snapshot.running)
        if not plan.actions or not (takes or is_time) or jobs > SNAPSHOT_JOBS_MAX:
            return None
        return compressed(snapshot, self._config)

    def stored(self, now: float) -> None:
        """One of that moment is stored."""
        self._last_s = now
