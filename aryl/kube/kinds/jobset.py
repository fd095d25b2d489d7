"""JobSets (jobset.x-k8s.io/v1alpha2): one of their replicated jobs has the workers."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from aryl.engine.lifecycle import JobEvent
from aryl.kube.kinds.base import Body
from aryl.kube.kinds.batch_job import COMPLETION_INDEX
from aryl.kube.kinds.conditions import Ended, ended_by
from aryl.kube.kinds.managed import Shape
from aryl.kube.kinds.templates import asks_for
from aryl.kube.sight import Sight
from aryl.kube.views import PodView, WorkloadView

JOBSET_NAME: Final = "jobset.sigs.k8s.io/jobset-name"
JOB_INDEX: Final = "jobset.sigs.k8s.io/job-index"
WIDEST: Final = 100_000  # pods of one job, at most
_EVENTS: Final = {"Completed": JobEvent.FINISH, "Failed": JobEvent.FAIL}


@dataclass(frozen=True, slots=True)
class JobSets:
    """Workers are the pods of the only replicated job that asks for GPUs.

    One replica of it can be resized, by parallelism and completions together (from 0.12 on);
    several can't: their number is fixed.
    """

    gpu_resource: str
    kind: str = "JobSet"
    path: str = "/apis/jobset.x-k8s.io/v1alpha2/jobsets"

    def shape(self, spec: Body) -> Shape:
        """Replicas times parallelism."""
        places = self._places(spec)
        if len(places) != 1:
            return Shape(fault=f"has {len(places)} replicatedJobs that ask for GPUs; expected one")
        replicated = spec["replicatedJobs"][places[0]]
        job, replicas = replicated["template"]["spec"], replicated.get("replicas", 1)
        workers = replicas * job.get("parallelism", 1)
        return Shape(
            size=0 if spec.get("suspend") else workers,
            workers=max(1, workers),
            fixed=replicas != 1,
            template=job["template"],
            where=f"spec.replicatedJobs[{places[0]}].template.spec.template",
        )

    def resized(self, spec: Body, workers: int, leaving: Sequence[str]) -> Body:  # noqa: ARG002
        """Its Job takes the highest indexes. Whole lists are merged, so that all of it is sent."""
        if workers == 0:
            return {"suspend": True}
        replicated: list[Any] = deepcopy(spec["replicatedJobs"])
        own = replicated[self._places(spec)[0]]
        job = own["template"]["spec"]
        if own.get("replicas", 1) != 1 or job.get("parallelism", 1) == workers:
            return {"suspend": False}
        job |= {"parallelism": workers, "completions": workers}
        return {"suspend": False, "replicatedJobs": replicated}

    def ended(self, status: Body) -> Ended | None:
        """Completed or Failed."""
        return ended_by(status, _EVENTS)

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """The pods that bear its name and have GPUs: its Jobs control them, not itself."""
        return [pod for pod in sight.pods_labelled(JOBSET_NAME, view) if pod.gpus]

    def index(self, pod: PodView) -> int:
        """By replica, then by index."""
        replica, index = pod.labels.get(JOB_INDEX, "0"), pod.annotations.get(COMPLETION_INDEX, "0")
        return int(replica) * WIDEST + int(index)

    def _places(self, spec: Body) -> list[int]:
        """Which replicated jobs ask for GPUs."""
        return [
            place
            for place, replicated in enumerate(spec["replicatedJobs"])
            if asks_for(replicated["template"]["spec"]["template"], self.gpu_resource)
        ]
