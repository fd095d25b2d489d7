"""Brings worker pods to the nodes that the plan in force gives them, in one of two ways.

*Extender*: the node's name is written on the pod, and Aryl's kube-scheduler is told by it where to
bind: that the pod has changed makes it look again. *Binding*: the same is written, and Aryl binds.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import add

from aryl.kube.client import KubeApi
from aryl.kube.errors import Forbidden, NotFound
from aryl.kube.feasible import Raw, Taken, obstacles
from aryl.kube.hands import Hands, pod_path
from aryl.kube.names import KIND, MANAGED, SERVER
from aryl.kube.options import KubeOptions, Placing
from aryl.kube.paths import PODS
from aryl.kube.translate import requested
from aryl.kube.views import OVER, NodeView, PodView
from aryl.model.job import WorkerKind


class PodPlacer:
    """Places pods as the options say; each call raises `UNAVAILABLE` and nothing else."""

    def __init__(self, api: KubeApi, options: KubeOptions) -> None:
        """Place nothing yet."""
        self._api, self._options = api, options

    def place(
        self, hands: Hands, pod: PodView, kind: WorkerKind, node: NodeView, held: Sequence[PodView]
    ) -> str:
        """Write the plan on a pod, and bind it where that is ours to do; "" or why not yet.

        What is so already is not done again. `held` are the pods that we know on the node.
        """
        if pod.node not in {"", node.name}:
            return f"it is on {pod.node} already"
        if not pod.node and pod.scheduler != self._options.scheduler_name:
            wanted = f"schedulerName {self._options.scheduler_name}"
            return f"it is left to the scheduler {pod.scheduler}: its template needs {wanted}"
        is_marked = pod.annotations.get(SERVER) == node.name and pod.labels.get(KIND) == kind
        why_not = "" if is_marked else hands.mark(pod, node.name, kind)
        if why_not or pod.node or self._options.placing is Placing.EXTENDER:
            return why_not
        try:
            why_not = self._obstacles(pod, node, held)
        except (Forbidden, NotFound) as error:  # seen again by the next step
            return str(error)
        return why_not or hands.bind(pod, node.name)

    def _obstacles(self, pod: PodView, node: NodeView, held: Sequence[PodView]) -> str:
        """Why a pod does not fit beside all others, of which the mirror has only some."""
        if why_not := "; ".join(obstacles(pod, node, reduce(add, _known(held), Taken()))):
            return why_not  # without a word to the API server: it may be asked often
        raw = self._api.get(pod_path(pod))
        if raw["metadata"]["uid"] != pod.uid:  # old servers bind by the name alone
            return "another pod has its name by now"
        on_node = f"spec.nodeName={node.name}"
        listed = self._api.list(PODS, fieldSelector=on_node, resourceVersion=0).items
        taken = reduce(add, self._takings(listed, held), Taken())
        return "; ".join(obstacles(pod, node, taken, raw["spec"].get("affinity")))

    def _takings(self, listed: Sequence[Raw], held: Sequence[PodView]) -> Iterator[Taken]:
        """What each pod holds that is listed, or was bound a moment before the list was made."""
        known = {raw["metadata"]["uid"] for raw in listed}
        for raw in listed:
            if raw["status"].get("phase") not in OVER:
                yield _requests(raw["spec"], self._options.gpu_resource)
        yield from _known(pod for pod in held if pod.uid not in known)


def base_workers_on(api: KubeApi, server: str) -> frozenset[str]:
    """The uids of the base workers that are bound to a node. Raises as `KubeApi.list` does."""
    chosen = f"{MANAGED}=true,{KIND}={WorkerKind.BASE}"
    there = f"spec.nodeName={server}"
    found = api.list(PODS, labelSelector=chosen, fieldSelector=there, resourceVersion=0).items
    return frozenset(raw["metadata"]["uid"] for raw in found)


def _known(pods: Iterable[PodView]) -> Iterator[Taken]:
    """What each pod holds that the mirror has on a node."""
    for pod in pods:
        if pod.holds_gpus:
            yield Taken(pod.gpus, pod.cpu_milli, pod.memory_bytes)


def _requests(spec: Raw, gpu_resource: str) -> Taken:
    return Taken(
        requested(spec, gpu_resource), requested(spec, "cpu", "0.001"), requested(spec, "memory")
    )
