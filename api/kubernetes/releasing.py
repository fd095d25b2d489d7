"""Takes what Aryl has written from a cluster's nodes and workloads: they are as they were before.

Labels of pools stay, and so does what users have written. Pods go on where they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aryl.kube.client import KubeApi
from aryl.kube.discovery import Served
from aryl.kube.errors import Clash, NotFound
from aryl.kube.lease import LEASE, LEASES
from aryl.kube.loans import unmarking
from aryl.kube.names import ALLOCATION, ENDED, FAILURES, FINALIZER, NOTICE
from aryl.kube.paths import NODES, collection, item, within

Raw = Mapping[str, Any]

WRITTEN: Final = (ALLOCATION, ENDED, FAILURES, NOTICE)  # annotations of workloads that are Aryl's
WORKLOADS: Final = {
    "trainingjobs": "TrainingJob",
    "jobs": "Job",
    "jobsets": "JobSet",
    "pytorchjobs": "PyTorchJob",
    "rayclusters": "RayCluster",
}
SKEW_S: Final = 60.0  # by which the clock of whoever holds a lease may be off
TRIES: Final = 3  # of a write that meets another's


@dataclass(frozen=True, slots=True)
class Release:
    """What is taken from one object; `path` is its address, `subject` what people call it."""

    path: str
    subject: str
    taken: tuple[str, ...]


def releases(api: KubeApi, served: Served) -> list[Release]:
    """All that is to be taken, nodes first. Raises as `KubeApi.list` does."""
    found = [_of_node(raw) for raw in api.list(NODES).items]
    for resource, kind in WORKLOADS.items():
        path = served.path(resource)
        if path is not None:
            found += [_of_workload(path, kind, raw) for raw in api.list(path).items]
    return [release for release in found if release.taken]


def carry_out(api: KubeApi, release: Release) -> None:
    """Take it; an object that is gone meanwhile is fine. Raises as `KubeApi.patch` does."""
    for attempt in range(TRIES):
        try:
            raw = api.get(release.path)
            is_node = release.path.startswith(NODES)
            api.patch(release.path, unmarking(raw) if is_node else _freeing(raw))
        except NotFound:
            return
        except Clash:
            if attempt + 1 == TRIES:
                raise
        else:
            return


def leader(api: KubeApi, namespace: str, wall_s: float) -> str | None:
    """Who leads by the cluster's lease, unless its holder has been silent for long."""
    try:
        lease = api.get(item(collection(LEASES, "leases", namespace), LEASE))
    except NotFound:
        return None
    spec: Raw = lease.get("spec") or {}
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    if not holder or not renewed:
        return None
    heard_s = datetime.fromisoformat(renewed).timestamp()
    lasts_s = float(spec.get("leaseDurationSeconds") or 0.0)
    return str(holder) if wall_s < heard_s + lasts_s + SKEW_S else None


def _of_node(raw: Raw) -> Release:
    """What the patch that unmarks a node would take from it as it is."""
    metadata, patch = raw["metadata"], unmarking(raw)
    taken = [
        f"{kind} {key}"
        for kind, field in (("label", "labels"), ("annotation", "annotations"))
        for key in patch["metadata"][field]
        if key in (metadata.get(field) or {})
    ]
    left = patch["spec"]["taints"] or ()
    taints: Sequence[Raw] = (raw.get("spec") or {}).get("taints") or ()
    taken += [f"taint {taint['key']}" for taint in taints if taint not in left]
    name = metadata["name"]
    return Release(item(NODES, name), f"node {name}", tuple(taken))


def _of_workload(path: str, kind: str, raw: Raw) -> Release:
    metadata = raw["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    where = item(within(path, namespace), name)
    return Release(where, f"{kind} {namespace}/{name}", tuple(_marks(metadata)))


def _marks(metadata: Raw) -> Iterator[str]:
    for key in WRITTEN:
        if key in (metadata.get("annotations") or {}):
            yield f"annotation {key}"
    if FINALIZER in (metadata.get("finalizers") or ()):
        yield f"finalizer {FINALIZER}"


def _freeing(raw: Raw) -> dict[str, Any]:
    """The merge patch that takes everything of Aryl's from a workload."""
    metadata = raw["metadata"]
    patch: dict[str, Any] = {
        "resourceVersion": metadata["resourceVersion"],
        "annotations": dict.fromkeys(WRITTEN),
    }
    finalizers: Sequence[str] = metadata.get("finalizers") or ()
    if FINALIZER in finalizers:
        patch["finalizers"] = [name for name in finalizers if name != FINALIZER]
    return {"metadata": patch}
