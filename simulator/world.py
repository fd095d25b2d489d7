"""What a replay runs on: both pools, what inference needs of them, and a policy."""

from dataclasses import dataclass

from aryl.model.cluster import Cluster
from aryl.policy.config import PolicyConfig
from simulator.inference import InferenceLoad


@dataclass(frozen=True, slots=True)
class World:
    """A cluster, its inference load and the policy in force."""

    cluster: Cluster
    load: InferenceLoad
    config: PolicyConfig
