"""A cluster for a test: its nodes, its inference pods, and `kubectl`."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.kubernetes.api import Api, Raw
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.credentials import ADMIN
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.pod_life import GPU
from tests.kubernetes.statuses import node_body

POOL = "aryl.dev/pool"
RESERVED = {"key": "aryl.dev/reserved", "value": "inference", "effect": "NoSchedule"}
TOLERATION = {"key": "aryl.dev/reserved", "operator": "Equal", "value": "inference"}
NOT_READY = "node.kubernetes.io/not-ready"
AT_ONCE = 8  # requests under way


def make_nodes(
    kubelets: FakeKubelets,
    *,
    training: int = 20,
    inference: int = 20,
    gpus: int = 8,
    labels: Mapping[str, str] | None = None,
) -> list[str]:
    """Register nodes `training-0`… and `inference-0`…; the latter are reserved for inference."""
    here = labels or {}
    bodies = [
        node_body(f"training-{n}", gpus, {POOL: "training", **here}) for n in range(training)
    ] + [
        node_body(f"inference-{n}", gpus, {POOL: "inference", **here}, [RESERVED])
        for n in range(inference)
    ]
    kubelets.add(bodies)
    return [str(body["metadata"]["name"]) for body in bodies]


def wait_until_schedulable(api: Api, nodes: Iterable[str]) -> None:
    """Wait until controllers have seen that new nodes are Ready."""
    wanted = set(nodes)

    def are_clear() -> bool:
        found = {node["metadata"]["name"]: node["spec"] for node in api.list("/api/v1/nodes")}
        taints = [found[name].get("taints") or [] for name in wanted]
        return not any(taint["key"] == NOT_READY for some in taints for taint in some)

    wait_until(are_clear)


def pod_body(name: str, gpus: int, **spec: Any) -> Raw:
    """A pod with one container that asks for GPUs; further fields of its spec as they are given."""
    container = {"name": "main", "image": "none", "resources": {"limits": {GPU: f"{gpus}"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "restartPolicy": "Never", **spec},
    }


def inference_pod(name: str, gpus: int, **spec: Any) -> Raw:
    """A pod of inference: it may run on reserved nodes, and stops within a second."""
    chosen = {
        "tolerations": [TOLERATION],
        "nodeSelector": {POOL: "inference"},
        "terminationGracePeriodSeconds": 1,
    }
    body = pod_body(name, gpus, **{**chosen, **spec})
    body["metadata"]["labels"] = {"app": "inference"}
    return body


def deployment(name: str, replicas: int, pod: Raw) -> Raw:
    """A Deployment of a pod's kind."""
    chosen = {"app": name}
    template = {"metadata": {"labels": chosen}, "spec": pod["spec"] | {"restartPolicy": "Always"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": chosen}, "template": template},
    }


def create_pods(api: Api, namespace: str, bodies: Iterable[Raw]) -> None:
    """Create many at once."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda body: api.create(path, body), bodies):
            pass


def delete_pods(api: Api, namespace: str, names: Iterable[str]) -> None:
    """Delete many at once, each with the grace that it asks for."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda name: api.delete(f"{path}/{name}"), names):
            pass


def bind(api: Api, namespace: str, name: str, node: str) -> None:
    """Put a pod on a node, as a scheduler does."""
    target = {"apiVersion": "v1", "kind": "Node", "name": node}
    body = {"metadata": {"name": name}, "target": target}
    api.create(f"/api/v1/namespaces/{namespace}/pods/{name}/binding", body)


def kubectl(
    control_plane: ControlPlane, *words: str, user: str = ADMIN, groups: Sequence[str] = ()
) -> str:
    """What kubectl answers to a user.

    Raises:
        AssertionError: it failed; with what it said.

    """
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("left out: needs kubectl (Debian's package kubernetes-client)")
    config = control_plane.kubeconfig(user, groups)
    answer = subprocess.run(  # noqa: S603 - our own words
        [program, f"--kubeconfig={config}", *words],
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )
    assert answer.returncode == 0, f"kubectl {' '.join(words)}:\n{answer.stdout}{answer.stderr}"
    return answer.stdout
