"""The watcher finds what is broken on purpose, each on the cluster itself."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.cluster import bind, create_pods, inference_pod, make_nodes, pod_body
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.e2e import watcher as rules
from tests.kubernetes.e2e.watcher import Watcher
from tests.kubernetes.e2e.witness import Witness
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.workload_stage import define_training_jobs

pytestmark = pytest.mark.kubernetes

HOME, LENT = "inference-0", "inference-1"
JOBS = "/apis/aryl.dev/v1alpha1/namespaces/{}/trainingjobs"
_lasts = count(1)
RUNS = json.dumps({"job": {"placements": ["somewhere"], "preemptions": 0}, "term": 1})


@dataclass
class Scene:
    """Two training nodes, a server at home, one on loan, and a job of two workers of 4 GPUs."""

    api: Api
    namespace: str
    witness: Witness
    uid: str

    def hire(self, index: int, node: str, gpus: int = 4) -> None:
        """Bind a worker."""
        body = pod_body(f"job-{index}", gpus, terminationGracePeriodSeconds=0)
        owner = {"apiVersion": "aryl.dev/v1alpha1", "kind": "TrainingJob", "name": "job"}
        body["metadata"] |= {
            "labels": {"aryl.dev/managed": "true", "aryl.dev/worker": f"{index}"},
            "ownerReferences": [owner | {"uid": self.uid, "controller": True}],
        }
        create_pods(self.api, self.namespace, [body])
        bind(self.api, self.namespace, f"job-{index}", node)

    def serve(self, node: str) -> None:
        """Bind an inference pod."""
        create_pods(self.api, self.namespace, [inference_pod("web", 8)])
        bind(self.api, self.namespace, "web", node)

    def mark(self, node: str, *keys: str) -> None:
        """Give a node these taints of ours alone."""
        taints = [{"key": f"aryl.dev/{key}", "effect": "NoSchedule"} for key in keys]
        self.api.patch(f"/api/v1/nodes/{node}", {"spec": {"taints": taints}})

    def dismiss(self, index: int) -> None:
        """Delete a worker."""
        self.api.delete(f"/api/v1/namespaces/{self.namespace}/pods/job-{index}", grace_s=30)

    def ask(self, **spec: Any) -> None:
        """Change what the job asks for."""
        self.api.patch(f"{JOBS.format(self.namespace)}/job", {"spec": spec})

    def found(self) -> list[str]:
        """The watcher's faults, once it has seen what was done last."""
        body = {"metadata": {"labels": {"last": (last := f"last-{next(_lasts)}")}}}
        create_pods(self.api, self.namespace, [pod_body(last, 0)])
        pod = f"/api/v1/namespaces/{self.namespace}/pods/{last}"
        for path in (pod, "/api/v1/nodes/training-0", f"{JOBS.format(self.namespace)}/job"):
            self.api.patch(path, body)
        wait_until(lambda: len(set(self._told(last))) == len(("a pod", "a node", "a job")))
        watcher = Watcher(factor=3.0)
        watcher.see(self.witness.history())
        watcher.end()
        return watcher.faults

    def _told(self, last: str) -> Iterator[str]:
        """The watches that have told of what was done last."""
        for each in self.witness.history():
            if (each.raw["metadata"].get("labels") or {}).get("last") == last:
                yield each.resource


@pytest.fixture
def scene(control_plane: ControlPlane, namespace: str) -> Iterator[Scene]:
    api = control_plane.admin
    define_training_jobs(api)
    kubelets = FakeKubelets(api)
    make_nodes(kubelets, training=2, inference=2)
    kubelets.close()
    body = {
        "apiVersion": "aryl.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": "job", "annotations": {"aryl.dev/allocation": RUNS}},
        "spec": {"minWorkers": 2, "maxWorkers": 2, "gpusPerWorker": 4, "gpuTypes": ["V100", "T4"]},
    }
    uid = api.create(JOBS.format(namespace), body)["metadata"]["uid"]
    with Witness(api) as witness:
        wait_until(lambda: witness.is_watching)
        scene = Scene(api, namespace, witness, uid)
        scene.mark(LENT, "loaned")
        yield scene


def test_what_is_as_it_should_be_is_no_fault(scene: Scene) -> None:
    for index in (0, 1):
        scene.hire(index, "training-0")
    scene.serve(HOME)

    assert scene.found() == []


def _twice(scene: Scene) -> None:
    scene.hire(0, "training-0", gpus=8)
    scene.hire(1, "training-0", gpus=8)


def _at_home(scene: Scene) -> None:
    scene.hire(0, HOME)


def _too_late(scene: Scene) -> None:
    scene.mark(LENT, "reclaiming")
    scene.hire(0, LENT)


def _left_behind(scene: Scene) -> None:
    scene.hire(0, LENT)
    scene.mark(LENT, "reserved")


def _beside_inference(scene: Scene) -> None:
    scene.serve(LENT)
    scene.hire(0, LENT)


def _lent_under_inference(scene: Scene) -> None:
    scene.serve(HOME)
    scene.mark(HOME, "loaned")


def _unmarked(scene: Scene) -> None:
    scene.mark(HOME)


def _at_home_and_lent(scene: Scene) -> None:
    scene.mark(HOME, "reserved", "loaned")


def _leaderless(scene: Scene) -> None:
    scene.hire(0, "training-0")
    scene.dismiss(0)


def _half(scene: Scene) -> None:
    scene.hire(0, "training-0")


def _too_many(scene: Scene) -> None:
    for index in range(3):
        scene.hire(index, "training-0", gpus=2)


def _on_both(scene: Scene) -> None:
    scene.hire(0, "training-0")
    scene.hire(1, LENT)


def _unfit(scene: Scene) -> None:
    scene.ask(gpuTypes=["V100"])
    scene.hire(0, LENT)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (_twice, "training-0 has 8 GPUs, 16 of them held"),
        (_at_home, "was bound to inference-0, which bears ['aryl.dev/reserved']"),
        (_too_late, "was bound to inference-1, which bears ['aryl.dev/reclaiming']"),
        (_left_behind, "inference-1 is at home with ['job-0']"),
        (_beside_inference, "was bound to inference-1, where inference runs"),
        (_lent_under_inference, "inference-0 is away with ['web']"),
        (_unmarked, "inference-0 bears []"),
        (_at_home_and_lent, "inference-0 bears ['aryl.dev/loaned', 'aryl.dev/reserved']"),
        (_leaderless, "job-0 was deleted while its job runs"),
        (_half, "has 1.0 workers, at least 2"),
        (_too_many, "has 3.0 workers, at most 2"),
        (_on_both, "is on both types"),
        (_unfit, "its job may not borrow"),
    ],
)
def test_what_is_broken_is_found(
    scene: Scene, broken: Callable[[Scene], None], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "SETTLE_S", 0.0)
    monkeypatch.setattr(rules, "GIVE_BACK_S", 0.0)

    broken(scene)

    assert any(told in fault for fault in scene.found())


def test_a_kubelet_that_refuses_a_pod_is_heard(scene: Scene) -> None:
    scene.hire(0, "training-0")
    path = f"/api/v1/namespaces/{scene.namespace}/pods/job-0/status"
    scene.api.patch(path, {"status": {"phase": "Failed", "reason": "OutOfnvidia.com/gpu"}})

    assert any("is OutOfnvidia.com/gpu on training-0" in fault for fault in scene.found())


def test_a_watcher_that_lost_sight_says_so(scene: Scene) -> None:
    (pods,) = [each for each in scene.witness._followers if each._path == "/api/v1/pods"]
    wait_until(lambda: pods._watch is not None)  # it has listed; the watch comes after
    assert pods._watch is not None
    pods._watch.cut()
    wait_until(lambda: scene.witness._lists["pods"] == 2)

    with pytest.raises(AssertionError, match="lost sight of \\['pods'\\]"):
        scene.found()
