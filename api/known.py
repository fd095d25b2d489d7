"""What the scheduler tells of itself by facts in the store, read at most once a second."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from api.errors import Overloaded
from aryl.model.cluster import Cluster, Pool
from aryl.model.plain import cluster_of
from aryl.policy.config import PolicyConfig
from aryl.policy.fitting import EmptyPool
from aryl.policy.registry import load_policy
from aryl.store import Facts

FACTS = ("cluster", "policy", "clock", "mode", "demand_source")
KEPT_S = 1.0  # how long a look is good for: both pools and the policy change rarely


@dataclass(frozen=True, slots=True)
class Known:
    """The cluster and the policy in force.

    `speed` is cluster seconds in a second; `demand_source` says whose demand the policy looks at.
    """

    cluster: Cluster
    policy: PolicyConfig
    empty_pool: EmptyPool
    gpus_per_server: int
    mode: str
    speed: float
    demand_source: str


class Knowledge:
    """Looks at the facts, and remembers what they mean while they stay the same."""

    def __init__(self, facts: Facts, wall: Callable[[], float]) -> None:
        """Know nothing yet."""
        self._facts, self._wall = facts, wall
        self._at_s = float("-inf")
        self._plain: Mapping[str, object] = {}
        self._known: Known | None = None
        self._looking = Lock()  # one thread looks; the others answer from its last look meanwhile

    def look(self) -> Known | None:
        """What is known; None while no scheduler has said anything."""
        if self._is_old() and self._looking.acquire(blocking=self._known is None):
            try:
                if self._is_old():
                    self._look()
            finally:
                self._looking.release()
        return self._known

    def need(self) -> Known:
        """What is known. Raises `Overloaded` while no scheduler has said anything."""
        known = self.look()
        if known is None:
            raise Overloaded("no scheduler has told the shape of the cluster yet")
        return known

    def _is_old(self) -> bool:
        return not self._at_s <= self._wall() < self._at_s + KEPT_S

    def _look(self) -> None:
        plain = {key: self._facts.get(key) for key in FACTS}
        if plain != self._plain:
            self._known = _known_of(plain)
            self._plain = plain
        self._at_s = self._wall()


def _known_of(facts: Mapping[str, object]) -> Known | None:
    if facts["cluster"] is None or facts["policy"] is None:
        return None
    cluster = cluster_of(cast("Mapping[str, Any]", facts["cluster"]))
    policy = load_policy(cast("Mapping[str, Any]", facts["policy"]), source="the policy in force")
    clock = cast("Mapping[str, float]", facts["clock"] or {})
    training = (server.gpus for server in cluster.servers if server.pool is Pool.TRAINING)
    return Known(
        cluster=cluster,
        policy=policy,
        empty_pool=EmptyPool(cluster, policy),
        gpus_per_server=next(training, 1),
        mode=str(facts["mode"] or "live"),
        speed=clock.get("speed", 1.0),
        demand_source=str(facts["demand_source"] or "cluster"),
    )
