"""What a kubelet does with a pod next: decided here, done in `kubelet.py`."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

GPU = "nvidia.com/gpu"
# Annotations, in the kubelet's seconds. Without them a pod runs until it is deleted, and uses up
# the grace that it is given then.
RUNS = "test.aryl.dev/runs-s"  # it succeeds after so long
FAILS = "test.aryl.dev/fails-s"  # it fails after so long
STOPS = "test.aryl.dev/stops-s"  # when told to stop, it does so after so long


class Act(Enum):
    """What a kubelet can do."""

    ADMIT = "admit"  # let it run
    REFUSE = "refuse"  # its GPUs are in use
    SUCCEED = "succeed"
    FAIL = "fail"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Pod:
    """What a kubelet reads of a pod; `grace_s` is None unless it has been deleted."""

    uid: str
    namespace: str
    name: str
    node: str
    phase: str
    gpus: int
    containers: tuple[tuple[str, str], ...]  # name and image
    grace_s: float | None
    runs_s: float | None
    fails_s: float | None
    stops_s: float | None

    @property
    def path(self) -> str:
        """Where it is on the API server."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"


@dataclass(slots=True)
class Life:
    """What a kubelet has done with a pod, and when."""

    since_s: float | None = None  # it runs since
    ending_since_s: float | None = None  # it knows since then that it was deleted
    ended: bool = False  # by itself, or never started
    removed: bool = False
    busy: bool = False  # something is being done


def read(raw: dict[str, Any]) -> Pod:
    """A pod that is bound to a node, from what the API server says."""
    metadata, spec = raw["metadata"], raw["spec"]
    notes = metadata.get("annotations") or {}
    deleted = "deletionTimestamp" in metadata
    return Pod(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec["nodeName"],
        phase=raw["status"].get("phase", "Pending"),
        gpus=gpus_of(spec),
        containers=tuple((part["name"], part["image"]) for part in spec["containers"]),
        grace_s=float(metadata.get("deletionGracePeriodSeconds") or 0) if deleted else None,
        runs_s=_seconds(notes.get(RUNS)),
        fails_s=_seconds(notes.get(FAILS)),
        stops_s=_seconds(notes.get(STOPS)),
    )


def gpus_of(spec: dict[str, Any]) -> int:
    """GPUs that a pod's containers ask for together, or one of its first containers alone."""
    first = [_gpus(part) for part in spec.get("initContainers") or ()]
    return max([sum(_gpus(part) for part in spec["containers"]), *first])


def holds(pod: Pod, life: Life) -> bool:
    """Whether its GPUs are in use: from when it starts until it has ended or is removed."""
    return life.since_s is not None and not life.ended and pod.phase not in {"Succeeded", "Failed"}


def next_act(pod: Pod, life: Life) -> tuple[Act, float] | None:
    """What is done next, and when at the earliest; None: nothing, unless something changes."""
    if life.removed:
        return None
    if pod.grace_s is not None:
        return Act.REMOVE, _stopped_s(pod, life)
    if life.ended or pod.phase in {"Succeeded", "Failed"}:
        return None
    if life.since_s is None:
        return Act.ADMIT, 0.0
    return _end_by_itself(pod, life.since_s)


def _end_by_itself(pod: Pod, since_s: float) -> tuple[Act, float] | None:
    if pod.fails_s is not None:
        return Act.FAIL, since_s + pod.fails_s
    if pod.runs_s is not None:
        return Act.SUCCEED, since_s + pod.runs_s
    return None


def _stopped_s(pod: Pod, life: Life) -> float:
    """When a deleted pod's containers have stopped."""
    grace_s, since_s = pod.grace_s or 0.0, life.ending_since_s or 0.0
    if life.since_s is None or life.ended:
        return since_s  # there is nothing to stop
    return since_s + min(grace_s, grace_s if pod.stops_s is None else pod.stops_s)


def _gpus(container: dict[str, Any]) -> int:
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return int(asked.get(GPU, 0))


def _seconds(word: str | None) -> float | None:
    return None if word is None else float(word)
