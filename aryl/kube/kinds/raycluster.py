"""RayClusters (ray.io/v1): one of their worker groups has the workers, and the head stays."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from aryl.kube.kinds.base import Body
from aryl.kube.kinds.conditions import Ended
from aryl.kube.kinds.fields import MAX_WORKERS
from aryl.kube.kinds.managed import Shape
from aryl.kube.kinds.templates import asks_for
from aryl.kube.sight import Sight
from aryl.kube.views import PodView, WorkloadView

NODE_TYPE: Final = "ray.io/node-type"


@dataclass(frozen=True, slots=True)
class RayClusters:
    """Workers are the replicas of the only worker group that asks for GPUs.

    Ray's autoscaler and operator keep replicas between the group's bounds, so that all three are
    set alike. A RayCluster never ends by itself.
    """

    gpu_resource: str
    path: str = "/apis/ray.io/v1/rayclusters"
    kind: str = "RayCluster"

    def shape(self, spec: Body) -> Shape:
        """The group's bounds; a maximum beyond all reason is Ray's way to say there is none."""
        places = self._places(spec)
        if len(places) != 1:
            return Shape(
                fault=f"has {len(places)} workerGroupSpecs that ask for GPUs; expected one"
            )
        group = spec["workerGroupSpecs"][places[0]]
        if group.get("numOfHosts", 1) > 1:
            return Shape(fault="has a worker group of several hosts a replica; expected one")
        replicas, most = group.get("replicas", 0), group.get("maxReplicas", MAX_WORKERS + 1)
        least = max(1, group.get("minReplicas", 0))
        return Shape(
            size=replicas,
            workers=max(least, replicas),
            least=least,
            most=None if most > MAX_WORKERS else max(1, most),
            template=group["template"],
            where=f"spec.workerGroupSpecs[{places[0]}].template",
        )

    def resized(self, spec: Body, workers: int, leaving: Sequence[str]) -> Body:
        """The operator is told who goes. Whole lists are merged, so that all of it is sent."""
        groups: list[Any] = deepcopy(spec["workerGroupSpecs"])
        groups[self._places(spec)[0]] |= {
            "replicas": workers,
            "minReplicas": workers,
            "maxReplicas": workers,
            "scaleStrategy": {"workersToDelete": [*leaving]},
        }
        return {"workerGroupSpecs": groups}

    def ended(self, status: Body) -> Ended | None:  # noqa: ARG002 - the port's
        """Never: whoever made it deletes it."""
        return None

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """The pods that it controls, less the head."""
        return [p for p in sight.pods_owned(view.uid) if p.labels.get(NODE_TYPE) == "worker"]

    def index(self, pod: PodView) -> int:
        """The oldest come first: we choose who goes."""
        return int(pod.created_s)

    def _places(self, spec: Body) -> list[int]:
        """Which worker groups ask for GPUs."""
        return [
            place
            for place, group in enumerate(spec.get("workerGroupSpecs") or ())
            if asks_for(group["template"], self.gpu_resource)
        ]
