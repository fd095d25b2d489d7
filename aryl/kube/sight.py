"""A picture with the look-ups that a step needs: a node's pods, an object's pods.

Each look-up is made when it is first asked for, and once for a picture.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from aryl.kube.names import SERVER
from aryl.kube.picture import Picture
from aryl.kube.views import NodeView, PodView, WorkloadView

Index = dict[str, list[PodView]]

NOTHING: Final = Picture()


class Sight:
    """One moment of a cluster; a pod that is bound meanwhile is added with `bound`."""

    def __init__(self, picture: Picture = NOTHING) -> None:
        """Look at a picture."""
        self.picture = picture
        self._by_node: Index | None = None
        self._by_owner: Index | None = None
        self._by_plan: Index | None = None
        self._by_label: dict[str, Index] = {}

    def node(self, name: str) -> NodeView | None:
        """The node of that name, where it belongs to a pool."""
        return self.picture.nodes.get(name)

    def pods_on(self, node: str) -> Sequence[PodView]:
        """The pods that are bound to a node, ended ones among them."""
        if self._by_node is None:
            self._by_node = _index(self.picture.pods.values(), lambda pod: pod.node)
        return self._by_node.get(node, ())

    def pods_meant_for(self, node: str) -> Sequence[PodView]:
        """The pods that a plan gave the node and that are not bound, as far as is to be seen."""
        if self._by_plan is None:
            waiting = (pod for pod in self.picture.pods.values() if not pod.node)
            self._by_plan = _index(waiting, lambda pod: pod.annotations.get(SERVER, ""))
        return self._by_plan.get(node, ())

    def pods_owned(self, uid: str) -> Sequence[PodView]:
        """The pods whose controller has that uid."""
        if self._by_owner is None:
            self._by_owner = _index(self.picture.pods.values(), lambda pod: pod.owner_uid)
        return self._by_owner.get(uid, ())

    def pods_labelled(self, label: str, view: WorkloadView) -> Sequence[PodView]:
        """The pods in an object's namespace that carry its name as that label."""
        found = self._by_label.get(label)
        if found is None:
            pods = (pod for pod in self.picture.pods.values() if label in pod.labels)
            found = _index(pods, lambda pod: f"{pod.namespace}/{pod.labels[label]}")
            self._by_label[label] = found
        return found.get(f"{view.namespace}/{view.name}", ())

    def bound(self, pod: PodView) -> None:
        """A pod is bound by now, though the picture does not show it yet."""
        self.pods_on(pod.node)
        assert self._by_node is not None, "the line above makes it"
        self._by_node.setdefault(pod.node, []).append(pod)


def _index(pods: Iterable[PodView], key: Callable[[PodView], str]) -> Index:
    found: defaultdict[str, list[PodView]] = defaultdict(list)
    for pod in pods:
        found[key(pod)].append(pod)
    found.pop("", None)
    return dict(found)
