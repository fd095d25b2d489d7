"""What a replay runs on: both pools, what inference needs of them, and a policy."""

from dataclasses import dataclass
from typing import Protocol

from aryl.model.cluster import Cluster
from aryl.model.demand import DemandHistory
from aryl.policy.config import PolicyConfig


class Load(Protocol):
    """Inference demand in servers."""

    def demand_at(self, t_s: float) -> int:
        """How many servers inference needs at `t_s`."""
        ...

    def history_at(self, now: float, *, ahead_s: float = 0.0) -> DemandHistory:
        """What a scheduler may know of it at `now`; with `ahead_s`, what an oracle may."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """A cluster, its inference load and the policy in force."""

    cluster: Cluster
    load: Load
    config: PolicyConfig
