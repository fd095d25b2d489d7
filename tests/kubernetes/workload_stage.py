"""Workloads on a real API server, with what their jobs hold set by the test.

There is no scheduler and no mirror: each look lists everything anew. Kubelets are stepped.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from aryl.clock import SystemClock
from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.hands import Hands
from aryl.kube.kinds.base import Kind, object_path
from aryl.kube.options import KubeOptions, Placing
from aryl.kube.paths import collection, within
from aryl.kube.picture import Picture
from aryl.kube.placing import PodPlacer
from aryl.kube.sight import Sight
from aryl.kube.translate import node_view, pod_view
from aryl.kube.views import PodView, WorkloadView
from aryl.model.job import Job, Placement
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.statuses import node_body

CRD = Path(__file__).parents[2] / "deploy" / "kubernetes" / "base" / "trainingjob-crd.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVERS = {"train-0001": "training", "train-0002": "training", "infer-0001": "inference"}
WORKER = {"containers": [{"name": "main", "image": "busybox"}], "terminationGracePeriodSeconds": 5}
GRACE_S = 5.0
QUIET = 2  # rounds without a change: a pod's grace begins when its kubelet first sees its end
STEPS = 30  # a workload comes to rest within a few


class Unmirrored:
    """Nobody watches: each look lists everything."""

    def wrote(self, resource: str, raw: Any) -> None:
        """Let it be."""


@dataclass
class WorkloadStage:
    """One namespace, three nodes of 8 GPUs, and one kind of workloads."""

    api: Api
    namespace: str
    kind: Kind
    hands: Hands
    kubelets: FakeKubelets
    options: KubeOptions
    operate: Callable[[], bool] = lambda: False  # whoever owns the pods; whether it did anything
    job: Job | None = None
    now_s: float = 0.0  # the kubelets' time
    wall_added_s: float = 0.0  # to the machine's time

    def submit(self, spec: Raw, name: str = "bert", **metadata: Any) -> WorkloadView:
        """Create a workload of the stage's kind."""
        group_version = self.kind.path.split("/apis/")[1].rpartition("/")[0]
        about = {"name": name, "namespace": self.namespace, **metadata}
        body = {
            "apiVersion": group_version,
            "kind": self.kind.kind,
            "metadata": about,
            "spec": spec,
        }
        return self.kept(self.api.create(within(self.kind.path, self.namespace), body))

    def hold(self, view: WorkloadView, *placements: Placement) -> Job:
        """The plan gives the workload's job these workers."""
        spec = self.kind.describe(view).spec
        self.job = replace(self.job or Job(spec), placements=placements)
        return self.job

    def step(self, view: WorkloadView) -> int:
        """One look at everything, and what follows; how many writes that took."""
        before = self.hands.counts.total()
        sight, now = self.look(), self.find(view)
        if now is None:
            return 0
        self.hands.begin(sight)
        self.kind.follow(self.hands, now, self.job, self.kind.pods(now, sight))
        return self.hands.counts.total() - before

    def settle(self, view: WorkloadView) -> None:
        """Steps, kubelets and operators in turns, until nobody has anything to do."""
        quiet = 0
        for _ in range(STEPS):
            worked = self.step(view) > 0
            worked = self.operate() or worked
            before = self._versions()
            self.now_s += GRACE_S
            self.kubelets.settle()
            quiet = 0 if worked or self._versions() != before else quiet + 1
            if quiet == QUIET:
                return
        raise AssertionError(f"it does not settle: {self.hands.counts}")

    def find(self, view: WorkloadView) -> WorkloadView | None:
        """The workload as it is now."""
        raw = self.api.find(object_path(self.kind, view))
        return None if raw is None else self.kept(raw)

    def kept(self, raw: Raw) -> WorkloadView:
        """The view of an object, which is one of ours."""
        view = self.kind.keep(raw)
        assert view is not None
        return view

    def look(self) -> Sight:
        """All nodes and pods."""
        nodes = (node_view(raw, self.options) for raw in self.api.list("/api/v1/nodes"))
        pods = (pod_view(raw, self.options) for raw in self.api.list("/api/v1/pods"))
        return Sight(
            Picture(
                nodes={node.name: node for node in nodes if node},
                pods={pod.key: pod for pod in pods if pod},
            )
        )

    def pods(self, view: WorkloadView) -> Sequence[PodView]:
        """The workload's worker pods, by name."""
        return sorted(self.kind.pods(view, self.look()), key=lambda pod: pod.name)

    def where(self, view: WorkloadView) -> dict[str, str]:
        """The nodes of the worker pods that run."""
        return {pod.name: pod.node for pod in self.pods(view) if pod.phase == "Running"}

    def _versions(self) -> list[tuple[str, str]]:
        return [(pod.uid, pod.version) for pod in self.look().picture.pods.values()]


@contextmanager
def staged(
    control_plane: ControlPlane,
    namespace: str,
    kind_of: Callable[[KubeOptions, Callable[[], float]], Kind],
) -> Iterator[WorkloadStage]:
    """A stage whose workers are bound by Aryl."""
    options = KubeOptions(namespace=namespace, placing=Placing.BINDING, inference_gpu_type="T4")
    api = control_plane.admin
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        kubelets = FakeKubelets(api, clock=lambda: stage.now_s)

        def wall() -> float:
            return SystemClock().now() + stage.wall_added_s

        hands = Hands(kube, Unmirrored(), options, PodPlacer(kube, options))
        stage = WorkloadStage(api, namespace, kind_of(options, wall), hands, kubelets, options)
        try:
            kubelets.add(
                node_body(name, 8, {options.pool_label: pool}) for name, pool in SERVERS.items()
            )
            yield stage
        finally:
            kubelets.close()


def define(api: Api, definition: Raw) -> None:
    """Serve a custom resource."""
    name = definition["metadata"]["name"]
    if api.find(f"{CRDS}/{name}") is None:
        api.create(CRDS, definition)
    spec = definition["spec"]
    path = collection(f"{spec['group']}/{spec['versions'][0]['name']}", spec["names"]["plural"])
    wait_until(lambda: api.find(path))


def define_training_jobs(api: Api) -> None:
    """Serve TrainingJobs, as they are deployed."""
    define(api, yaml.safe_load(CRD.read_text(encoding="utf-8")))
