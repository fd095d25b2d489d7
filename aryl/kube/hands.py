"""All that one step writes to a cluster: bounded, told to the mirror at once, and never twice.

What the server finds wrong with one object is an answer here, not an error: the next step sees the
object again and does what is still missing. Only a server that cannot be spoken to is raised.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from aryl.kube.client import KubeApi
from aryl.kube.errors import (
    Answered,
    Clash,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    ServerFault,
)
from aryl.kube.names import KIND, SERVER
from aryl.kube.options import KubeOptions
from aryl.kube.paths import PODS, item, within
from aryl.kube.sight import Sight
from aryl.kube.transport import Json
from aryl.kube.views import NodeView, PodView
from aryl.model.job import WorkerKind

FAULTS = 3  # answers of 5xx in one step after which it writes no more: each may take seconds
LATER = "the step's writes are used up"


class Mirrored(Protocol):
    """Where our own writes are seen at once."""

    def wrote(self, resource: str, raw: Json) -> None:
        """An object of a mirrored resource is like this by now."""
        ...


class Placer(Protocol):
    """Brings pods to the nodes that the plan in force gives them."""

    def place(
        self,
        hands: "Hands",
        pod: PodView,
        kind: WorkerKind,
        node: NodeView,
        held: Sequence[PodView],
    ) -> str:
        """Bind a pod, or let it be bound; "" or why not yet. `held` are the node's pods."""
        ...


class Hands:
    """The writes of one leader; each raises `UNAVAILABLE` and nothing else.

    A `resource` is a field of `Picture`, or "" for what is not mirrored. `counts` says how many
    writes there were, by verb and outcome; `said` what the server found wrong in this step, by
    path; `unplaced` why pods are not on their nodes yet, by uid.
    """

    def __init__(
        self, api: KubeApi, mirror: Mirrored, options: KubeOptions, placer: Placer | None = None
    ) -> None:
        """Begin with a step's whole budget, and nothing to see."""
        self.api, self.options = api, options
        self.counts: Counter[tuple[str, str]] = Counter()
        self.said: dict[str, str] = {}
        self.unplaced: dict[str, str] = {}
        self._mirror, self._placer, self._sight = mirror, placer, Sight()
        self._left, self._faults = options.writes_per_step, 0

    def begin(self, sight: Sight | None = None) -> None:
        """A new step, or a new decision: the budget is whole again."""
        self._left, self._faults = self.options.writes_per_step, 0
        self.said, self.unplaced = {}, {}
        self._sight = sight or self._sight

    @property
    def is_spent(self) -> bool:
        """Whether the rest must wait for the next step."""
        return self._left <= 0 or self._faults >= FAULTS

    @property
    def writes(self) -> int:
        """How many writes there have been, refused ones among them."""
        return sum(self.counts.values())

    def create(self, resource: str, path: str, body: Json) -> bool:
        """Create an object in a collection; True also where one of its name exists already."""
        answer = self._write("create", resource, path, lambda: self.api.create(path, body))
        return not isinstance(answer, Answered | str) or isinstance(answer, Clash)

    def post(self, resource: str, path: str, body: Json) -> Json | None:
        """Create an object in a collection, as it is then; None also where one exists already."""
        answer = self._write("create", resource, path, lambda: self.api.create(path, body))
        return None if isinstance(answer, Answered | str) else answer

    def patch(
        self, resource: str, path: str, body: Mapping[str, Json], *, version: str = ""
    ) -> Json | None:
        """Merge a patch into an object, as it is then; None where it was refused.

        With a `version`, only if the object is still at that resourceVersion.
        """
        patch = _at(body, version)
        answer = self._write("patch", resource, path, lambda: self.api.patch(path, patch))
        return None if isinstance(answer, Answered | str) else answer

    def put_status(
        self, resource: str, path: str, status: Mapping[str, Json], *, version: str = ""
    ) -> Json | None:
        """Merge into an object's status, as `patch` does; `path` is the object's own."""
        return self.patch(resource, f"{path}/status", {"status": dict(status)}, version=version)

    def delete(self, resource: str, path: str, uid: str, *, grace_s: int | None = None) -> bool:
        """Delete an object; True also where it is gone already."""
        answer = self._write("delete", resource, path, lambda: self.api.delete(path, grace_s, uid))
        return not isinstance(answer, Answered | str) or isinstance(answer, NotFound | Clash)

    def evict(self, pod: PodView) -> bool:
        """Ask for a pod's end; False where a disruption budget allows none now."""
        if pod.deleted_s is not None:
            return True

        def send() -> Json:
            self.api.evict(pod.namespace, pod.name, uid=pod.uid)
            return {}

        answer = self._write("evict", "", pod_path(pod), send)
        return not isinstance(answer, Answered | str) or isinstance(answer, NotFound | Clash)

    def place(self, pod: PodView, server: str, kind: WorkerKind) -> str:
        """Bring a pod to its node; "" or why not yet."""
        node = self._sight.node(server)
        if node is None:
            return f"{server} is no server here"
        if self._placer is None or self.is_spent:
            return LATER
        why_not = self._placer.place(self, pod, kind, node, self._sight.pods_on(server))
        if why_not:
            self.unplaced[pod.uid] = why_not
        elif not pod.node:
            self._sight.bound(replace(pod, node=server))
        return why_not

    def mark(self, pod: PodView, server: str, kind: WorkerKind) -> str:
        """Write on a pod where the plan has it, and as what; "" or why not."""
        marks = {"uid": pod.uid, "annotations": {SERVER: server}, "labels": {KIND: kind.value}}
        return self._why_not(self.patch("pods", pod_path(pod), {"metadata": marks}), pod_path(pod))

    def bind(self, pod: PodView, server: str) -> str:
        """Bind a pod to a node; "" or why not."""

        def send() -> Json:
            self.api.bind(pod.namespace, pod.name, pod.uid, server)
            return {}

        path = f"{pod_path(pod)}/binding"
        answer = self._write("bind", "", path, send)
        return self._why_not(None if isinstance(answer, Answered | str) else answer, path)

    def _why_not(self, answer: Json | None, path: str) -> str:
        return self.said.get(path, LATER) if answer is None else ""

    def _write(
        self, verb: str, resource: str, path: str, send: Callable[[], Json]
    ) -> Json | Answered | str:
        """The object as it is now, or why not."""
        if self.is_spent:
            return LATER
        self._left -= 1
        try:
            raw = send()
        except (Clash, Forbidden, Invalid, NotFound, Refused, ServerFault) as error:
            self._faults += isinstance(error, ServerFault)
            self.counts[verb, type(error).__name__.lower()] += 1
            self.said[path] = str(error)
            return error
        self.counts[verb, "done"] += 1
        if resource and raw.get("kind") != "Status":
            self._mirror.wrote(resource, raw)
        return raw


def pod_path(pod: PodView) -> str:
    """A pod's address."""
    return item(within(PODS, pod.namespace), pod.name)


def _at(body: Mapping[str, Json], version: str) -> Json:
    """A patch that fits an object at one resourceVersion only, where one is named."""
    if not version:
        return dict(body)
    metadata = {**body.get("metadata", {}), "resourceVersion": version}
    return {**body, "metadata": metadata}
