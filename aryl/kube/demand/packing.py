"""How many servers the inference pods of this moment need, as whole pods on real nodes."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from aryl.kube.demand.serving import Asked, suits
from aryl.kube.picture import Picture
from aryl.kube.views import NodeView, PodView

Shape = tuple[int, tuple[tuple[str, str], ...]]  # a pod's GPUs and node selector


def servers_now(asked: Asked, picture: Picture, home: Collection[str]) -> int:
    """The home servers that inference uses, or all of them and those it lacks besides.

    `home` names the inference servers that are at home and fit to serve. Pods that wait go first
    fit, largest first, on what is free there; what does not fit goes on servers on loan or on their
    way back. Where none of those would help either, nothing is lacking that a reclaim could bring.
    """
    home = frozenset(home)
    at_home = [node for node in asked.nodes if node.name in home]
    names = {node.name for node in at_home}
    used = {pod.node for pod in asked.bound if pod.node in names}
    if not asked.waiting:
        return len(used)
    left = _fill(_shapes(asked), at_home, _free_gpus(at_home, picture.pods.values()), used)
    lent = [node for node in asked.nodes if node.name not in home and _may_come(node)]
    lacking: set[str] = set()
    _fill(left, lent, _free_gpus(lent, asked.bound), lacking)  # once workers have gone
    return len(at_home) + len(lacking) if lacking else len(used)


def _may_come(node: NodeView) -> bool:
    return node.is_ready and not node.is_cordoned and bool(node.loan)


def _free_gpus(nodes: Iterable[NodeView], pods: Iterable[PodView]) -> dict[str, int]:
    """What none of the pods holds on each node."""
    free = {node.name: node.gpus for node in nodes}
    for pod in pods:
        if pod.node in free and pod.holds_gpus:
            free[pod.node] -= pod.gpus
    return free


def _shapes(asked: Asked) -> dict[Shape, int]:
    """How many pods of each shape wait: largest first, of equal ones the choosiest."""
    counted = Counter((pod.gpus, tuple(sorted(pod.node_selector.items()))) for pod in asked.waiting)
    return dict(sorted(counted.items(), key=lambda kind: (-kind[0][0], -len(kind[0][1]), kind[0])))


def _fill(
    shapes: dict[Shape, int], nodes: Sequence[NodeView], free: dict[str, int], used: set[str]
) -> dict[Shape, int]:
    """Put pods on nodes, all that fit on one before the next; what is left of them.

    `free` and `used` follow. A node that a shape does not fit on now will not have more room
    later, so one pass for each shape is first fit.
    """
    left: dict[Shape, int] = {}
    for shape, pods in shapes.items():
        gpus, selector = shape[0], dict(shape[1])
        for node in nodes:
            fitting = min(pods, free[node.name] // gpus)
            if fitting > 0 and suits(selector, node):
                free[node.name] -= fitting * gpus
                used.add(node.name)
                pods -= fitting  # noqa: PLW2901 - what is still to be placed
            if not pods:
                break
        if pods:
            left[shape] = pods
    return left
