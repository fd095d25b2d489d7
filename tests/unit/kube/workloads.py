"""Workloads and worker pods for tests, by keyword."""

from itertools import count
from typing import Any

from aryl.kube.kinds.trainingjob import TrainingJobs
from aryl.kube.names import FINALIZER, KIND, RUN, SERVER, WORKER
from aryl.kube.options import KubeOptions
from aryl.kube.views import PodView, WorkloadView

OPTIONS = KubeOptions(namespace="aryl-jobs")
TEMPLATE = {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}

_uids = count()


def make_pod(index: int = 0, **changes: Any) -> PodView:
    """A worker pod of the first run; `kind` and `server` are what Aryl has written on it."""
    labels = {WORKER: str(index), RUN: "0"}
    if kind := changes.pop("kind", None):
        labels[KIND] = kind.value
    server = changes.pop("server", "")
    fields: dict[str, Any] = {
        "namespace": "ml",
        "name": f"bert-{index}",
        "uid": f"pod-{next(_uids)}",
        "version": "1",
        "owner_uid": "uid-0000-1111",
        "owner_kind": "TrainingJob",
        "node": server,
        "phase": "Running" if changes.get("node", server) else "Pending",
        "is_ready": True,
        "is_unschedulable": False,
        "created_s": 0.0,
        "deleted_s": None,
        "gpus": 1,
        "cpu_milli": 0,
        "memory_bytes": 0,
        "scheduler": "aryl-scheduler",
        "labels": labels,
        "annotations": {SERVER: server} if server else {},
        "tolerations": (),
        "node_selector": {},
        "has_affinity": False,
    }
    return PodView(**(fields | changes))


def make_raw(spec: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A TrainingJob as the API server tells it."""
    about = {
        "name": "bert",
        "namespace": "ml",
        "uid": "uid-0000-1111",
        "resourceVersion": "7",
        "generation": 3,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": [FINALIZER],
    }
    return {
        "apiVersion": "aryl.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": about | metadata,
        "spec": {"template": TEMPLATE} | (spec or {}),
    }


def make_view(spec: dict[str, Any] | None = None, **metadata: Any) -> WorkloadView:
    """The view of such an object."""
    return TrainingJobs(OPTIONS, lambda: 0.0).keep(make_raw(spec, **metadata))
