"""Objects of other kinds that Aryl manages: how many pods their controllers make, and where.

A kind's `Dialect` says what its objects mean. What a user asked for is noted in annotations before
the object's own count is changed for the first time.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from aryl.kube.errors import NotFound
from aryl.kube.kinds.asking import Defaults, Words, job_spec
from aryl.kube.kinds.base import Body, Described, Writing, object_path
from aryl.kube.kinds.conditions import Ended
from aryl.kube.kinds.fields import Fields, annotated, bad
from aryl.kube.kinds.slots import Seating, seating, seats
from aryl.kube.kinds.templates import gpus_in
from aryl.kube.kinds.viewing import job_id_of, owner_of, workload_view
from aryl.kube.kinds.workers import most_pods
from aryl.kube.names import DOMAIN, KIND, MANAGED
from aryl.kube.options import KubeOptions
from aryl.kube.sight import Sight
from aryl.kube.views import PodView, WorkloadView
from aryl.model.errors import BadInput
from aryl.model.job import Job, JobSpec

WORDS: Final = Words(
    least=f"{DOMAIN}/min-workers",
    requested=f"{DOMAIN}/workers",
    most=f"{DOMAIN}/max-workers",
    allowed=f"{DOMAIN}/allowed-workers",
    heterogeneous=f"{DOMAIN}/heterogeneous",
    duration_s=f"{DOMAIN}/estimated-duration-s",
    checkpoint_s=f"{DOMAIN}/checkpoint-s",
    priority=f"{DOMAIN}/priority",
    user=f"{DOMAIN}/user",
    queue=f"{DOMAIN}/queue",
    model=f"{DOMAIN}/model",
)
FUNGIBLE: Final = f"{DOMAIN}/fungible"


def _as_list(text: str) -> str:
    return f"[{text}]"


_READERS: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys((WORDS.least, WORDS.requested, WORDS.most, WORDS.priority), str),
    **dict.fromkeys((WORDS.heterogeneous, WORDS.duration_s, WORDS.checkpoint_s, FUNGIBLE), str),
    **dict.fromkeys((WORDS.user, WORDS.queue, WORDS.model), json.dumps),
    WORDS.allowed: _as_list,
}
_BROKEN: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)

_WORKING: Final = frozenset({"Pending", "Running"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What an object of some kind says of its workers.

    `size` is how many its controller is to make now, 0 while it is paused; the others say what its
    user wants. `most_possible` is how far the object can grow; a `fixed` one can't be resized.
    `fault` says why it can't be managed at all.
    """

    size: int = 0
    workers: int = 1
    least: int | None = None
    most: int | None = None
    most_possible: int | None = None
    fixed: bool = False
    template: Mapping[str, Any] | None = None
    where: str = "spec.template"
    fault: str = ""


class Dialect(Protocol):
    """What the objects of one kind mean."""

    @property
    def kind(self) -> str:
        """As objects name it."""
        ...

    @property
    def path(self) -> str:
        """All of them."""
        ...

    def shape(self, spec: Body) -> Shape:
        """What an object's spec says."""
        ...

    def resized(self, spec: Body, workers: int, leaving: Sequence[str]) -> Body:
        """What to merge into a spec for so many workers; 0 pauses it.

        `leaving` are the pods that should go, where the controller can be told.
        """
        ...

    def ended(self, status: Body) -> Ended | None:
        """How it has ended, by its own status."""
        ...

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """An object's worker pods."""
        ...

    def index(self, pod: PodView) -> int:
        """A worker's place: on a shrink, the controller takes the highest."""
        ...


@dataclass(frozen=True, slots=True)
class Managed:
    """The objects of one kind that carry the label `aryl.dev/managed=true`."""

    options: KubeOptions
    dialect: Dialect

    @property
    def kind(self) -> str:
        """The dialect's."""
        return self.dialect.kind

    @property
    def path(self) -> str:
        """The dialect's."""
        return self.dialect.path

    def keep(self, raw: Body) -> WorkloadView | None:
        """An object's shape, and how it ended; None for one that nobody gave to Aryl."""
        if (raw["metadata"].get("labels") or {}).get(MANAGED) != "true":
            return None
        try:
            shape = self.dialect.shape(raw["spec"])
            if shape.template is not None:
                shape = replace(shape, template=_slim(shape.template))
        except _BROKEN as error:  # of a custom resource's schema we know only what it should be
            shape = Shape(fault=f"is not as a {self.kind} should be ({error!r})")
        ended = self.dialect.ended(raw.get("status") or {})
        return workload_view(self.kind, raw, {"shape": shape, "ended": ended})

    def describe(self, view: WorkloadView) -> Described:
        """The job that an object asks for, by its annotations and its own fields."""
        shape = _shape(view)
        if shape.fault:
            raise BadInput("spec", shape.fault)
        self._check_pods(shape)
        fields = Fields("metadata.annotations ", annotated(view.annotations, _READERS))
        gpus = gpus_in(shape.template, self.options.gpu_resource, shape.where)
        if gpus < 1:
            field = f"{shape.where}.spec.containers[].resources.limits"
            raise bad(field, None, self.options.gpu_resource, "asks for no GPUs")
        defaults = Defaults(shape.least or shape.workers, shape.workers, shape.most)
        spec = job_spec(fields, WORDS, job_id_of(view), gpus, defaults)
        spec = replace(spec, fungible=fields.flag(FUNGIBLE))
        self._check_size(spec, shape)
        return Described(spec, owner_of(view), f"{view.namespace}/{view.name}")

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """The dialect's."""
        return self.dialect.pods(view, sight)

    def ending(
        self,
        view: WorkloadView,
        job: Job,  # noqa: ARG002 - the port's
        pods: Sequence[PodView],  # noqa: ARG002 - the port's
    ) -> Ended | None:
        """What the object's own status says."""
        ended: Any = view.raw["ended"]
        return ended and (ended[0], ended[1])

    def follow(
        self, hands: Writing, view: WorkloadView, job: Job | None, pods: Sequence[PodView]
    ) -> None:
        """Have its controller make as many pods as the job holds workers, and place them."""
        if view.is_deleted or view.raw["ended"] is not None or hands.is_spent:
            return
        working = [pod for pod in pods if pod.deleted_s is None and pod.phase in _WORKING]
        found = seating(seats(job) if job else (), working, self.dialect.index)
        wanted = sum(p.workers for p in job.placements) if job else 0
        if _shape(view).size != wanted:
            leaving = [pod.name for pod in found.surplus[: max(0, len(working) - wanted)]]
            self._resize(hands, view, wanted, leaving)
            return  # what its controller makes of it is seen next time
        if job is not None:
            self._place(hands, found, len(working) - wanted)

    def _resize(
        self, hands: Writing, view: WorkloadView, workers: int, leaving: Sequence[str]
    ) -> None:
        """Change the object's own count, and note what its user asked for."""
        try:
            wish = self.describe(view).spec
            raw = hands.api.get(object_path(self, view))
        except (BadInput, NotFound):
            return  # what can't be accepted is not touched
        body = {
            "metadata": {"annotations": _noted(wish)},
            "spec": self.dialect.resized(raw["spec"], workers, leaving),
        }
        version = raw["metadata"]["resourceVersion"]
        hands.patch("workloads", object_path(self, view), body, version=version)

    def _place(self, hands: Writing, found: Seating, too_many: int) -> None:
        """Bring pods to their servers.

        One on a wrong server is made anew by its controller, but not before that has taken away
        those that are too many: else it might take the new one.
        """
        if too_many <= 0:
            for pod in found.surplus:
                if not hands.is_spent:
                    hands.evict(pod)
        for pod, seat in found.seated:
            if not hands.is_spent and (not pod.node or pod.labels.get(KIND) != seat.kind):
                hands.place(pod, seat.server, seat.kind)

    def _check_pods(self, shape: Shape) -> None:
        """See that the pods will be Aryl's to place."""
        template = shape.template or {}
        label = template["metadata"]["labels"].get(MANAGED)
        if label != "true":
            raise bad(f"{shape.where}.metadata.labels[{MANAGED}]", label, "true")
        scheduler, ours = template["spec"]["schedulerName"], self.options.scheduler_name
        if scheduler != ours:
            raise bad(f"{shape.where}.spec.schedulerName", scheduler, ours)

    def _check_size(self, spec: JobSpec, shape: Shape) -> None:
        """See that the object can be given the sizes that the job may have."""
        most, possible = (
            most_pods(spec, self.options.workers_per_training_worker),
            shape.most_possible,
        )
        if possible is not None and most > possible:
            raise bad(
                f"metadata.annotations {WORDS.most}", spec.max_workers, f"pods: {possible} at most"
            )
        if shape.fixed and not spec.min_workers == shape.workers == most:
            expected = f"{shape.workers}, as this {self.kind} can't be resized"
            raise bad(f"metadata.annotations {WORDS.least}", spec.min_workers, expected)


def _shape(view: WorkloadView) -> Shape:
    shape = view.raw["shape"]
    assert isinstance(shape, Shape), "keep put it there"
    return shape


def _slim(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is looked at of a pod template; the rest would be a burden on memory."""
    spec = template["spec"]
    return {
        "metadata": {"labels": dict((template.get("metadata") or {}).get("labels") or {})},
        "spec": {
            "schedulerName": spec.get("schedulerName") or "default-scheduler",
            "containers": [{"resources": c.get("resources") or {}} for c in spec["containers"]],
        },
    }


def _noted(wish: JobSpec) -> Mapping[str, str]:
    """What the user asked for, in the annotations that say so."""
    return {
        WORDS.least: str(wish.min_workers),
        WORDS.requested: str(wish.requested_workers),
        WORDS.most: str(wish.max_workers),
    }
