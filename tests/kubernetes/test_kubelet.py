"""The tests' kubelets do what real ones do, as far as the API server can tell."""

import pytest

from tests.kubernetes.api import Api, Raw
from tests.kubernetes.cluster import (
    bind,
    create_pods,
    kubectl,
    make_nodes,
    pod_body,
    wait_until_schedulable,
)
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.kubelet import FakeKubelets
from tests.kubernetes.pod_life import FAILS, RUNS, STOPS

pytestmark = pytest.mark.kubernetes


def test_a_pod_that_the_scheduler_binds_runs_and_goes_after_its_grace(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    control_plane.start_scheduler()
    pods = f"/api/v1/namespaces/{namespace}/pods"
    with FakeKubelets(api, speed=30.0) as kubelets:
        wait_until_schedulable(api, make_nodes(kubelets, training=2, inference=1))

        create_pods(api, namespace, [pod_body(f"pod-{n}", 8) for n in range(3)])
        wait_until(lambda: phases(api, namespace).count("Running") == 2)

        assert "Running" in kubectl(control_plane, "get", "pods", f"--namespace={namespace}")
        assert phases(api, namespace).count("Pending") == 1  # the third node is reserved
        api.delete(f"{pods}/{running(api, namespace)[0]}")
        assert len(api.list(pods)) == 3  # its grace has just begun
        wait_until(lambda: phases(api, namespace) == ["Running", "Running"])
        assert kubelets.refused == []


def test_a_pod_that_does_not_fit_is_refused(api: Api, namespace: str) -> None:
    kubelets = FakeKubelets(api)
    make_nodes(kubelets, training=1, inference=0)
    for name, gpus in (("half", 4), ("more", 5), ("rest", 4)):
        place(api, namespace, pod_body(name, gpus), "training-0")
        kubelets.settle()
    kubelets.close()

    assert phases(api, namespace) == ["Running", "Failed", "Running"]
    refused = api.get(f"/api/v1/namespaces/{namespace}/pods/more")["status"]
    assert refused["reason"] == "OutOfnvidia.com/gpu"
    assert kubelets.refused == [f"{namespace}/more"]
    assert kubelets.held_gpus("training-0") == 8


def test_pods_end_when_their_time_has_come(api: Api, namespace: str) -> None:
    now = [1000.0]
    kubelets = FakeKubelets(api, clock=lambda: now[0])
    make_nodes(kubelets, training=1, inference=0)
    for name, notes in (("good", {RUNS: "60"}), ("ill", {FAILS: "30"}), ("stops", {STOPS: "5"})):
        place(api, namespace, noted(pod_body(name, 1), notes), "training-0")
    seen = []
    kubelets.settle()
    api.delete(f"/api/v1/namespaces/{namespace}/pods/stops", grace_s=20)

    for later_s in (0.0, 4.0, 2.0, 24.0, 30.0):
        now[0] += later_s
        kubelets.settle()
        seen.append(phases(api, namespace))
    kubelets.close()

    assert seen == [
        ["Running", "Running", "Running"],
        ["Running", "Running", "Running"],
        ["Running", "Running"],
        ["Running", "Failed"],
        ["Succeeded", "Failed"],
    ]


def test_a_dead_node_does_nothing_until_it_is_back(api: Api, namespace: str) -> None:
    kubelets = FakeKubelets(api)
    make_nodes(kubelets, training=1, inference=0)
    kubelets.die("training-0")
    place(api, namespace, pod_body("waits", 1), "training-0")

    kubelets.settle()
    before = phases(api, namespace)
    kubelets.revive("training-0")
    kubelets.settle()
    kubelets.close()

    assert (before, phases(api, namespace)) == (["Pending"], ["Running"])


def test_a_hung_node_never_lets_go_of_a_pod(api: Api, namespace: str) -> None:
    now = [0.0]
    kubelets = FakeKubelets(api, clock=lambda: now[0])
    make_nodes(kubelets, training=1, inference=0)
    place(api, namespace, pod_body("sticks", 1), "training-0")
    kubelets.settle()
    kubelets.hang("training-0")
    api.delete(f"/api/v1/namespaces/{namespace}/pods/sticks")
    kubelets.settle()

    now[0] += 3600.0
    kubelets.settle()
    held = kubelets.held_gpus("training-0")
    kubelets.revive("training-0")
    kubelets.settle()
    kubelets.close()

    assert (held, phases(api, namespace)) == (1, [])


def test_kubelets_survive_a_restart_of_the_server(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    with FakeKubelets(api, heartbeat_s=0.2) as kubelets:
        make_nodes(kubelets, training=2, inference=0)
        place(api, namespace, pod_body("before", 1), "training-0")
        control_plane.restart_apiserver()
        place(api, namespace, pod_body("after", 1), "training-1")

        wait_until(lambda: phases(api, namespace) == ["Running", "Running"])


def test_pods_are_ended_on_command(api: Api, namespace: str) -> None:
    kubelets = FakeKubelets(api)
    make_nodes(kubelets, training=1, inference=0)
    for name in ("good", "ill"):
        place(api, namespace, pod_body(name, 1), "training-0")
    kubelets.settle()

    kubelets.succeed(namespace, "good")
    kubelets.fail(namespace, "ill")
    kubelets.close()

    assert phases(api, namespace) == ["Succeeded", "Failed"]


def noted(pod: Raw, notes: dict[str, str]) -> Raw:
    pod["metadata"]["annotations"] = notes
    return pod


def place(api: Api, namespace: str, pod: Raw, node: str) -> None:
    api.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    bind(api, namespace, pod["metadata"]["name"], node)


def phases(api: Api, namespace: str) -> list[str]:
    """Of all pods, by their names."""
    pods = api.list(f"/api/v1/namespaces/{namespace}/pods")
    return [pod["status"]["phase"] for pod in sorted(pods, key=lambda pod: pod["metadata"]["name"])]


def running(api: Api, namespace: str) -> list[str]:
    pods = api.list(f"/api/v1/namespaces/{namespace}/pods")
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]
