"""The real node controller sees what the tests' kubelets do: a node that dies, and comes back."""

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.assets import Assets
from tests.kubernetes.cluster import make_nodes, wait_until_schedulable
from tests.kubernetes.control_plane import running
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.kubelet import FakeKubelets

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]
UNREACHABLE = "node.kubernetes.io/unreachable"


def test_a_silent_node_is_unreachable_until_it_is_back(assets: Assets) -> None:
    quick = ["--node-monitor-grace-period=3s"]
    with (
        running(assets, controller_flags=quick) as control_plane,
        FakeKubelets(control_plane.admin, heartbeat_s=0.5) as kubelets,
    ):
        api = control_plane.admin
        wait_until_schedulable(api, make_nodes(kubelets, training=3, inference=0))

        kubelets.die("training-1")
        wait_until(lambda: UNREACHABLE in taints(api, "training-1"))
        others = taints(api, "training-0") + taints(api, "training-2")
        kubelets.revive("training-1")

        wait_until(lambda: taints(api, "training-1") == [])
        assert others == []


def taints(api: Api, node: str) -> list[str]:
    spec = api.get(f"/api/v1/nodes/{node}")["spec"]
    return [taint["key"] for taint in spec.get("taints") or ()]
