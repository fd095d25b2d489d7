"""A Kubernetes cluster as what a service schedules."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import inf
from random import Random

import structlog

from api.kubernetes.leasing import BothLeases, LeadersThrottle
from api.kubernetes.measuring import Measured
from api.kubernetes.start import Look, access_of, checked, look, mode_of, own_namespace
from api.scheduled import Scheduled, Term
from api.settings import Settings, environment
from aryl.clock import PacedClock, SystemClock, elapsed
from aryl.daemon.loop import Lease
from aryl.engine.live import LiveCluster
from aryl.kube.access import Access
from aryl.kube.client import KubeApi
from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.demand.prometheus import Prometheus
from aryl.kube.demand.promql import DemandQuery, Unit
from aryl.kube.errors import UNAVAILABLE, KubeError
from aryl.kube.lease import LEASE, ClusterLease, Times
from aryl.kube.opening import Opening, opened
from aryl.kube.placing import base_workers_on
from aryl.kube.reflector import Means
from aryl.kube.rights import Mode
from aryl.metrics import Metrics
from aryl.store import Lease as DatabaseLease
from aryl.store.series import HISTORY_S

log = structlog.get_logger(__name__)

CALM_S = 0.1  # between two wakes by the cluster; steps come soon in any case (`scheduler.poll_s`)
READING = "its objects are being read"


class Kubernetes(Scheduled):
    """Nodes and pods behind an API server."""

    survives = UNAVAILABLE

    def __init__(
        self, settings: Settings, clock: PacedClock, metrics: Metrics, access: Access, seen: Look
    ) -> None:
        """Hold nothing but a way to the server; `seen` is what was found there at the start."""
        self._settings, self._clock, self._metrics = settings, clock, metrics
        self._options = settings.kubernetes.options()
        self._access, self._seen = access, seen
        self._wall = SystemClock()
        self._api = KubeApi(access)
        self._lease: ClusterLease | None = None
        self._is_reading = False

    @classmethod
    def of(cls, settings: Settings, clock: PacedClock, metrics: Metrics) -> "Kubernetes":
        """The cluster that the settings name, once it can be scheduled. Raises `ArylError`."""
        options = settings.kubernetes.options()
        access = access_of(options, environment())
        mode = mode_of(options, shadow=settings.scheduler.shadow)
        found = look(KubeApi(access), options, mode, own_namespace(options, environment()))
        return cls(settings, clock, metrics, access, checked(found))

    @property
    def about(self) -> Mapping[str, str]:
        """The server, its version, and what was found in each pool."""
        seen = self._seen
        pools = "; ".join(f"{pool.label}: {found}" for pool, found in seen.pools.items())
        placing = "looked at only" if seen.mode is Mode.SHADOW else f"placing by {seen.mode}"
        return {"cluster": f"Kubernetes {seen.version} at {seen.server}, {placing}", "pools": pools}

    def lease(self, database: DatabaseLease, holder: str) -> Lease:
        """The cluster's and the database's; in shadow, which may write nothing, the latter."""
        if self._seen.mode is Mode.SHADOW:
            return database
        place = (own_namespace(self._options, environment()), LEASE)
        times = Times(elapsed, self._wall.now, self._settings.scheduler.lease_s)
        self._lease = ClusterLease(self._api, place, holder, times)
        return BothLeases(self._lease, database)

    @contextmanager
    def open(self, term: Term) -> Iterator[LiveCluster]:
        """The cluster, once all of it has been seen."""
        with ExitStack() as stack:
            opening = Opening(
                Means(self._writing_api(), elapsed, Random()),
                self._seen.served,
                self._options,
                self._settings.policy,
                self._demand(term, stack),
                term.instant,
                self._wall.now,
                term.store.template,
                _Calm(term.wake).wake,
            )
            is_shadow = self._seen.mode is Mode.SHADOW
            self._is_reading = True
            try:
                here = stack.enter_context(opened(opening, term.number, is_shadow=is_shadow))
            finally:
                self._is_reading = False
            yield Measured(here, self._metrics, elapsed)

    def readiness(self) -> Mapping[str, str]:
        """Whether a leader has seen the whole cluster."""
        return {"cluster": READING if self._is_reading else "ok"}

    def base_workers_on(self, server: str) -> Collection[str] | None:
        """The uids of the base workers on a node; None where the API server does not tell now."""
        try:
            return base_workers_on(self._api, server)
        except KubeError:
            return None

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _writing_api(self) -> KubeApi:
        """The API as a leader uses it, as gently as was chosen, and for as long as it leads."""
        options, wait = self._options, threading.Event().wait
        throttle = LeadersThrottle(
            options.writes_per_s, options.burst_writes, elapsed, wait, self._lease
        )
        return KubeApi(self._access, throttle)

    def _demand(self, term: Term, stack: ExitStack) -> Demand:
        """Who says what inference needs, with what was known before this term."""
        chosen = self._settings.demand
        is_named = chosen.source in set(DemandSource)
        source = DemandSource(chosen.source) if is_named else DemandSource.PODS
        past = term.store.demand_bins(self._clock.now() - HISTORY_S)
        prometheus = None
        if source is DemandSource.PROMQL:
            query = DemandQuery(chosen.url, chosen.query, Unit(chosen.unit), chosen.every_s)
            told = Prometheus(query, self._wall.now, self._cluster_s, _tell_of_prometheus)
            prometheus = stack.enter_context(told)
        return Demand(source, self._options.inference_selector, past, prometheus)

    def _cluster_s(self, wall_s: float) -> float:
        """Cluster time at a wall time."""
        clock = self._clock
        return clock.origin_s + (wall_s - clock.origin_wall_s) * clock.speed


class _Calm:
    """Passes on one wake in a while: what happens in between is seen by the next step."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """Pass on the first at once."""
        self._wake, self._last_s = wake, -inf

    def wake(self) -> None:
        """Something has changed."""
        now_s = elapsed()
        if now_s >= self._last_s + CALM_S:
            self._last_s = now_s
            self._wake()


def _tell_of_prometheus(trouble: str) -> None:
    if trouble:
        log.warning("demand_unknown", why=trouble)
    else:
        log.info("demand_known")
