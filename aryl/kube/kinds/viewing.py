"""From raw workloads to views: what every kind keeps alike."""

from collections.abc import Mapping
from typing import Any, Final

from aryl.kube.names import DOMAIN
from aryl.kube.quantities import moment_s
from aryl.kube.views import WorkloadView

NAME_BYTES: Final = 63  # of a job's name in the service
UID_SHOWN: Final = 8


def workload_view(kind: str, raw: Mapping[str, Any], kept: Mapping[str, Any]) -> WorkloadView:
    """A view of an object that holds `kept`, beside its finalizers."""
    metadata = raw["metadata"]
    annotations = metadata.get("annotations") or {}
    return WorkloadView(
        kind=kind,
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        created_s=moment_s(metadata.get("creationTimestamp")),
        is_deleted="deletionTimestamp" in metadata,
        annotations={k: v for k, v in annotations.items() if k.startswith(f"{DOMAIN}/")},
        raw={"finalizers": tuple(metadata.get("finalizers") or ()), **kept},
    )


def job_id_of(view: WorkloadView) -> str:
    """The service's name of a job that a user brought: readable, and never that of another."""
    tail = f".{view.uid[:UID_SHOWN]}"
    return f"{view.namespace}.{view.name}"[: NAME_BYTES - len(tail)] + tail


def owner_of(view: WorkloadView) -> str:
    """Whose jobs those of a namespace are."""
    return f"kubernetes:{view.namespace}"
