"""A GPU pod on a real kubelet."""

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.cluster import create_pods, delete_pods, pod_body, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.hollow import hollow_node

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


def test_gpu_pods_run_on_real_kubelets_and_go_after_their_grace(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    control_plane.start_scheduler()
    path = f"/api/v1/namespaces/{namespace}/pods"
    bodies = [pod_body(name, 8, terminationGracePeriodSeconds=1) for name in ("one", "two")]
    with hollow_node(control_plane, "hollow-0"), hollow_node(control_plane, "hollow-1"):
        wait_until_schedulable(api, ["hollow-0", "hollow-1"])

        create_pods(api, namespace, bodies)
        wait_until(lambda: [pod["status"]["phase"] for pod in api.list(path)] == ["Running"] * 2)
        nodes = {pod["spec"]["nodeName"] for pod in api.list(path)}
        delete_pods(api, namespace, ["one", "two"])

        wait_until(lambda: api.list(path) == [])
        assert nodes == {"hollow-0", "hollow-1"}
