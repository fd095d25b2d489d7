"""Which pods are inference pods, and which of them count."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from aryl.kube.feasible import tolerates
from aryl.kube.names import RESERVED_TAINT, STATE
from aryl.kube.picture import Picture
from aryl.kube.views import OVER, NodeView, PodView, Taint
from aryl.model.cluster import ROUNDING, Pool
from aryl.model.errors import BadInput

Judge = Callable[[PodView, bool], bool]  # of a pod, and whether it is on an inference server

RESERVED: Final = Taint(RESERVED_TAINT, "inference", "NoSchedule")


@dataclass(frozen=True, slots=True)
class Asked:
    """What inference asks for: pods bound to `nodes`, and pods that wait for one of them.

    Left out are those that have ended or are being deleted, whose place is given up already, and
    those that wait in vain: no inference node is large enough or carries the labels they want.
    """

    nodes: tuple[NodeView, ...]  # of the inference pool that have GPUs, by name
    bound: tuple[PodView, ...]
    waiting: tuple[PodView, ...]
    hopeless: tuple[str, ...]  # namespace/name of the pods that wait in vain, sorted

    @property
    def gpus(self) -> int:
        """The GPUs of all that count."""
        return sum(pod.gpus for pod in self.bound) + sum(pod.gpus for pod in self.waiting)

    def servers(self, gpus: float) -> float:
        """The servers that so many GPUs are, in whole ones of the pool's average size."""
        total = sum(node.gpus for node in self.nodes)
        return float(ceil(gpus * len(self.nodes) / total - ROUNDING)) if total else 0.0


def inference_judge(selector: str) -> Judge:
    """What tells an inference pod: labels "a=b,c=d"; else that it may run on reserved servers.

    That is who tolerates the taint, or is there already: before Aryl goes live nothing is tainted.
    It requests GPUs in any case, and is none of Aryl's workers. Raises `BadInput`.
    """
    wanted = dict(_labels(selector))
    if wanted:
        return lambda pod, _: _could_be(pod) and wanted.items() <= pod.labels.items()
    return lambda pod, is_there: (
        _could_be(pod)
        and (is_there or any(tolerates(toleration, RESERVED) for toleration in pod.tolerations))
    )


def asked_for(picture: Picture, is_inference: Judge) -> Asked:
    """What inference asks for in a picture."""
    nodes = {
        name: node
        for name, node in sorted(picture.nodes.items())
        if node.pool is Pool.INFERENCE and node.gpus
    }
    bound: list[PodView] = []
    waiting: list[PodView] = []
    hopeless: list[str] = []
    could: dict[tuple[int, tuple[tuple[str, str], ...]], bool] = {}
    for pod in picture.pods.values():
        is_there = pod.node in nodes
        if not is_inference(pod, is_there) or pod.deleted_s is not None or pod.phase in OVER:
            continue
        if pod.node:
            if is_there:
                bound.append(pod)
            continue
        kind = (pod.gpus, tuple(sorted(pod.node_selector.items())))
        if kind not in could:
            could[kind] = any(
                node.gpus >= pod.gpus and suits(pod.node_selector, node) for node in nodes.values()
            )
        if could[kind]:
            waiting.append(pod)
        else:
            hopeless.append(pod.key)
    return Asked(tuple(nodes.values()), tuple(bound), tuple(waiting), tuple(sorted(hopeless)))


def suits(selector: Mapping[str, str], node: NodeView) -> bool:
    """Whether a node selector finds a node, or would if the node were at home."""
    return all(
        value == ("home" if label == STATE else node.labels.get(label))
        for label, value in selector.items()
    )


def _could_be(pod: PodView) -> bool:
    return pod.gpus > 0 and not pod.is_ours


def _labels(selector: str) -> Iterator[tuple[str, str]]:
    terms: Iterable[str] = (term.strip() for term in selector.split(","))
    for term in filter(None, terms):
        label, equals, value = term.partition("=")
        if not label or not equals or label.endswith("!") or value.startswith("="):
            raise BadInput("inference_selector", f'{term!r} is not of the form "label=value"')
        yield label, value
