"""Inference nodes, pods and scalers for tests, by keyword."""

from collections.abc import Iterable
from itertools import count
from typing import Any

from aryl.kube.names import MANAGED, RESERVED_TAINT, STATE
from aryl.kube.picture import Picture
from aryl.kube.views import NodeView, PodView, ScalerView, Toleration
from aryl.model.cluster import Pool

TOLERANT = Toleration(RESERVED_TAINT, "Equal", "inference", "")
WORKER = {MANAGED: "true"}

_versions = count(1)


def node(name: str = "i1", gpus: int = 8, **changes: Any) -> NodeView:
    """An inference node at home, or with `loan` on loan."""
    is_lent = bool(changes.get("loan"))
    plain: dict[str, Any] = {
        "name": name,
        "uid": name,
        "version": "1",
        "pool": Pool.INFERENCE,
        "gpus": gpus,
        "cpu_milli": 0,
        "memory_bytes": 0,
        "is_ready": True,
        "ready_since_s": 0.0,
        "is_cordoned": False,
        "labels": {STATE: "loaned" if is_lent else "home"},
        "taints": (),
        "loan": "",
    }
    return NodeView(**(plain | changes))


def lent(name: str, gpus: int = 8, **changes: Any) -> NodeView:
    """An inference node on loan."""
    return node(name, gpus, loan='{"start_s": 0.0}', **changes)


def pod(name: str = "web-0", gpus: int = 1, **changes: Any) -> PodView:
    """An inference pod that waits, or with `node` runs there."""
    plain: dict[str, Any] = {
        "namespace": "serving",
        "name": name,
        "uid": name,
        "version": "1",
        "owner_uid": "",
        "owner_kind": "",
        "node": "",
        "phase": "Running" if changes.get("node") else "Pending",
        "is_ready": True,
        "is_unschedulable": False,
        "created_s": 0.0,
        "deleted_s": None,
        "gpus": gpus,
        "cpu_milli": 0,
        "memory_bytes": 0,
        "scheduler": "default-scheduler",
        "labels": {},
        "annotations": {},
        "tolerations": (TOLERANT,),
        "node_selector": {},
        "has_affinity": False,
    }
    return PodView(**(plain | changes))


def replica(deployment: str, number: int = 0, gpus: int = 1, **changes: Any) -> PodView:
    """A Deployment's pod under the name that Kubernetes gives it."""
    template = changes.pop("template", "6c98b7")
    generated = f"{deployment}-{template}-"[:58]
    namespace = changes.get("namespace", "serving")
    return pod(
        f"{generated}{number:05d}",
        gpus,
        owner_kind="ReplicaSet",
        owner_uid=f"{namespace}/{deployment}-{template}",
        labels={"pod-template-hash": template},
        **changes,
    )


def scaler(
    target: str, desired: int, kind: str = "Deployment", namespace: str = "serving", name: str = ""
) -> ScalerView:
    """A HorizontalPodAutoscaler's wish."""
    return ScalerView(namespace, name or f"{target}-scaler", kind, target, desired)


def picture(
    nodes: Iterable[NodeView] = (),
    pods: Iterable[PodView] = (),
    scalers: Iterable[ScalerView] = (),
) -> Picture:
    """What a mirror would answer; each one is newer than those before."""
    return Picture(
        version=next(_versions),
        nodes={view.name: view for view in nodes},
        pods={view.key: view for view in pods},
        scalers={f"{view.namespace}/{view.name}": view for view in scalers},
    )


def at_home(seen: Picture) -> tuple[str, ...]:
    """The inference servers at home that serve."""
    return tuple(
        view.name
        for view in seen.nodes.values()
        if view.pool is Pool.INFERENCE and not view.loan and view.is_ready and not view.is_cordoned
    )
