"""batch/v1 Jobs: Kubernetes' own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aryl.engine.lifecycle import JobEvent
from aryl.kube.kinds.base import Body
from aryl.kube.kinds.conditions import Ended, ended_by
from aryl.kube.kinds.managed import Shape
from aryl.kube.sight import Sight
from aryl.kube.views import PodView, WorkloadView

COMPLETION_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_EVENTS: Final = {"Complete": JobEvent.FINISH, "Failed": JobEvent.FAIL}


@dataclass(frozen=True, slots=True)
class BatchJobs:
    """A Job's workers are its `parallelism`; what else can be changed depends on the server."""

    has_suspend: bool
    has_elastic_completions: bool
    kind: str = "Job"
    path: str = "/apis/batch/v1/jobs"

    def shape(self, spec: Body) -> Shape:
        """A Job makes no more pods than it has completions left."""
        workers = spec.get("parallelism", 1)
        is_paused = bool(spec.get("suspend")) and self.has_suspend
        completions = None if self._moves_completions(spec) else spec.get("completions")
        return Shape(
            size=0 if is_paused else workers,
            workers=max(1, workers),
            most_possible=completions,
            template=spec["template"],
        )

    def resized(self, spec: Body, workers: int, leaving: Sequence[str]) -> Body:  # noqa: ARG002
        """Its controller chooses who goes."""
        if workers == 0 and self.has_suspend:
            return {"suspend": True}
        resumed = {"suspend": False} if spec.get("suspend") else {}
        completions = {"completions": workers} if self._moves_completions(spec) else {}
        return {"parallelism": workers, **completions, **resumed}

    def ended(self, status: Body) -> Ended | None:
        """Complete or Failed."""
        return ended_by(status, _EVENTS)

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """The pods that it controls."""
        return sight.pods_owned(view.uid)

    def index(self, pod: PodView) -> int:
        """The index of an indexed Job; else the oldest come first."""
        text = pod.annotations.get(COMPLETION_INDEX, "")
        return int(text) if text.isdecimal() else int(pod.created_s)

    def _moves_completions(self, spec: Body) -> bool:
        """Whether completions follow parallelism, as they must be equal for that."""
        is_indexed = spec.get("completionMode") == "Indexed"
        return is_indexed and self.has_elastic_completions and _is_square(spec)


def _is_square(spec: Body) -> bool:
    return bool(spec.get("completions") == spec.get("parallelism", 1))
