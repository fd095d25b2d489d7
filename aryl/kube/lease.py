"""Who leads, as a Lease of the cluster says: one holder, who renews it or loses it.

Clocks of different machines are never compared. Who waits takes the lease once it has not been seen
to change for as long as its holder promised to renew it; who holds it stops earlier than that.
The lease also remembers the highest term that any leader had: a new database begins above it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, inf
from typing import Any

from aryl.kube.client import KubeApi
from aryl.kube.errors import UNAVAILABLE, Clash, NotFound
from aryl.kube.names import DOMAIN
from aryl.kube.paths import collection, item

LEASES = "coordination.k8s.io/v1"
LEASE = "aryl"  # the name of the one that says who schedules
PROMISE = 1.5  # who waits, waits that much longer than a holder acts on its last renewal
TERM = f"{DOMAIN}/term"  # annotation: the highest term that a leader had
NOBODY = ""  # holds a lease that was let go

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Times:
    """`elapsed` tells seconds that never go back, `wall` seconds since the epoch, for readers.

    A holder acts for `lasts_s` after its last renewal.
    """

    elapsed: Callable[[], float]
    wall: Callable[[], float]
    lasts_s: float = 10.0


class ClusterLease:
    """The Lease of a name in a namespace, held by one `holder` at a time.

    All methods raise as `KubeApi` does; where a write of ours meets another's, ours is void.
    """

    def __init__(self, api: KubeApi, place: tuple[str, str], holder: str, times: Times) -> None:
        """Hold nothing yet; `place` is namespace and name, `holder` is unique.

        `term` is the highest that is known; with the next renewal, others know it too.
        """
        self.term = 0
        namespace, self._name = place
        self._api, self._holder, self._times = api, holder, times
        self._leases = collection(LEASES, "leases", namespace)
        self._path = item(self._leases, self._name)
        self._seen: object = None  # what another's lease looked like
        self._seen_s = inf  # since when it looks like that
        self._until_s = -inf  # for how long it is ours

    @property
    def is_held(self) -> bool:
        """Whether it is ours at this moment, whatever has become of it meanwhile."""
        return self._times.elapsed() < self._until_s

    def take(self) -> bool:
        """Hold it, if it is free or its holder has been silent for too long."""
        started_s = self._times.elapsed()
        try:
            found = self._api.get(self._path)
        except NotFound:
            return self._put(started_s, self._api.create, self._leases, self._first())
        self.term = max(self.term, _term_of(found))
        spec = found.get("spec") or {}
        holder = spec.get("holderIdentity") or NOBODY
        if holder not in {NOBODY, self._holder} and not self._is_over(spec, started_s):
            return False
        return self._put(started_s, self._api.replace, self._path, self._next(found))

    def renew(self) -> bool:
        """Hold it for longer; False where it is another's, or ours has run out."""
        started_s = self._times.elapsed()
        if started_s >= self._until_s:
            return False
        try:
            found = self._api.get(self._path)
            spec = found.get("spec") or {}
            is_mine = spec.get("holderIdentity") == self._holder
            if is_mine and self._put(started_s, self._api.replace, self._path, self._next(found)):
                return True
        except NotFound:
            pass
        except UNAVAILABLE:
            if self.is_held:
                raise
            return False
        self._until_s = -inf
        return False

    def release(self) -> None:
        """Let another take it at once, if it is ours."""
        self._until_s = -inf
        try:
            found = self._api.get(self._path)
            if (found.get("spec") or {}).get("holderIdentity") == self._holder:
                self._api.replace(self._path, self._held(found, {"holderIdentity": NOBODY}))
        except (NotFound, Clash):
            return

    def _is_over(self, spec: Raw, now_s: float) -> bool:
        """Whether another's lease has not changed for as long as it was to last."""
        look = (spec.get("holderIdentity"), spec.get("renewTime"))
        if look != self._seen:
            self._seen, self._seen_s = look, now_s
        return now_s - self._seen_s >= (spec.get("leaseDurationSeconds") or 0)

    def _put(
        self, started_s: float, write: Callable[[str, Raw], object], path: str, body: Raw
    ) -> bool:
        """Write it, unless another was quicker; ours lasts from before we asked."""
        try:
            write(path, body)
        except Clash:
            return False
        self._until_s = started_s + self._times.lasts_s
        return self.is_held

    def _first(self) -> Raw:
        made = {"apiVersion": LEASES, "kind": "Lease", "metadata": {"name": self._name}}
        return self._held(made, self._spec(0, self._now()))

    def _next(self, found: Raw) -> Raw:
        spec = found.get("spec") or {}
        if spec.get("holderIdentity") == self._holder:
            return self._held(found, {"renewTime": self._now()})
        return self._held(found, self._spec((spec.get("leaseTransitions") or 0) + 1, self._now()))

    def _held(self, lease: Raw, spec: Raw) -> Raw:
        """The lease with some of its fields, and the highest term."""
        metadata = lease["metadata"]
        notes = {**(metadata.get("annotations") or {}), TERM: str(self.term)}
        return {
            **lease,
            "metadata": {**metadata, "annotations": notes},
            "spec": {**(lease.get("spec") or {}), **spec},
        }

    def _spec(self, transitions: int, now: str) -> Raw:
        return {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": ceil(self._times.lasts_s * PROMISE),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._times.wall(), UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def _term_of(lease: Raw) -> int:
    noted = (lease["metadata"].get("annotations") or {}).get(TERM, "")
    return int(noted) if noted.isdecimal() else 0
