"""`aryl serve` on a real control plane: when it starts, what it may, what it answers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.cluster import bind, create_pods, inference_pod
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.pod_life import RUNS
from tests.kubernetes.serving import JOBS, WRITES, Site, grant, metric, pod, sited, state_of
from tests.service.processes import ROOT, started, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

OBSERVE = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
]


@pytest.fixture
def site(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Site]:
    with sited(control_plane, namespace, tmp_path) as site:
        yield site


def written(api: Api, namespace: str) -> Callable[[], list[Any]]:
    """What Aryl could write: nodes without their heartbeats, workloads, pods and leases."""

    def look() -> list[Any]:
        nodes = [(n["metadata"].get("annotations"), n["spec"]) for n in api.list("/api/v1/nodes")]
        jobs = api.list(JOBS.format(namespace))
        leases = api.list(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")
        pods = api.list(f"/api/v1/namespaces/{namespace}/pods")
        return [nodes, list(jobs), list(leases), list(pods)]

    return look


def test_in_shadow_it_may_only_look_and_plans_all_the_same(site: Site) -> None:
    grant(site.api, "watcher", OBSERVE)
    site.bring("wanted", minWorkers=1)
    site.bring("odd", gpuTypes=["H200"])
    look = written(site.api, site.namespace)
    before = look()
    process = site.serve("--shadow", kubeconfig=site.control_plane.kubeconfig("watcher"))

    (job,) = until(lambda: process.get("/api/v1/jobs")["items"])  # the other one is refused

    def plan() -> Any:
        for found in process.get("/api/v1/plans")["items"]:
            whole = process.get(f"/api/v1/plans/{found['id']}")
            if any(action["job_id"] == job["id"] for action in whole["actions"]):
                return whole
        return None

    found = until(plan)
    assert {action["status"] for action in found["actions"]} == {"withheld"}
    assert state_of(process, job["id"]) == "queued"
    assert metric(process, WRITES) == 0
    assert look() == before
    assert "looked at only" in site.log()
    assert f"TrainingJob {site.namespace}/odd" in site.log()
    assert "['H200'] can't be accepted" in site.log()
    assert process.stop() == 0


def test_while_prometheus_is_away_pods_tell_what_inference_needs(site: Site) -> None:
    query = 'url = "http://127.0.0.1:9"\nquery = "sum(x)"\nunit = "servers"'
    site.more = f'[demand]\nsource = "promql"\n{query}\n'
    create_pods(site.api, site.namespace, [inference_pod("web", 8)])
    bind(site.api, site.namespace, "web", "inference-0")

    process = site.serve()

    until(lambda: metric(process, "aryl_leader") == 1.0)
    until(lambda: "demand_unknown" in site.log())
    job_id = process.submit(name="x", num_gpus=8, duration_s=5, template=pod(**{RUNS: "1"}))
    until(lambda: state_of(process, job_id) == "finished")
    assert process.stop() == 0


def refused(site: Site, kubeconfig: Path, *words: str) -> str:
    """What a service says that does not start."""
    command = [sys.executable, *site.command(kubeconfig, *words)]
    ran = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr


def test_without_rights_it_does_not_start_and_says_which(site: Site) -> None:
    grant(site.api, "watcher", OBSERVE)

    told = refused(site, site.control_plane.kubeconfig("watcher"))

    for words in ("create pods/eviction", "patch nodes", "create pods/binding", "overlays/binding"):
        assert words in told
    assert "list nodes" not in told


def test_without_a_pool_it_does_not_start(site: Site) -> None:
    for node in site.api.list("/api/v1/nodes"):
        path = f"/api/v1/nodes/{node['metadata']['name']}"
        site.api.patch(path, {"metadata": {"labels": {"aryl.dev/pool": None}}})

    told = refused(site, site.control_plane.kubeconfig(), "--shadow")

    assert "kubectl label node NODE aryl.dev/pool=training" in told


def test_a_database_of_another_cluster_is_refused(site: Site) -> None:
    database = f"sqlite:///{site.folder}/aryl.db"
    command = ["-m", "aryl", "serve", "--port", "0", "--speed", "1", "--database", database]
    emulated = started(
        [*command, "--cluster-file", f"{site.folder}/cluster.db"], site.folder / "emulated.log"
    )
    site.processes.append(emulated)
    assert emulated.stop() == 0

    told = refused(site, site.control_plane.kubeconfig())

    assert "cluster.kind" in told
    assert "a new database" in told


def test_the_extender_tells_why_a_pod_waits(site: Site) -> None:
    process = site.serve()
    site.bring("large", minWorkers=9)
    until(lambda: process.get("/api/v1/jobs")["items"])
    (job,) = process.get("/api/v1/jobs")["items"]
    until(lambda: process.get(f"/api/v1/jobs/{job['id']}")["wait"])
    (raw,) = site.api.list(JOBS.format(site.namespace))
    about = {"name": "large-0", "namespace": site.namespace, "labels": {"aryl.dev/managed": "true"}}
    owner = {"controller": True, "name": "large", "uid": raw["metadata"]["uid"]}
    asked = {
        "Pod": {"metadata": {**about, "ownerReferences": [owner]}, "spec": {}},
        "Nodes": None,
        "NodeNames": ["training-0"],
    }

    answer = httpx2.post(
        f"{process.address}/extender/filter", content=json.dumps(asked), timeout=10.0
    ).json()

    assert answer["NodeNames"] == []
    told = {**answer["FailedNodes"], **answer["FailedAndUnresolvableNodes"]}["training-0"]
    assert "GPUs" in told
    assert process.stop() == 0
