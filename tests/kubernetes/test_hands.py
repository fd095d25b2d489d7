"""All that is written to bring workers to their nodes counts, and is bounded for a step."""

import pytest

from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.hands import LATER, Hands
from aryl.kube.names import MANAGED, POOL
from aryl.kube.options import KubeOptions, Placing
from aryl.kube.picture import Picture
from aryl.kube.placing import PodPlacer
from aryl.kube.sight import Sight
from aryl.kube.translate import node_view, pod_view
from aryl.kube.views import PodView
from aryl.model.job import WorkerKind
from tests.kubernetes.cluster import create_pods, pod_body, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.statuses import node_body
from tests.kubernetes.workload_stage import Unmirrored

pytestmark = pytest.mark.kubernetes

OPTIONS = KubeOptions(placing=Placing.BINDING, writes_per_step=3)


def seen(control_plane: ControlPlane, namespace: str, name: str) -> PodView:
    raw = control_plane.admin.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
    view = pod_view(raw, OPTIONS)
    assert view is not None
    return view


def test_a_step_marks_and_binds_as_often_as_it_may_write(
    control_plane: ControlPlane, namespace: str
) -> None:
    api = control_plane.admin
    api.create("/api/v1/nodes", node_body("n1", 8, {POOL: "training"}))
    wait_until_schedulable(api, ["n1"])
    workers = [pod_body(name, 4, schedulerName="aryl-scheduler") for name in ("w-0", "w-1")]
    for body in workers:
        body["metadata"]["labels"] = {MANAGED: "true"}
    create_pods(api, namespace, workers)
    node = node_view(api.get("/api/v1/nodes/n1"), OPTIONS)
    assert node is not None
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        hands = Hands(kube, Unmirrored(), OPTIONS, PodPlacer(kube, OPTIONS))
        sight = Sight(Picture(nodes={"n1": node}, pods={}))
        hands.begin(sight)
        pods = [seen(control_plane, namespace, name) for name in ("w-0", "w-1")]
        said = [hands.place(pod, "n1", WorkerKind.BASE) for pod in pods]
        first = dict(hands.counts)
        hands.begin(sight)
        again = hands.place(seen(control_plane, namespace, "w-1"), "n1", WorkerKind.BASE)

    assert (said, again) == (["", LATER], "")
    assert first == {("patch", "done"): 2, ("bind", "done"): 1}
    assert hands.counts == {("patch", "done"): 2, ("bind", "done"): 2}
    assert [seen(control_plane, namespace, name).node for name in ("w-0", "w-1")] == ["n1", "n1"]
