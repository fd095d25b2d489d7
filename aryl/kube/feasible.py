"""Whether a pod can run on a node at this moment, by the rules that kube-scheduler follows.

Looked at are taints, the node selector, required node affinity, and what is left of CPU, memory and
GPUs. Not looked at are volumes, host ports and topology spread; a pod that requires the nearness or
distance of others is refused, since only a scheduler that sees all pods can tell.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aryl.kube.views import NodeView, PodView, Taint, Toleration

Raw = Mapping[str, Any]  # a part of an object, as the API writes it

CORDONED: Final = "node.kubernetes.io/unschedulable"
NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
BLOCKING: Final = frozenset({"NoSchedule", "NoExecute"})  # effects that keep new pods away

_STATES: Mapping[str, str] = {
    CORDONED: "is cordoned",
    NOT_READY: "is not ready",
    UNREACHABLE: "can't be reached",
}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Taken:
    """What pods request together."""

    gpus: int = 0
    cpu_milli: int = 0
    memory_bytes: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        """Both together."""
        return Taken(
            self.gpus + other.gpus,
            self.cpu_milli + other.cpu_milli,
            self.memory_bytes + other.memory_bytes,
        )


def obstacles(
    pod: PodView, node: NodeView, taken: Taken, affinity: Raw | None = None
) -> Iterator[str]:
    """Why a pod can't run on a node now, each as a sentence; nothing if it can.

    `taken` is what all other pods on the node request; one being deleted does until it is gone.
    `affinity` is the pod's, where it has one.
    """
    yield from _taints_in_the_way(pod, node)
    yield from _wrong_labels(pod, node)
    yield from _affinity_in_the_way(affinity or {}, node)
    yield from _too_little(pod, node, taken)


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration is enough for a taint; an empty key or effect stands for all."""
    if toleration.effect not in {"", taint.effect} or toleration.key not in {"", taint.key}:
        return False
    if toleration.operator in {"", "Equal"}:
        return toleration.value == taint.value
    return toleration.operator == "Exists"


def _taints_in_the_way(pod: PodView, node: NodeView) -> Iterator[str]:
    for taint in _taints(node):
        if any(tolerates(toleration, taint) for toleration in pod.tolerations):
            continue
        value = f"={taint.value}" if taint.value else ""
        untolerated = f"has the taint {taint.key}{value}:{taint.effect}, which is not tolerated"
        yield f"{node.name} {_STATES.get(taint.key, untolerated)}"


def _taints(node: NodeView) -> Iterator[Taint]:
    """The taints that keep pods away, and those that a node is about to get for its state."""
    own = [taint for taint in node.taints if taint.effect in BLOCKING]
    yield from own
    known = {taint.key for taint in own}
    if node.is_cordoned and CORDONED not in known:
        yield Taint(CORDONED, "", "NoSchedule")
    if not node.is_ready and known.isdisjoint({NOT_READY, UNREACHABLE}):
        yield Taint(NOT_READY, "", "NoSchedule")


def _wrong_labels(pod: PodView, node: NodeView) -> Iterator[str]:
    for key, value in pod.node_selector.items():
        if (found := node.labels.get(key)) != value:
            has = "lacks it" if found is None else f"has {found}"
            yield f"the pod selects nodes with {key}={value}, {node.name} {has}"


def _affinity_in_the_way(affinity: Raw, node: NodeView) -> Iterator[str]:
    required = (affinity.get("nodeAffinity") or {}).get(_REQUIRED)
    if required is not None and not _suits(required, node):
        yield f"{node.name} does not suit the pod's required node affinity"
    for kind, said in (("podAffinity", "affinity"), ("podAntiAffinity", "anti-affinity")):
        if (affinity.get(kind) or {}).get(_REQUIRED):
            yield f"the pod requires {said} to other pods, which only a kube-scheduler can follow"


_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def _suits(selector: Raw, node: NodeView) -> bool:
    """Whether any term of a node selector is met; a term without requirements never is."""
    fields = {"metadata.name": node.name}
    for term in selector.get("nodeSelectorTerms") or ():
        by_label: Sequence[Raw] = term.get("matchExpressions") or ()
        by_field: Sequence[Raw] = term.get("matchFields") or ()
        if (
            (by_label or by_field)
            and all(_is_met(one, node.labels) for one in by_label)
            and all(_is_met(one, fields) for one in by_field)
        ):
            return True
    return False


def _is_met(requirement: Raw, having: Mapping[str, str]) -> bool:
    found = having.get(requirement["key"])
    test = _OPERATORS.get(requirement["operator"])
    return test is not None and test(found, requirement.get("values") or ())


def _compared(is_right: Callable[[int, int], bool]) -> Callable[[str | None, Sequence[str]], bool]:
    """A test of a label against one number; what is no number fails it."""

    def test(found: str | None, values: Sequence[str]) -> bool:
        sides = (found or "", *values)
        if len(sides) != 2 or not all(_INTEGER.fullmatch(side) for side in sides):
            return False
        return is_right(int(sides[0]), int(sides[1]))

    return test


_OPERATORS: Mapping[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda found, values: found in values,
    "NotIn": lambda found, values: found not in values,
    "Exists": lambda found, _: found is not None,
    "DoesNotExist": lambda found, _: found is None,
    "Gt": _compared(lambda found, bound: found > bound),
    "Lt": _compared(lambda found, bound: found < bound),
}


def _too_little(pod: PodView, node: NodeView, taken: Taken) -> Iterator[str]:
    """What is requested and not left; what is not requested may be overdrawn already."""
    for what, unit, asked, offered, used in (
        ("GPUs", 1, pod.gpus, node.gpus, taken.gpus),
        ("CPUs", 1000, pod.cpu_milli, node.cpu_milli, taken.cpu_milli),
        ("GiB of memory", _GIB, pod.memory_bytes, node.memory_bytes, taken.memory_bytes),
    ):
        if 0 < asked > offered - used:
            left = max(0, offered - used)
            amounts = f"{asked / unit:g} {what}: {left / unit:g} of {offered / unit:g} are"
            yield f"the pod requests {amounts} left on {node.name}"
