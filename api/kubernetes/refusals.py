"""A Kubernetes cluster whose refused objects are told of: in shadow nothing is written on them."""

from collections.abc import Mapping

import structlog

from aryl.daemon.wrapped import Wrapped
from aryl.engine.live import Wishes
from aryl.engine.records import JobRecord
from aryl.kube.cluster import KubeCluster

log = structlog.get_logger(__name__)


class Outspoken(Wrapped):
    """Logs each refusal once, and again when its reason is another."""

    def __init__(self, cluster: KubeCluster) -> None:
        """Have told of nothing."""
        super().__init__(cluster)
        self._cluster = cluster
        self._told: Mapping[str, str] = {}

    def advance(self, known: Mapping[str, JobRecord]) -> Wishes:
        """Let the cluster advance, then look at what it refuses."""
        wishes = super().advance(known)
        refused = self._cluster.refused()
        for subject, why in sorted(refused.items() - self._told.items()):
            log.warning("refused", object=subject, why=why)
        self._told = refused
        return wishes
