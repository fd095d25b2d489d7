"""What `deploy/kubernetes` holds is taken by a real API server, and grants the rights it should."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.discovery import discover
from aryl.kube.rights import Mode, missing, needed
from tests.deploy.kustomize import KUBERNETES, OVERLAYS, built, read
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.applying import OWN, Applier, applying, run_scheduler
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.definitions import DEFINITIONS as OTHERS
from tests.kubernetes.statuses import node_body
from tests.kubernetes.workload_stage import define, define_training_jobs

pytestmark = pytest.mark.kubernetes

SERVED = [name for name in OVERLAYS if name.startswith("v1.20")]
NEWER = {"policy/v1": "policy/v1beta1"}  # what 1.20 does not serve, in the form it does
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{OWN}/leases"
MONITORS: Raw = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "scope": "Namespaced",
        "names": {"kind": "ServiceMonitor", "plural": "servicemonitors"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def apply(control_plane: ControlPlane) -> Iterator[Applier]:
    """A way to deploy."""
    with applying(control_plane) as applier:
        yield applier


def test_every_overlay_is_taken_by_the_server(apply: Applier) -> None:
    for name in OVERLAYS:
        objects = [dict(o) for o in built(KUBERNETES / "overlays" / name)]
        if name not in SERVED:
            for each in objects:
                each["apiVersion"] = NEWER.get(each["apiVersion"], each["apiVersion"])

        told = apply("apply", "-f", "-", "--dry-run=server", manifest=yaml.safe_dump_all(objects))

        assert told.count("server dry run") == len(objects), name


def test_monitoring_is_taken_where_its_definitions_are(
    apply: Applier, api: Api, tmp_path: Path
) -> None:
    define(api, MONITORS)
    (tmp_path / "deploy").symlink_to(KUBERNETES)
    (tmp_path / "kustomization.yaml").write_text(
        "resources: [deploy/overlays/v1.20-shadow]\ncomponents: [deploy/components/monitoring]\n"
    )

    told = apply("apply", "-k", str(tmp_path), "--dry-run=server")

    assert "servicemonitor.monitoring.coreos.com/aryl created" in told


def test_pods_of_the_deployment_are_made(apply: Applier, api: Api) -> None:
    apply.overlay("v1.20-extender")

    def pods() -> Any:
        return api.list(f"/api/v1/namespaces/{OWN}/pods")

    wait_until(lambda: len(pods()) == 2)
    budget = f"/apis/policy/v1beta1/namespaces/{OWN}/poddisruptionbudgets/aryl"
    wait_until(lambda: api.get(budget)["status"].get("expectedPods") == 2)
    assert {pod["spec"]["priority"] for pod in pods()} == {1_100_000}


@pytest.mark.parametrize("name", SERVED)
def test_the_service_account_has_the_rights_of_its_mode(
    control_plane: ControlPlane, apply: Applier, name: str
) -> None:
    mode = Mode(name.rpartition("-")[2])
    apply.overlay(name)
    config = control_plane.kubeconfig_of(control_plane.service_account(OWN, "aryl"))
    with KubeApi(from_kubeconfig(config)) as kube:
        served = discover(kube)
        rights = needed(mode, served, OWN)
        more = {*needed(Mode.BINDING, served, OWN)} - {*rights}

        wait_until(lambda: missing(kube, rights) == [])
        assert {str(right) for right in missing(kube, more)} == (
            # a kube-scheduler binds pods, and in the extender's mode that one has its rights
            set() if mode is Mode.EXTENDER else {str(right) for right in more}
        )


def test_our_kube_scheduler_runs_with_the_rights_of_the_service_account_and_packs(
    control_plane: ControlPlane, apply: Applier, api: Api, namespace: str, tmp_path: Path
) -> None:
    apply.overlay("v1.20-extender")
    config = yaml.safe_load((KUBERNETES / "components/scheduler-v1beta1/config.yaml").read_text())
    del config["extenders"]  # no service is there to ask
    kubeconfig = control_plane.kubeconfig_of(control_plane.service_account(OWN, "aryl"))
    for node in ("a", "b", "c"):
        api.create("/api/v1/nodes", node_body(node, 8, {"aryl.dev/pool": "inference"}))
    pods = f"/api/v1/namespaces/{namespace}/pods"
    api.create(pods, bound_pod("first", "b"))

    file = tmp_path / "config.yaml"
    scheduler = run_scheduler(control_plane, config, kubeconfig, file, "--secure-port=0")
    try:
        deployment = read("samples", "inference.yaml")[0]
        apply("-n", namespace, "apply", "-f", "-", manifest=yaml.safe_dump(dict(deployment)))
        wait_until(lambda: len(nodes_of(api, pods, "chat-")) == 2)

        assert nodes_of(api, pods, "chat-") == ["b", "b"]
        assert api.get(f"{LEASES}/aryl-scheduler")["spec"]["holderIdentity"]
        assert "forbidden" not in scheduler.last_words()
    finally:
        control_plane.end(scheduler)


def bound_pod(name: str, node: str) -> Raw:
    """A pod that has a GPU of a node."""
    container = {"name": "c", "image": "i", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    return {"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [container]}}


def nodes_of(api: Api, pods: str, start: str) -> list[str]:
    """Where the bound pods are whose names begin so."""
    found = [pod for pod in api.list(pods) if pod["metadata"]["name"].startswith(start)]
    return [pod["spec"]["nodeName"] for pod in found if "nodeName" in pod["spec"]]


def test_the_first_token_is_made_in_a_pod_that_is_taken(apply: Applier) -> None:
    file = KUBERNETES / "first-token.yaml"

    # the controller of service accounts gives the namespace its own a moment after it is there
    def told() -> str:
        return apply("apply", "-f", str(file), "--dry-run=server")

    wait_until(lambda: apply("-n", OWN, "get", "serviceaccounts", "-o", "name") != "")
    assert "pod/aryl-first-token created" in told()


def test_samples_are_taken(apply: Applier, api: Api) -> None:
    define_training_jobs(api)
    for definition in OTHERS.values():
        define(api, definition)
    apply("apply", "-f", str(KUBERNETES / "base" / "priorities.yaml"))
    files = sorted((KUBERNETES / "samples").iterdir())

    told = apply("apply", "--dry-run=server", *(f"--filename={file}" for file in files))

    assert told.count("created (server dry run)") == len(files)
