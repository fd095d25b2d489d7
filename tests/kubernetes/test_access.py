"""Ways to an API server: kubeconfigs of every sort, and a pod's own account."""

import json
from pathlib import Path

import pytest

from aryl.kube.access import from_inside, from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.errors import Forbidden, Unauthorized, Unreachable
from aryl.kube.paths import NODES
from aryl.model.errors import BadInput
from tests.kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.kubernetes


def test_a_wrong_token_is_no_secret_told(control_plane: ControlPlane, tmp_path: Path) -> None:
    config = json.loads(control_plane.kubeconfig().read_text())
    config["users"][0]["user"] = {"token": "hush-hush"}
    file = tmp_path / "config"
    file.write_text(json.dumps(config))

    with KubeApi(from_kubeconfig(file)) as kube, pytest.raises(Unauthorized) as refused:
        kube.list(NODES)

    assert "hush" not in str(refused.value)


def test_a_plugin_gives_the_token_of_the_context_that_is_asked_for(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = json.loads(control_plane.kubeconfig().read_text())
    token = config["users"][0]["user"]["token"]
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    program = {
        "apiVersion": answer["apiVersion"],
        "command": "echo",
        "args": [json.dumps(answer)],
        "interactiveMode": "Never",
    }
    config["users"].append({"name": "plugged", "user": {"exec": program}})
    context = {"cluster": "tests", "user": "plugged"}
    config["contexts"].append({"name": "plugged", "context": context})
    config["users"][0]["user"] = {"token": "wrong"}
    file = tmp_path / "config"
    file.write_text(json.dumps(config))

    with KubeApi(from_kubeconfig(file, "plugged")) as kube:
        assert kube.list(NODES).items == []


def test_a_certificate_that_nobody_trusts_ends_it(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = json.loads(control_plane.kubeconfig().read_text())
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    file = tmp_path / "config"
    file.write_text(json.dumps(config))

    with KubeApi(from_kubeconfig(file)) as kube, pytest.raises(Unreachable, match="CERTIFICATE"):
        kube.get("/version")


def test_a_file_that_gives_no_access_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no access"):
        from_kubeconfig(tmp_path / "nowhere")
    (tmp_path / "config").write_text("{}")
    with pytest.raises(BadInput, match="no access"):
        from_kubeconfig(tmp_path / "config")


def test_a_pod_is_whom_its_service_account_is(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    identity = control_plane.service_account(namespace, "default")
    (tmp_path / "token").write_text(f"{identity.token}\n")
    (tmp_path / "ca.crt").write_bytes(control_plane.credentials.authority)
    host, _, port = control_plane.server.removeprefix("https://").rpartition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)

    with KubeApi(from_inside(tmp_path)) as kube, pytest.raises(Forbidden) as forbidden:
        kube.list(NODES)

    assert f"system:serviceaccount:{namespace}:default" in str(forbidden.value)
    with pytest.raises(BadInput, match="no access"):
        from_inside(tmp_path / "nowhere")
