"""`aryl serve` on a real control plane, as processes of their own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.kubernetes.api import Api
from tests.kubernetes.cluster import make_nodes, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.workload_stage import define_training_jobs
from tests.service.processes import STARTED, Process, started

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
    more: str = ""  # further tables of the settings

    @property
    def api(self) -> Api:
        return self.control_plane.admin

    def command(self, kubeconfig: Path, *words: str) -> list[str]:
        """The command that serves this cluster, as some user."""
        config = self.folder / f"{kubeconfig.name}.toml"
        text = SETTINGS.format(namespace=self.namespace)
        config.write_text(f'{text}kubeconfig = "{kubeconfig}"\n{self.more}')
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


@contextmanager
def sited(control_plane: ControlPlane, namespace: str, folder: Path) -> Iterator[Site]:
    """Two training nodes and one of inference; services end with the test."""
    define_training_jobs(control_plane.admin)
    with FakeKubelets(control_plane.admin) as kubelets:
        nodes = make_nodes(kubelets, training=2, inference=1)
        wait_until_schedulable(control_plane.admin, nodes)
        site = Site(control_plane, namespace, folder)
        try:
            yield site
        finally:
            for process in site.processes:
                if process.popen.poll() is None:
                    process.kill()
                STARTED.remove(process.popen)


def state_of(process: Process, job_id: str) -> str:
    """A job's state, as the service tells it."""
    return str(process.get(f"/api/v1/jobs/{job_id}")["state"])


def metric(process: Process, series: str) -> float:
    """The sum of the series that begin so."""
    text = httpx2.get(f"{process.address}/metrics", timeout=10.0).text
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith(series))
    return sum(float(value) for _, _, value in lines)


def grant(api: Api, user: str, rules: Sequence[Mapping[str, Any]]) -> None:
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
