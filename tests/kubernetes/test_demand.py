"""Inference demand of a real cluster: its pods, as controllers make them, and its autoscalers."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from aryl.clock import SystemClock, elapsed
from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.discovery import discover
from aryl.kube.mirror import Mirror
from aryl.kube.options import KubeOptions
from aryl.kube.reflector import Means
from aryl.kube.sources import picture_of, sources_of
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.cluster import bind, create_pods, deployment, inference_pod, make_nodes
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.kubelet import FakeKubelets

pytestmark = pytest.mark.kubernetes

NODES = "/api/v1/nodes"
now = SystemClock().now


@contextmanager
def mirror_of(control_plane: ControlPlane) -> Iterator[Mirror]:
    """What a leader sees of the cluster."""
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        sources = sources_of(KubeOptions(), discover(kube), ())
        with Mirror(Means(kube, elapsed, Random(1)), sources, lambda: None) as mirror:
            assert mirror.wait(30.0)
            yield mirror


@pytest.fixture
def nodes(api: Api) -> Iterator[None]:
    """Two inference nodes of 8 GPUs; the second is on loan."""
    kubelets = FakeKubelets(api)
    make_nodes(kubelets, training=1, inference=2)
    note = {"metadata": {"annotations": {"aryl.dev/loan": '{"start_s": 0.0, "term": 1}'}}}
    api.patch(f"{NODES}/inference-1", note)
    yield
    kubelets.close()


def stateful_set(name: str, replicas: int, gpus: int) -> Raw:
    body = deployment(name, replicas, inference_pod("any", gpus))
    body["kind"] = "StatefulSet"
    body["spec"] |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    return body


def scale(api: Api, namespace: str, kind: str, name: str, desired: int) -> None:
    """Have an autoscaler of a target want so many replicas."""
    path = f"/apis/autoscaling/v1/namespaces/{namespace}/horizontalpodautoscalers"
    if api.find(f"{path}/{name}") is None:
        target = {"apiVersion": "apps/v1", "kind": kind, "name": name}
        spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 20}
        api.create(
            path,
            {
                "apiVersion": "autoscaling/v1",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": name},
                "spec": spec,
            },
        )
    status = {"currentReplicas": 1, "desiredReplicas": desired}
    api.patch(f"{path}/{name}/status", {"status": status})


@pytest.mark.usefixtures("nodes")
@pytest.mark.parametrize("name", ["llm", "long-" * 11 + "name"])
def test_what_autoscalers_want_is_counted_by_the_pods_of_their_targets(
    control_plane: ControlPlane, api: Api, namespace: str, name: str
) -> None:
    apps = f"/apis/apps/v1/namespaces/{namespace}"
    others = inference_pod("web", 1)
    with mirror_of(control_plane) as mirror:
        demand = Demand(DemandSource.HPA)

        def servers() -> float:
            return demand.look(picture_of(mirror.seen()), now(), ("inference-0",))[1]

        create_pods(api, namespace, [others])
        api.create(f"{apps}/deployments", deployment(name, 1, inference_pod("any", 4)))
        api.create(f"{apps}/statefulsets", stateful_set("db", 1, 2))
        wait_until(lambda: len(mirror.seen().views["pods"]) == 3)
        wait_until(lambda: servers() == 1.0)  # 1 + 4 + 2 GPUs
        scale(api, namespace, "Deployment", name, 4)
        wait_until(lambda: servers() == 3.0)  # 1 + 16 + 2
        scale(api, namespace, "StatefulSet", "db", 7)
        wait_until(lambda: servers() == 4.0)  # 1 + 16 + 14
        api.delete(f"{apps}/deployments/{name}", propagationPolicy="Background")
        wait_until(lambda: len(mirror.seen().views["pods"]) == 2)
        scale(api, namespace, "Deployment", name, 0)
        wait_until(lambda: servers() == 2.0)  # 1 + 14


@pytest.mark.usefixtures("nodes")
def test_pods_press_only_once_none_fits_at_home(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    with mirror_of(control_plane) as mirror:
        demand = Demand(DemandSource.PODS)

        def servers() -> float:
            return demand.look(picture_of(mirror.seen()), now(), ("inference-0",))[1]

        assert servers() == 0.0
        create_pods(api, namespace, [inference_pod(f"web-{n}", 3) for n in range(2)])
        wait_until(lambda: servers() == 1.0)
        for n in range(2):
            bind(api, namespace, f"web-{n}", "inference-0")
        create_pods(api, namespace, [inference_pod("web-2", 2), inference_pod("huge", 16)])
        wait_until(lambda: len(mirror.seen().views["pods"]) == 4)
        assert servers() == 1.0
        assert demand.hopeless == (f"{namespace}/huge",)
        create_pods(api, namespace, [inference_pod("web-3", 2)])
        wait_until(lambda: servers() == 2.0)  # 10 GPUs, and no room for the last two
        api.delete(f"{pods}/web-2")
        api.delete(f"{pods}/web-3")
        wait_until(lambda: servers() == 1.0)
