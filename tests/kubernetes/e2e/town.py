"""Forty nodes, inference and jobs on them, and Aryl as it is deployed: a day takes a minute."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aryl.clock import elapsed
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.applying import OWN, Applier, Deployment, applying
from tests.kubernetes.cluster import make_nodes, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.e2e import bodies
from tests.kubernetes.e2e.curve import HOURS, Arrival, Way, replicas
from tests.kubernetes.e2e.witness import Witness
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.workload_stage import define_training_jobs
from tests.service.processes import Process

DAY_S = 90.0  # wall time
SPEED = 86_400.0 / DAY_S
TICK_S = 3.0  # wall time between two looks at loans, but for those that can't wait
POLICY = f'scheme = "aryl"\ncycle_s = {SPEED / 4}\norchestrator_s = {SPEED * TICK_S}'
PACKING = {
    "podMaxBackoffSeconds": 2,
    "profiles": [
        {
            "schedulerName": "default-scheduler",
            "plugins": {
                "score": {
                    "disabled": [{"name": "NodeResourcesLeastAllocated"}],
                    "enabled": [{"name": "NodeResourcesMostAllocated", "weight": 100}],
                }
            },
            "pluginConfig": [
                {
                    "name": "NodeResourcesMostAllocated",
                    "args": {"resources": [{"name": "nvidia.com/gpu", "weight": 1}]},
                }
            ],
        }
    ],
}


class Hasty(Deployment):
    """A deployment whose days are short."""

    def _config_of(self, file: str) -> str:
        text = super()._config_of(file)
        kind = 'kind = "kubernetes"'
        return text.replace(kind, f"{kind}\nspeed = {SPEED}").replace('scheme = "aryl"', POLICY)


@dataclass(frozen=True, slots=True)
class Town:
    """All of it."""

    api: Api
    namespace: str
    apply: Applier
    service: Process
    witness: Witness
    log: Path

    def live(self, jobs: list[Arrival]) -> None:
        """Let a day pass."""
        coming, begun_s = list(jobs), elapsed()
        while (hour := (elapsed() - begun_s) / DAY_S * HOURS) < HOURS or coming:
            self.scale("chat", replicas(hour))
            due = [job for job in coming if job.hour <= hour]
            coming = coming[len(due) :]
            self._bring(due)
            _wait(begun_s + (hour + 0.25) / HOURS * DAY_S)

    def rush(self) -> None:
        """Let inference want every server of its own, and get it."""
        self.scale("embed", 0)
        self.scale("chat", 20)
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"
        wait_until(lambda: all(_is_served(raw) for raw in self.api.list(path)))

    def scale(self, name: str, count: int) -> None:
        """Let more, or fewer, replicas serve a model."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"
        self.api.patch(path, {"spec": {"replicas": count}})

    def jobs(self) -> list[Any]:
        """All jobs, as the service tells them."""
        return list(self.service.get("/api/v1/jobs", params={"limit": 200})["items"])

    def unawaited(self) -> int:
        """How many looks at loans did not wait for their time, as there is one in each span."""
        plans = self.service.get("/api/v1/plans", params={"limit": 500})["items"]
        looks = [plan["t_s"] // (SPEED * TICK_S) for plan in plans if "orchestrate" in plan["due"]]
        return len(looks) - len({*looks})

    def done(self, action: str) -> int:
        """How many such actions the service has carried out."""
        text = httpx2.get(f"{self.service.address}/metrics", timeout=10.0).text
        series = f'aryl_actions_total{{action="{action}",outcome="done"}}'
        lines = [line for line in text.splitlines() if line.startswith(series)]
        assert len(lines) == 1, lines
        return int(float(lines[0].rpartition(" ")[2]))

    def _bring(self, jobs: list[Arrival]) -> None:
        for job in jobs:
            if job.way is Way.REST:
                self.service.submit(**bodies.rest_job(job, SPEED))
        write = {Way.KUBECTL: bodies.training_job, Way.BATCH: bodies.batch_job}
        objects = [write[job.way](job, SPEED) for job in jobs if job.way in write]
        if objects:
            manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
            self.apply("create", "-n", self.namespace, "-f", "-", manifest=manifest)


def _is_served(deployment: Raw) -> bool:
    """Whether as many replicas run as are wanted, and no other is left."""
    wanted, status = deployment["spec"]["replicas"], deployment["status"]
    is_seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    counts = {status.get("replicas", 0), status.get("readyReplicas", 0)}
    return is_seen and counts == {wanted}


def _wait(until_s: float) -> None:
    wait_until(lambda: elapsed() >= until_s)


@contextmanager
def founded(
    control_plane: ControlPlane,
    namespace: str,
    mode: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    """A town at midnight, with everybody at work."""
    api = control_plane.admin
    with ExitStack() as stack:
        apply = stack.enter_context(applying(control_plane))
        kubelets = stack.enter_context(FakeKubelets(api))
        define_training_jobs(api)
        apply.overlay(f"v1.20-{mode}")
        deployment = Hasty(control_plane, f"v1.20-{mode}", folder)
        monkeypatch.setenv("ARYL_NAMESPACE", OWN)
        monkeypatch.setenv("KUBECONFIG", str(deployment.config))
        nodes = make_nodes(kubelets)
        wait_until_schedulable(api, nodes)
        control_plane.start_scheduler(PACKING)
        stack.callback(deployment.end)
        witness = stack.enter_context(Witness(api))
        wait_until(lambda: witness.is_watching)
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        api.create(path, bodies.inference("chat", replicas(0.0), gpus=8))
        api.create(path, bodies.inference("embed", 4, gpus=4))
        wait_until(lambda: all(_is_served(raw) for raw in api.list(path)))
        service = deployment.serve()
        if mode == "extender":
            deployment.schedule(service)
        yield Town(api, namespace, apply, service, witness, deployment.log)
