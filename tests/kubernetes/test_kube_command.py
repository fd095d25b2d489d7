"""`aryl kube`: what is told of a cluster, and that it is left as it was before Aryl came."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aryl.clock import SystemClock, elapsed
from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.lease import ClusterLease, Times
from aryl.kube.loans import LoanNote, marking
from aryl.kube.names import (
    ALLOCATION,
    ENDED,
    FINALIZER,
    LAST_CHECKPOINT,
    POOL,
    RESERVED_TAINT,
)
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.statuses import node_body
from tests.kubernetes.workload_stage import CRD, CRDS, define_training_jobs

pytestmark = pytest.mark.kubernetes

ROOT = Path(__file__).parents[2]
DEFINITION = "trainingjobs.aryl.dev"
JOBS = "/apis/aryl.dev/v1alpha1/namespaces/{}/trainingjobs"
FOREIGN = {"key": "site/reason", "value": "x", "effect": "PreferNoSchedule"}


def undefine_training_jobs(api: Api) -> None:
    if api.find(f"{CRDS}/{DEFINITION}"):
        api.delete(f"{CRDS}/{DEFINITION}")
    wait_until(lambda: api.find("/apis/aryl.dev/v1alpha1") is None)


class Command:
    """The command line, as some user of the cluster."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._told = ("--kubeconfig", str(kubeconfig))
        self._environment = {"PYTHONPATH": str(ROOT), "ARYL_NAMESPACE": namespace}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "aryl", "kube", *words, *self._told],
            env=os.environ | self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def command(control_plane: ControlPlane, namespace: str) -> Command:
    return Command(control_plane.kubeconfig(), namespace)


def add_node(api: Api, name: str, pool: str | None, **spec: Any) -> None:
    body = node_body(name, gpus=8, labels={POOL: pool} if pool else {})
    body["spec"] = {**body["spec"], **spec}
    api.create("/api/v1/nodes", body)
    api.patch(f"/api/v1/nodes/{name}/status", {"status": body["status"]})


def test_a_cluster_is_told_pool_by_pool(api: Api, command: Command) -> None:
    add_node(api, "t1", "training")
    add_node(api, "t2", "training", unschedulable=True)
    add_node(api, "i1", "inference")
    add_node(api, "other", None)

    told = command("check", "--mode", "shadow", "--json")

    found = json.loads(told.stdout)
    assert told.returncode == 0, told.stderr
    assert found["pools"]["training"] == {"nodes": 2, "gpus": 16, "away": {"t2": "is cordoned"}}
    assert found["pools"]["inference"] == {"nodes": 1, "gpus": 8, "away": {}}
    assert found["version"].startswith("v1.")
    assert found["problems"] == []


def test_what_is_missing_is_told_with_a_remedy(
    control_plane: ControlPlane, namespace: str, command: Command
) -> None:
    nobody = Command(control_plane.kubeconfig("nobody"), namespace)
    undefine_training_jobs(control_plane.admin)

    as_admin = command("check", "--mode", "extender")
    as_nobody = nobody("check", "--mode", "shadow")

    assert (as_admin.returncode, as_nobody.returncode) == (1, 1)
    for words in ("aryl.dev/pool=training", "kubectl label node", "aryl kube crd"):
        assert words in as_admin.stdout
    for words in ("list nodes", "watch pods", "kubectl apply -k deploy/kubernetes/overlays/shadow"):
        assert words in as_nobody.stdout
    assert "patch" not in as_nobody.stdout


def test_a_mode_that_is_none_is_refused(command: Command) -> None:
    told = command("check", "--mode", "luck")
    assert told.returncode == 2
    assert "shadow, extender, binding" in told.stderr


def test_the_definition_is_printed_as_it_is_deployed() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "aryl", "kube", "crd"], capture_output=True, text=True, check=True
    )
    assert told.stdout == CRD.read_text(encoding="utf-8")


@pytest.fixture
def touched(api: Api, namespace: str) -> dict[str, Any]:
    """A cluster that Aryl has been at; what it looked like before, by path."""
    define_training_jobs(api)
    paths = {}
    for name, note in (("t1", None), ("i1", None), ("i2", LoanNote(5.0, 3))):
        pool = "training" if name == "t1" else "inference"
        add_node(api, name, pool, taints=[FOREIGN] if name != "t1" else [])
        path = f"/api/v1/nodes/{name}"
        paths[path] = api.get(path)
        if pool == "inference":
            marks = marking(api.get(path), note)
            del marks["metadata"]["resourceVersion"]  # controllers write on nodes at any time
            api.patch(path, marks)
    jobs = JOBS.format(namespace)
    user = {"annotations": {LAST_CHECKPOINT: "2026-01-01T00:00:00Z"}}
    for name in ("running", "leaving"):
        body = {"apiVersion": "aryl.dev/v1alpha1", "kind": "TrainingJob", "spec": {}}
        api.create(jobs, {**body, "metadata": {"name": name, **user}})
        paths[f"{jobs}/{name}"] = api.get(f"{jobs}/{name}")
        ours = {"annotations": {ALLOCATION: "{}", ENDED: "{}"}, "finalizers": [FINALIZER, "a/b"]}
        api.patch(f"{jobs}/{name}", {"metadata": ours})
    return paths


def core(raw: Any) -> Any:
    """What an object says, whatever its version."""
    metadata = raw["metadata"]
    return (
        metadata.get("labels"),
        metadata.get("annotations"),
        [name for name in metadata.get("finalizers") or () if name != "a/b"],
        [t for t in raw["spec"].get("taints") or () if not t["key"].startswith("node.kubernetes")],
    )


def test_a_release_only_tells_until_it_is_meant(
    api: Api, command: Command, touched: dict[str, Any]
) -> None:
    before = {path: api.get(path) for path in touched}

    told = command("release")

    assert told.returncode == 0, told.stderr
    assert "nothing was changed: say --yes" in told.stdout
    assert f"node i1: label aryl.dev/state, taint {RESERVED_TAINT}" in told.stdout
    assert "node t1" not in told.stdout
    assert f"finalizer {FINALIZER}" in told.stdout
    assert [api.get(path) for path in touched] == list(before.values())


def test_a_released_cluster_is_as_it_was(
    api: Api, command: Command, touched: dict[str, Any]
) -> None:
    told = command("release", "--yes", "--json")

    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["releases"]) == 4
    for path, raw in touched.items():
        assert core(api.get(path)) == core(raw), path
    again = command("release", "--yes")
    assert again.stdout.strip() == "nothing of Aryl's is on this cluster"


@pytest.mark.usefixtures("touched")
def test_while_a_service_leads_nothing_is_released(
    control_plane: ControlPlane, namespace: str, command: Command
) -> None:
    wall = SystemClock()
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        lease = ClusterLease(kube, (namespace, "aryl"), "host/1", Times(elapsed, wall.now))
        lease.take()
        refused = command("release", "--yes")
        forced = command("release", "--yes", "--force")

    assert refused.returncode == 1
    assert "host/1 holds the lease" in refused.stderr
    assert forced.returncode == 0
    assert "label aryl.dev/state" in forced.stdout
