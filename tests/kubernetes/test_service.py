"""`aryl serve` on a real control plane: started as an operator does, used as users do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.cluster import make_nodes, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.pod_life import RUNS
from tests.kubernetes.workload_stage import define_training_jobs
from tests.service.processes import ROOT, STARTED, Process, started, until

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

SETTINGS = """
[cluster]
kind = "kubernetes"
[scheduler]
lease_s = 2.0
[policy]
scheme = "aryl"
cycle_s = 1.0
preemption_overhead_s = 0.0
[kubernetes]
namespace = "{namespace}"
placing = "binding"
inference_gpu_type = "T4"
"""
JOBS = "/apis/aryl.dev/v1alpha1/namespaces/{}/trainingjobs"
WRITES = "aryl_kube_writes_total"


def pod(**annotations: str) -> dict[str, Any]:
    """A pod template that runs for a while."""
    container = {"name": "main", "image": "train:1"}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    return {"metadata": {"annotations": annotations}, "spec": spec}


@dataclass
class Site:
    """A cluster whose kubelets run, and services that schedule it."""

    control_plane: ControlPlane
    namespace: str
    folder: Path
    processes: list[Process] = field(default_factory=list)

    @property
    def api(self) -> Api:
        return self.control_plane.admin

    def command(self, kubeconfig: Path, *words: str) -> list[str]:
        """The command that serves this cluster, as some user."""
        config = self.folder / f"{kubeconfig.name}.toml"
        text = SETTINGS.format(namespace=self.namespace)
        config.write_text(f'{text}kubeconfig = "{kubeconfig}"\n')
        files = ["--config", str(config), "--database", f"sqlite:///{self.folder}/aryl.db"]
        return ["-m", "aryl", "serve", "--port", "0", *files, *words]

    def serve(self, *words: str, kubeconfig: Path | None = None) -> Process:
        """A service that answers."""
        number = len(self.processes)
        command = self.command(kubeconfig or self.control_plane.kubeconfig(), *words)
        process = started(command, self.folder / f"serve-{number}.log")
        self.processes.append(process)
        return process

    def log(self, number: int = 0) -> str:
        return (self.folder / f"serve-{number}.log").read_text()

    def pods(self) -> list[Any]:
        return list(self.api.list(f"/api/v1/namespaces/{self.namespace}/pods"))

    def bring(self, name: str, **spec: Any) -> None:
        """Create a TrainingJob as kubectl does."""
        body = {
            "apiVersion": "aryl.dev/v1alpha1",
            "kind": "TrainingJob",
            "metadata": {"name": name},
            "spec": {"gpusPerWorker": 8, "template": pod(), **spec},
        }
        self.api.create(JOBS.format(self.namespace), body)

    def phase(self, name: str) -> str:
        raw = self.api.find(f"{JOBS.format(self.namespace)}/{name}") or {}
        return str(raw.get("status", {}).get("phase", ""))


@pytest.fixture
def site(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Site]:
    """Two training nodes and one of inference."""
    define_training_jobs(control_plane.admin)
    with FakeKubelets(control_plane.admin) as kubelets:
        nodes = make_nodes(kubelets, training=2, inference=1)
        wait_until_schedulable(control_plane.admin, nodes)
        site = Site(control_plane, namespace, tmp_path)
        yield site
        for process in site.processes:
            if process.popen.poll() is None:
                process.kill()
            STARTED.remove(process.popen)


def state_of(process: Process, job_id: str) -> str:
    return str(process.get(f"/api/v1/jobs/{job_id}")["state"])


def metric(process: Process, series: str) -> float:
    text = httpx2.get(f"{process.address}/metrics", timeout=10.0).text
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith(series))
    return sum(float(value) for _, _, value in lines)


def test_a_job_of_the_service_runs_on_the_cluster_until_it_is_done(site: Site) -> None:
    process = site.serve()
    until(lambda: process.get("/readyz")["checks"]["cluster"] == "ok")

    job_id = process.submit(
        name="bert", num_gpus=16, gpus_per_worker=8, duration_s=60, template=pod(**{RUNS: "3"})
    )

    running = until(lambda: [it for it in site.pods() if it["status"]["phase"] == "Running"] or 0)
    assert running
    until(lambda: state_of(process, job_id) == "finished")
    assert {it["spec"]["nodeName"] for it in site.pods()} <= {"training-0", "training-1"}
    for words in ("Kubernetes v1.", "placing by binding", "2 nodes, 16 GPUs", "1 node, 8 GPUs"):
        assert words in site.log()
    assert metric(process, f'{WRITES}{{outcome="done",verb="create"}}') > 0
    assert metric(process, "aryl_kube_lists_total") > 0
    assert process.stop() == 0


def test_a_job_of_the_cluster_is_known_to_the_service_and_can_be_cancelled_there(
    site: Site,
) -> None:
    process = site.serve()

    site.bring("brought", minWorkers=1, maxWorkers=2)

    (job,) = until(lambda: process.get("/api/v1/jobs")["items"])
    assert (job["name"], job["owner"]) == (
        f"{site.namespace}/brought",
        f"kubernetes:{site.namespace}",
    )
    until(lambda: state_of(process, job["id"]) == "running")
    until(lambda: site.phase("brought") == "Running")
    process.cancel(job["id"])
    until(lambda: state_of(process, job["id"]) == "cancelled")
    until(lambda: site.phase("brought") == "Cancelled")
    until(lambda: not site.pods())
    assert process.stop() == 0


def test_when_the_leader_dies_another_goes_on(site: Site) -> None:
    first, second = site.serve(), None
    site.bring("long", minWorkers=1, maxWorkers=2)
    (job,) = until(lambda: first.get("/api/v1/jobs")["items"])
    until(lambda: state_of(first, job["id"]) == "running")
    until(lambda: len(site.pods()) == 2)
    second = site.serve()
    before = {it["metadata"]["uid"] for it in site.pods()}

    first.kill()
    until(lambda: metric(second, "aryl_leader") == 1.0)
    job_id = second.submit(name="later", num_gpus=8, duration_s=5, template=pod(**{RUNS: "1"}))

    until(lambda: state_of(second, job_id) in {"running", "finished"})
    held = {it["metadata"]["uid"] for it in site.pods()}
    assert len(before & held) >= 1  # its base worker was never touched
    assert second.get(f"/api/v1/jobs/{job['id']}")["preemptions"] == 0
    assert second.stop() == 0


def test_of_two_services_one_leads_and_hands_over_when_it_stops(site: Site) -> None:
    first = site.serve()
    until(lambda: metric(first, "aryl_leader") == 1.0)
    second = site.serve()

    assert metric(second, "aryl_leader") == 0.0
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{site.namespace}/leases"
    holder = site.api.get(f"{leases}/aryl")["spec"]["holderIdentity"]
    assert f"/{first.popen.pid}/" in holder
    assert first.stop() == 0
    until(lambda: metric(second, "aryl_leader") == 1.0, limit_s=10.0)
    assert f"/{second.popen.pid}/" in site.api.get(f"{leases}/aryl")["spec"]["holderIdentity"]
    assert second.stop() == 0


def test_a_leader_that_was_stopped_does_no_harm_when_it_goes_on(site: Site) -> None:
    first = site.serve()
    site.bring("long", minWorkers=1, maxWorkers=1)
    until(lambda: [it for it in site.pods() if it["status"]["phase"] == "Running"])
    second = site.serve()
    first.popen.send_signal(signal.SIGSTOP)
    until(lambda: metric(second, "aryl_leader") == 1.0)
    job_id = second.submit(name="b", num_gpus=8, duration_s=60, template=pod())
    until(lambda: state_of(second, job_id) == "running")
    until(lambda: len([it for it in site.pods() if it["status"]["phase"] == "Running"]) == 2)

    first.popen.send_signal(signal.SIGCONT)

    until(lambda: metric(first, "aryl_leader") == 0.0)
    assert metric(second, "aryl_leader") == 1.0
    assert len(site.pods()) == 2
    assert state_of(second, job_id) == "running"
    assert [first.stop(), second.stop()] == [0, 0]


def test_with_a_new_database_what_runs_is_known_again(site: Site) -> None:
    first = site.serve()
    job_id = first.submit(name="bert", num_gpus=8, duration_s=3600, template=pod())
    until(lambda: [it for it in site.pods() if it["status"]["phase"] == "Running"])
    until(lambda: state_of(first, job_id) == "running")
    uids = {it["metadata"]["uid"] for it in site.pods()}
    assert first.stop() == 0
    assert term_told(site) == 1

    (site.folder / "aryl.db").rename(site.folder / "lost.db")
    second = site.serve()

    until(lambda: second.get("/api/v1/jobs")["items"])
    until(lambda: state_of(second, job_id) == "running")
    assert {it["metadata"]["uid"] for it in site.pods()} == uids
    second.cancel(job_id)  # it can act: its term is above that of the annotations
    until(lambda: state_of(second, job_id) == "cancelled")
    until(lambda: not site.pods())
    assert term_told(site) == 2
    assert second.stop() == 0


def term_told(site: Site) -> int:
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{site.namespace}/leases/aryl"
    return int(site.api.get(lease)["metadata"]["annotations"]["aryl.dev/term"])


OBSERVE = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
]


def grant(api: Api, user: str, rules: list[Mapping[str, Any]]) -> None:
    """Let a user do what these rules say."""
    rights = "/apis/rbac.authorization.k8s.io/v1"
    group = "rbac.authorization.k8s.io"
    api.create(f"{rights}/clusterroles", {"metadata": {"name": user}, "rules": rules})
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    api.create(f"{rights}/clusterrolebindings", binding)


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
    grant(site.api, "watcher", list(OBSERVE))
    site.bring("wanted", minWorkers=1)
    look = written(site.api, site.namespace)
    before = look()
    process = site.serve("--shadow", kubeconfig=site.control_plane.kubeconfig("watcher"))

    (job,) = until(lambda: process.get("/api/v1/jobs")["items"])

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
    grant(site.api, "watcher", list(OBSERVE))

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
