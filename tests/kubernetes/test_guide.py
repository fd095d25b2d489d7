"""What docs/kubernetes.md tells an operator to do works, from the first label to the last."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kustomize import ROOT, kubectl
from tests.kubernetes.api import Api
from tests.kubernetes.applying import OWN, Deployment
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.statuses import node_body
from tests.service.processes import until

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

GUIDE = (ROOT / "docs" / "kubernetes.md").read_text()
NODES = ("gpu-01", "gpu-02", "gpu-11", "gpu-12")
UNTRIED = (  # they need an image, a pod that runs, or the answer of one
    "docker",
    "TOKEN=",
    "kubectl -n aryl-system logs",
    "kubectl -n aryl-system port-forward",
    "kubectl -n aryl-system create secret generic aryl-metrics",
    "aryl submit",
)
LEFT_FOR_LATER = ("kubectl delete clusterrolebinding", "kubectl -n aryl-system delete rolebinding")


def blocks(language: str) -> list[str]:
    """The guide's blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def commands() -> Iterator[str]:
    """The commands of the guide, in its order."""
    for block in blocks("sh"):
        for line in block.splitlines():
            command = re.sub(r"\s+#.*", "", line).strip()
            if command and not command.startswith(UNTRIED):
                later = command.startswith(LEFT_FOR_LATER)  # we stay live
                yield f"{command} --dry-run=server" if later else command


class Operator:
    """Types the commands, in a folder of their own."""

    def __init__(self, control_plane: ControlPlane, folder: Path) -> None:
        self._folder = folder
        self._kubeconfig = str(control_plane.kubeconfig())
        self._cache = control_plane.folder / "kubectl"
        self.environment: dict[str, str] = {}
        (folder / "aryl").symlink_to(ROOT)

    def write(self, overlay: str) -> None:
        """The guide's two files, for an overlay that suits the server."""
        (kustomization,) = blocks("yaml")
        (settings,) = blocks("toml")
        (self._folder / "kustomization.yaml").write_text(
            kustomization.replace("overlays/shadow", f"overlays/{overlay}")
        )
        (self._folder / "aryl.toml").write_text(settings)

    def type(self, command: str) -> str:
        """Run one; what it says."""
        words = shlex.split(command)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.environment[name] = value
            return ""
        programs = {
            "kubectl": [kubectl(), f"--cache-dir={self._cache}"],
            "aryl": [sys.executable, "-m", "aryl"],
        }
        told = subprocess.run(  # noqa: S603 - the guide's words
            [*programs[words[0]], *words[1:]],
            cwd=self._folder,
            env=os.environ | {"KUBECONFIG": self._kubeconfig, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, f"{command}\n{told.stdout}{told.stderr}"
        return told.stdout


def marks_of(api: Api) -> dict[str, Any]:
    """What of each node somebody might write."""
    return {
        node["metadata"]["name"]: (
            node["metadata"]["labels"],
            {k: v for k, v in node["metadata"].get("annotations", {}).items() if "aryl" in k},
            node["spec"].get("taints"),
        )
        for node in api.list("/api/v1/nodes")
    }


def test_the_guide_can_be_followed_to_its_end(
    control_plane: ControlPlane,
    api: Api,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait_until(lambda: api.find(f"/api/v1/namespaces/{OWN}") is None)
    operator = Operator(control_plane, tmp_path)
    said: dict[str, str] = {}
    service: Deployment | None = None
    with FakeKubelets(api, speed=100.0) as kubelets:
        kubelets.add(node_body(name, 8) for name in NODES)
        wait_until(lambda: all(not taints for _, _, taints in marks_of(api).values()))
        before = marks_of(api)
        try:
            for command in commands():
                if command == "kubectl apply -k .":
                    operator.write("v1.20-shadow" if not said.get(command) else "v1.20-extender")
                if " get lease aryl " in command and service is None:
                    service = _live(control_plane, tmp_path, monkeypatch)
                    until(lambda: api.find(_lease()), limit_s=30.0)
                    until(lambda: _states(api) == ["home", "home"])
                if command.endswith("first-token.yaml"):  # made by the cluster, in its own time
                    wait_until(
                        lambda: api.find(f"/api/v1/namespaces/{OWN}/serviceaccounts/default")
                    )
                said[command] = operator.type(command)
                if command.endswith("--replicas=0") and service is not None:
                    service.stop()
        finally:
            if service is not None:
                service.end()

    assert marks_of(api) == before
    assert "gpu-11" in said["aryl kube release --yes"]
    assert api.find(f"/api/v1/namespaces/{OWN}") is None
    bindings = api.list("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")
    assert not [each for each in bindings if each["metadata"]["name"].startswith("aryl")]


def _live(control_plane: ControlPlane, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """What the pods run that nobody starts here."""
    deployment = Deployment(control_plane, "v1.20-extender", folder)
    monkeypatch.setenv("ARYL_NAMESPACE", OWN)
    monkeypatch.setenv("KUBECONFIG", str(deployment.config))
    deployment.schedule(deployment.serve())
    return deployment


def _lease() -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{OWN}/leases/aryl"


def _states(api: Api) -> list[str]:
    """What labels of Aryl's say of nodes."""
    labels = [node["metadata"]["labels"] for node in api.list("/api/v1/nodes")]
    return [each["aryl.dev/state"] for each in labels if "aryl.dev/state" in each]
