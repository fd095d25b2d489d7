"""PyTorchJobs (kubeflow.org/v1), elastic or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aryl.engine.lifecycle import JobEvent
from aryl.kube.kinds.base import Body
from aryl.kube.kinds.conditions import Ended, ended_by
from aryl.kube.kinds.managed import Shape
from aryl.kube.sight import Sight
from aryl.kube.views import PodView, WorkloadView

REPLICA_INDEX: Final = "training.kubeflow.org/replica-index"
REPLICA_TYPE: Final = "training.kubeflow.org/replica-type"
_EVENTS: Final = {"Succeeded": JobEvent.FINISH, "Failed": JobEvent.FAIL}
_SPECS: Final = "pytorchReplicaSpecs"


@dataclass(frozen=True, slots=True)
class PyTorchJobs:
    """Workers are the Worker replicas, after the master where there is one.

    A job without a master pauses at 0 replicas too, as old operators know no `suspend`.
    """

    kind: str = "PyTorchJob"
    path: str = "/apis/kubeflow.org/v1/pytorchjobs"

    def shape(self, spec: Body) -> Shape:
        """The elastic policy has the bounds, if there is one."""
        masters, workers = _masters(spec), _workers(spec)
        elastic = spec.get("elasticPolicy") or {}
        is_paused = (spec.get("runPolicy") or {}).get("suspend")
        template = spec[_SPECS]["Worker" if "Worker" in spec[_SPECS] else "Master"]["template"]
        return Shape(
            size=0 if is_paused else masters + workers,
            workers=max(1, masters + workers),
            least=_plus(masters, elastic.get("minReplicas")),
            most=_plus(masters, elastic.get("maxReplicas")),
            most_possible=None if "Worker" in spec[_SPECS] else masters,
            template=template,
            where=f"spec.{_SPECS}.Worker.template",
        )

    def resized(self, spec: Body, workers: int, leaving: Sequence[str]) -> Body:  # noqa: ARG002
        """Its operator takes the highest indexes."""
        patch: dict[str, Any] = {"runPolicy": {"suspend": workers == 0}}
        masters = _masters(spec)
        if "Worker" in spec[_SPECS] and (workers or not masters):
            patch[_SPECS] = {"Worker": {"replicas": max(0, workers - masters)}}
        return patch

    def ended(self, status: Body) -> Ended | None:
        """Succeeded or Failed."""
        return ended_by(status, _EVENTS)

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """The pods that it controls."""
        return sight.pods_owned(view.uid)

    def index(self, pod: PodView) -> int:
        """The master comes before all workers."""
        if pod.labels.get(REPLICA_TYPE, "").lower() == "master":
            return -1
        text = pod.labels.get(REPLICA_INDEX, "")
        return int(text) if text.isdecimal() else int(pod.created_s)


def _masters(spec: Body) -> int:
    return int("Master" in spec[_SPECS])


def _workers(spec: Body) -> int:
    worker = spec[_SPECS].get("Worker")
    return 0 if worker is None else int(worker.get("replicas", 1))


def _plus(masters: int, replicas: int | None) -> int | None:
    return None if replicas is None else masters + replicas
