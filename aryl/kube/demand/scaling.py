"""What autoscalers want: the GPUs of the replicas that they ask for, whether or not there are pods.

A scaler names what it scales, a pod only its controller, which for a Deployment's pod is a
ReplicaSet. But a pod's name tells the rest: Kubernetes makes it of its owners' names.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from aryl.kube.demand.serving import Asked
from aryl.kube.views import PodView, ScalerView

Target = tuple[str, str, str]  # namespace, "" or the kind, name
Sizes = Mapping[Target, int]  # GPUs of one replica

OWN: Final = ("ReplicaSet", "StatefulSet")  # kinds whose pods name them as controller
HASHES: Final = ("pod-template-hash", "rollouts-pod-template-hash")  # labels, on pods and in names
SUFFIX: Final = 5  # random characters at the end of a generated name
LONGEST: Final = 58  # characters of a generated name before those


def wanted_gpus(asked: Asked, scalers: Iterable[ScalerView], known: Sizes) -> tuple[int, Sizes]:
    """The GPUs that scalers want, at least those that pods ask for; and the sizes of replicas.

    `known` are sizes seen before: a target that is scaled up from nothing has no pods to tell. Pods
    that no scaler is responsible for count as they are; so do those whose owner can't be told.
    """
    wanted: dict[Target, int] = {}
    for scaler in scalers:
        target = _target(scaler)
        wanted[target] = max(scaler.desired, wanted.get(target, 0))
    pods = _by_target(asked, wanted)
    sizes = {
        target: max((pod.gpus for pod in pods.get(target, ())), default=known.get(target, 0))
        for target in wanted
    }
    more = 0
    for target, replicas in wanted.items():
        here = sum(pod.gpus for pod in pods.get(target, ()))
        more += max(0, replicas * sizes[target] - here)
    return asked.gpus + more, sizes


def _target(scaler: ScalerView) -> Target:
    kind = scaler.target_kind if scaler.target_kind in OWN else ""
    return scaler.namespace, kind, scaler.target_name


def _by_target(asked: Asked, targets: Iterable[Target]) -> dict[Target, list[PodView]]:
    """The pods of each target; pods of one controller have one target."""
    in_namespace: defaultdict[str, dict[Target, None]] = defaultdict(dict)
    for target in targets:
        in_namespace[target[0]][target] = None
    found: defaultdict[Target, list[PodView]] = defaultdict(list)
    of_owner: dict[str, Target | None] = {}
    for pod in (*asked.bound, *asked.waiting):
        if pod.owner_uid not in of_owner:
            of_owner[pod.owner_uid] = _target_of(pod, in_namespace.get(pod.namespace, {}))
        target_of_pod = of_owner[pod.owner_uid]
        if target_of_pod is not None:
            found[target_of_pod].append(pod)
    return found


def _target_of(pod: PodView, targets: Mapping[Target, None]) -> Target | None:
    """Which of its namespace's targets a pod belongs to."""
    if pod.owner_kind == "StatefulSet":
        named = (pod.namespace, "StatefulSet", pod.name.rpartition("-")[0])
        return named if named in targets else None
    if pod.owner_kind != "ReplicaSet":
        return None
    hashed = next((f"-{pod.labels[label]}" for label in HASHES if label in pod.labels), "")
    made_of = pod.name[:-SUFFIX]
    if len(made_of) == LONGEST:  # it may have been cut, anywhere
        return next((target for target in targets if _made(target, hashed) == made_of), None)
    controller = made_of.removesuffix("-")
    itself = (pod.namespace, "ReplicaSet", controller)
    if itself in targets:
        return itself
    above = (pod.namespace, "", controller.removesuffix(hashed))
    return above if hashed and above in targets else None


def _made(target: Target, hashed: str) -> str:
    """What the generated names of a target's pods begin with."""
    _, kind, name = target
    if kind == "StatefulSet" or not (kind or hashed):
        return ""
    return f"{name}-"[:LONGEST] if kind else f"{name}{hashed}-"[:LONGEST]
