"""Puts a Kubernetes cluster together, for one term: mirror, kinds, hands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aryl.engine.ports import Clock
from aryl.kube.cluster import Demands, KubeCluster, Site
from aryl.kube.discovery import Served
from aryl.kube.errors import Unreachable
from aryl.kube.hands import Hands
from aryl.kube.kinds.registry import kinds_of
from aryl.kube.mirror import Mirror
from aryl.kube.options import KubeOptions
from aryl.kube.placing import PodPlacer
from aryl.kube.reflector import Means
from aryl.kube.sources import sources_of
from aryl.kube.writing import Template
from aryl.policy.config import PolicyConfig

SYNC_S = 60.0  # the longest that the first lists of everything take


@dataclass(frozen=True, slots=True)
class Opening:
    """What a cluster is opened with; `wall` tells seconds since the epoch, `wake` of changes."""

    means: Means
    served: Served
    options: KubeOptions
    config: PolicyConfig
    demand: Demands
    clock: Clock
    wall: Callable[[], float]
    template: Template
    wake: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Opened:
    """A cluster, and what tells how it goes; in shadow there are no hands."""

    cluster: KubeCluster
    mirror: Mirror
    hands: Hands | None


@contextmanager
def opened(opening: Opening, term: int, *, is_shadow: bool) -> Iterator[Opened]:
    """A cluster that has been seen whole. Raises `Unreachable` where that takes too long."""
    options, api = opening.options, opening.means.api
    kinds = kinds_of(options, opening.served, opening.wall)
    sources = sources_of(options, opening.served, kinds.values())
    with Mirror(opening.means, sources, opening.wake) as mirror:
        if not mirror.wait(SYNC_S):
            late = [kind for kind, health in mirror.health().items() if not health.is_listed]
            raise Unreachable(api.server, f"no list of {', '.join(late)} in {SYNC_S:.0f} s")
        hands = None
        if not is_shadow:
            hands = Hands(api, mirror, options, PodPlacer(api, options))
        site = Site(
            mirror,
            kinds,
            opening.demand,
            opening.clock,
            opening.wall,
            options,
            opening.config,
            opening.template,
        )
        yield Opened(KubeCluster(site, term, hands), mirror, hands)
