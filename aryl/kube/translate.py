"""From an API server's objects to views: what is missing has its meaning here, once and for all."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aryl.kube.names import DOMAIN, LOAN, MANAGED
from aryl.kube.options import KubeOptions
from aryl.kube.quantities import amount, moment_s
from aryl.kube.views import (
    BudgetView,
    NodeView,
    PodView,
    ScalerView,
    Taint,
    Toleration,
)
from aryl.model.cluster import Pool

Raw = Mapping[str, Any]

POOLS: Final[Mapping[str, Pool]] = {pool.label: pool for pool in Pool}
KEPT_ANNOTATIONS: Final = (f"{DOMAIN}/", "batch.kubernetes.io/job-completion-index")


def node_view(raw: Raw, options: KubeOptions) -> NodeView | None:
    """A node; None where it belongs to no pool."""
    metadata, spec, status = raw["metadata"], _part(raw, "spec"), _part(raw, "status")
    labels = _part(metadata, "labels")
    pool = POOLS.get(labels.get(options.pool_label, ""))
    if pool is None:
        return None
    offered = _part(status, "allocatable")
    ready = _condition(status, "Ready")
    return NodeView(
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        pool=pool,
        gpus=amount(offered.get(options.gpu_resource, 0)),
        cpu_milli=amount(offered.get("cpu", 0), "0.001"),
        memory_bytes=amount(offered.get("memory", 0)),
        is_ready=ready.get("status") == "True",
        ready_since_s=moment_s(ready.get("lastTransitionTime")),
        is_cordoned=bool(spec.get("unschedulable")),
        labels=labels,
        taints=tuple(
            Taint(t["key"], t.get("value") or "", t["effect"]) for t in spec.get("taints") or ()
        ),
        loan=_part(metadata, "annotations").get(LOAN, ""),
    )


def pod_view(raw: Raw, options: KubeOptions) -> PodView | None:
    """A pod; None where it neither requests GPUs nor is a worker."""
    metadata, spec, status = raw["metadata"], _part(raw, "spec"), _part(raw, "status")
    labels = _part(metadata, "labels")
    gpus = requested(spec, options.gpu_resource)
    if not gpus and labels.get(MANAGED) != "true":
        return None
    owner = _controller(metadata)
    deleted = metadata.get("deletionTimestamp")
    scheduled = _condition(status, "PodScheduled")
    return PodView(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        owner_uid=owner.get("uid", ""),
        owner_kind=owner.get("kind", ""),
        node=spec.get("nodeName") or "",
        phase=status.get("phase") or "Pending",
        is_ready=_condition(status, "Ready").get("status") == "True",
        is_unschedulable=scheduled.get("status") == "False"
        and scheduled.get("reason") == "Unschedulable",
        created_s=moment_s(metadata.get("creationTimestamp")),
        deleted_s=moment_s(deleted) if deleted else None,
        gpus=gpus,
        cpu_milli=requested(spec, "cpu", "0.001"),
        memory_bytes=requested(spec, "memory"),
        scheduler=spec.get("schedulerName") or "",
        labels=labels,
        annotations={
            key: value
            for key, value in _part(metadata, "annotations").items()
            if key.startswith(KEPT_ANNOTATIONS)
        },
        tolerations=tuple(_toleration(t) for t in spec.get("tolerations") or ()),
        node_selector=_part(spec, "nodeSelector"),
        has_affinity=bool(spec.get("affinity")),
        reason=status.get("reason") or "",
    )


def budget_view(raw: Raw, *, selects_all_if_empty: bool) -> BudgetView:
    """A PodDisruptionBudget; of policy/v1 an empty selector selects every pod of the namespace."""
    metadata, spec, status = raw["metadata"], _part(raw, "spec"), _part(raw, "status")
    return BudgetView(
        namespace=metadata["namespace"],
        name=metadata["name"],
        selector=_part(spec, "selector"),
        allowed=int(status.get("disruptionsAllowed") or 0),
        selects_all_if_empty=selects_all_if_empty,
    )


def scaler_view(raw: Raw) -> ScalerView:
    """A HorizontalPodAutoscaler, of any version that has been served."""
    metadata, spec, status = raw["metadata"], _part(raw, "spec"), _part(raw, "status")
    target = _part(spec, "scaleTargetRef")
    return ScalerView(
        namespace=metadata["namespace"],
        name=metadata["name"],
        target_kind=target.get("kind", ""),
        target_name=target.get("name", ""),
        desired=int(status.get("desiredReplicas") or 0),
    )


def requested(spec: Raw, resource: str, unit: str = "1") -> int:
    """What a pod's spec requests of a resource, as kube-scheduler counts it.

    Init containers run one after another before the others, except for those that stay: they run
    beside all that follows.
    """
    beside, most = 0, 0
    for container in spec.get("initContainers") or ():
        asked = _asked(container, resource, unit)
        if container.get("restartPolicy") == "Always":
            beside += asked
            asked = 0
        most = max(most, beside + asked)
    steady = beside + sum(_asked(c, resource, unit) for c in spec.get("containers") or ())
    overhead = amount(_part(spec, "overhead").get(resource, 0), unit)
    return max(most, steady) + overhead


def _asked(container: Raw, resource: str, unit: str) -> int:
    resources = _part(container, "resources")
    limits, requests = _part(resources, "limits"), _part(resources, "requests")
    return amount(requests.get(resource, limits.get(resource, 0)), unit)


def _toleration(raw: Raw) -> Toleration:
    return Toleration(
        raw.get("key") or "",
        raw.get("operator") or "Equal",
        raw.get("value") or "",
        raw.get("effect") or "",
    )


def _controller(metadata: Raw) -> Raw:
    owners: Iterable[Raw] = metadata.get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def _condition(status: Raw, kind: str) -> Raw:
    conditions: Iterable[Raw] = status.get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _part(raw: Raw, name: str) -> Raw:
    """A part of an object; a server may leave it out, or say null."""
    part: Raw | None = raw.get(name)
    return {} if part is None else part
