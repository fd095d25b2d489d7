"""The service as it is deployed: its settings, its flags and the rights of its service account."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kustomize import KUBERNETES
from tests.kubernetes.api import Api
from tests.kubernetes.applying import OWN, Applier, Deployment, applying
from tests.kubernetes.cluster import make_nodes, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.workload_stage import define_training_jobs
from tests.service.processes import Process, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

JOB = "/apis/aryl.dev/v1alpha1/namespaces/default/trainingjobs/resnet"
PODS = "/api/v1/namespaces/default/pods"
SAMPLE = (KUBERNETES / "samples" / "trainingjob.yaml").read_text()
HASTY = SAMPLE.replace("terminationGracePeriodSeconds: 120", "terminationGracePeriodSeconds: 1")


@pytest.fixture
def apply(control_plane: ControlPlane) -> Iterator[Applier]:
    """A way to deploy, and four nodes whose pods run."""
    with applying(control_plane) as applier, FakeKubelets(control_plane.admin) as kubelets:
        nodes = make_nodes(kubelets, training=2, inference=2)
        wait_until_schedulable(control_plane.admin, nodes)
        yield applier


def deployed(
    control_plane: ControlPlane,
    apply: Applier,
    name: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Deployment:
    """An overlay, applied, and the environment that its pods have."""
    define_training_jobs(control_plane.admin)
    apply.overlay(name)
    deployment = Deployment(control_plane, name, folder)
    monkeypatch.setenv("ARYL_NAMESPACE", OWN)
    monkeypatch.setenv("KUBECONFIG", str(deployment.config))
    return deployment


def marks_of(api: Api) -> list[Any]:
    """What of nodes Aryl might write."""
    return [
        (node["metadata"].get("annotations"), node["metadata"]["labels"], node["spec"]["taints"])
        for node in api.list("/api/v1/nodes")
        if node["metadata"]["name"].startswith("inference")
    ]


def starts(service: Process) -> list[Any]:
    """What the service's plans would start."""
    plans = service.get("/api/v1/plans")["items"]
    detailed = [service.get(f"/api/v1/plans/{plan['id']}") for plan in plans]
    return [each for plan in detailed for each in plan["actions"] if each["action"] == "StartJob"]


@pytest.mark.parametrize("mode", ["extender", "binding"])
def test_a_live_overlay_runs_the_sample(
    control_plane: ControlPlane,
    apply: Applier,
    mode: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = control_plane.admin
    deployment = deployed(control_plane, apply, f"v1.20-{mode}", tmp_path, monkeypatch)
    try:
        service = deployment.serve()
        scheduler = deployment.schedule(service) if mode == "extender" else None
        apply("apply", "-f", "-", manifest=HASTY)

        until(lambda: (api.get(JOB).get("status") or {}).get("phase") == "Running")
        until(lambda: [pod["status"]["phase"] for pod in api.list(PODS)].count("Running") >= 2)

        apply("delete", "-f", "-", "--wait=false", manifest=HASTY)
        until(lambda: api.find(JOB) is None and not api.list(PODS))
        lease = api.get(f"/apis/coordination.k8s.io/v1/namespaces/{OWN}/leases/aryl")
        assert lease["spec"]["holderIdentity"]
        assert "orbidden" not in deployment.log.read_text()
        assert scheduler is None or "forbidden" not in scheduler.last_words()
        assert service.stop() == 0
    finally:
        deployment.end()


def test_the_shadow_overlay_plans_the_sample_and_touches_nothing(
    control_plane: ControlPlane,
    apply: Applier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = control_plane.admin
    deployment = deployed(control_plane, apply, "v1.20-shadow", tmp_path, monkeypatch)
    apply("apply", "-f", "-", manifest=HASTY)
    before, version = marks_of(api), api.get(JOB)["metadata"]["resourceVersion"]
    try:
        service = deployment.serve()
        until(lambda: starts(service))

        assert api.get(JOB)["metadata"]["resourceVersion"] == version
        assert marks_of(api) == before
        assert api.list(PODS) == []
        assert "orbidden" not in deployment.log.read_text()
        assert service.stop() == 0
    finally:
        deployment.end()
