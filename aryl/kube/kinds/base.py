"""What every kind of workload can do for Aryl, and what it needs for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aryl.engine.lifecycle import JobEvent
from aryl.kube.paths import item, within
from aryl.kube.sight import Sight
from aryl.kube.views import PodView, WorkloadView
from aryl.model.job import Job, JobSpec, WorkerKind

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Described:
    """What a workload asks for; the caller fills in `spec.submit_s`."""

    spec: JobSpec
    owner: str  # kubernetes:<namespace>
    name: str  # <namespace>/<name>


class Reading(Protocol):
    """Whoever needs more of an object than its view asks the API server."""

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The object. Raises `KubeError`."""
        ...


class Writing(Protocol):
    """The writes of one step (`aryl.kube.hands.Hands`): what is refused is seen again later."""

    @property
    def api(self) -> Reading:
        """To read what no view holds."""
        ...

    @property
    def is_spent(self) -> bool:
        """Whether the rest must wait for the next step."""
        ...

    def create(self, resource: str, path: str, body: Body) -> bool:
        """Create an object in a collection; True also where one of its name exists already."""
        ...

    def patch(self, resource: str, path: str, body: Body, *, version: str = "") -> Body | None:
        """Merge a patch into an object; None where it was refused."""
        ...

    def put_status(
        self, resource: str, path: str, status: Body, *, version: str = ""
    ) -> Body | None:
        """Merge into an object's status; `path` is the object's own."""
        ...

    def delete(self, resource: str, path: str, uid: str, *, grace_s: int | None = None) -> bool:
        """Delete an object; True also where it is gone already."""
        ...

    def evict(self, pod: PodView) -> bool:
        """Ask for a pod's end; False where a disruption budget allows none now."""
        ...

    def place(self, pod: PodView, server: str, kind: WorkerKind) -> str:
        """Bring a pod to its node; "" or why not yet."""
        ...


class Kind(Protocol):
    """One kind of object that describes jobs."""

    @property
    def kind(self) -> str:
        """As objects name it: `TrainingJob`."""
        ...

    @property
    def path(self) -> str:
        """All of them: `/apis/aryl.dev/v1alpha1/trainingjobs`."""
        ...

    def keep(self, raw: Body) -> WorkloadView | None:
        """What the mirror keeps of an object; None for one that is none of ours."""
        ...

    def describe(self, view: WorkloadView) -> Described:
        """The job that is asked for. Raises `BadInput` where it can't be accepted."""
        ...

    def pods(self, view: WorkloadView, sight: Sight) -> Sequence[PodView]:
        """A workload's worker pods, those on their way out among them."""
        ...

    def ending(
        self, view: WorkloadView, job: Job, pods: Sequence[PodView]
    ) -> tuple[JobEvent, str] | None:
        """How a job that runs has ended, with a sentence; None while it goes on."""
        ...

    def follow(
        self, hands: Writing, view: WorkloadView, job: Job | None, pods: Sequence[PodView]
    ) -> None:
        """Make the object and its pods suit what the job holds; without a job, it has no workers.

        Writes only what differs. Raises `UNAVAILABLE`.
        """
        ...


def object_path(kind: Kind, view: WorkloadView) -> str:
    """Where a workload is on the API server."""
    return item(within(kind.path, view.namespace), view.name)
