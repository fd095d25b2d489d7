"""Whether a job could ever start: on a training pool with nothing else on it."""

from aryl.model.cluster import Cluster, Pool
from aryl.model.job import JobSpec
from aryl.policy.config import PolicyConfig
from aryl.policy.rules import rules_of


class EmptyPool:
    """A training pool on which nothing runs; it remembers how many workers of each size fit."""

    def __init__(self, cluster: Cluster, config: PolicyConfig) -> None:
        """Look at a cluster under a policy, which says with how many workers a job starts."""
        self._gpus = [s.gpus for s in cluster.servers if s.pool is Pool.TRAINING]
        self._rules = rules_of(config)
        self._slots: dict[int, int] = {}

    def never_fits(self, spec: JobSpec) -> str | None:
        """Why a job can never start, in a sentence; None where it can."""
        size, workers = spec.gpus_per_worker, self._rules.base_workers(spec)
        if size not in self._slots:
            self._slots[size] = sum(gpus // size for gpus in self._gpus)
        if workers <= self._slots[size]:
            return None
        needs = f"needs {workers} workers of {size} GPUs, each on one server"
        return f"{needs}; {self._slots[size]} fit in the training pool"
