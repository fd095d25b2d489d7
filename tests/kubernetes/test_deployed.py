"""The service as it is deployed: its settings, its flags and the rights of its service account."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.kustomize import KUBERNETES, only, overlay
from tests.kubernetes.api import Api
from tests.kubernetes.applying import OWN, Applier, applying
from tests.kubernetes.cluster import make_nodes, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import Daemon
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.workload_stage import define_training_jobs
from tests.service.processes import STARTED, Process, started, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

JOB = "/apis/aryl.dev/v1alpha1/namespaces/default/trainingjobs/resnet"
PODS = "/api/v1/namespaces/default/pods"
SAMPLE = (KUBERNETES / "samples" / "trainingjob.yaml").read_text()
HASTY = SAMPLE.replace("terminationGracePeriodSeconds: 120", "terminationGracePeriodSeconds: 1")


class Deployment:
    """What the pods of an overlay would run, run here."""

    def __init__(self, control_plane: ControlPlane, name: str, folder: Path) -> None:
        self.objects = overlay(name)
        self._control_plane, self._folder = control_plane, folder
        self._schedulers: list[Daemon] = []
        self._services: list[Process] = []
        self.config = control_plane.kubeconfig_of(control_plane.service_account(OWN, "aryl"))

    def serve(self) -> Process:
        """Its service, at a port of its own and on a database of its own."""
        container = self._container("aryl")
        (self._folder / "aryl.toml").write_text(self._config_of("aryl.toml"))
        words = [word for word in container["args"] if not word.startswith("--config=")]
        here = ["--host=127.0.0.1", "--port=0", f"--database=sqlite:///{self._folder / 'aryl.db'}"]
        command = ["-m", "aryl", *words, f"--config={self._folder / 'aryl.toml'}", *here]
        process = started(command, self.log)
        self._services.append(process)
        return process

    def schedule(self, service: Process) -> Daemon:
        """Its kube-scheduler, which asks the service where that is."""
        config = yaml.safe_load(self._config_of("scheduler.yaml"))
        config["extenders"][0]["urlPrefix"] = f"{service.address}/extender"
        config["clientConnection"] = {"kubeconfig": str(self.config)}
        file = self._folder / "scheduler.yaml"
        file.write_text(yaml.safe_dump(config))
        program, _, *words = self._container("kube-scheduler")["command"]
        path = self._control_plane.assets.program(program)
        scheduler = self._control_plane.run("sidecar", [path, f"--config={file}", *words])
        self._schedulers.append(scheduler)
        return scheduler

    @property
    def log(self) -> Path:
        return self._folder / "aryl.log"

    def end(self) -> None:
        """Stop all of it."""
        for scheduler in self._schedulers:
            self._control_plane.end(scheduler)
        for service in self._services:
            if service.popen.poll() is None:
                service.kill()
            STARTED.remove(service.popen)

    def _container(self, name: str) -> Any:
        pod = only(self.objects, "Deployment")["spec"]["template"]["spec"]
        return next(each for each in pod["containers"] if each["name"] == name)

    def _config_of(self, file: str) -> str:
        maps = [o["data"] for o in self.objects if o["kind"] == "ConfigMap"]
        return str(next(data[file] for data in maps if file in data))


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
