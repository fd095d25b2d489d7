"""What one test leaves, the next does not find."""

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.cleaning import DEFINITIONS, look, wipe
from tests.kubernetes.cluster import bind, deployment, make_nodes, pod_body
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.kubelet import FakeKubelets

pytestmark = pytest.mark.kubernetes
THINGS = "/apis/test.example/v1/namespaces/default/things"
HELD = {"finalizers": ["test.example/held"]}


def test_nothing_stays_that_holds_gpus_or_rights(control_plane: ControlPlane, api: Api) -> None:
    before = look(api)
    kubelets = FakeKubelets(api)
    make_nodes(kubelets, training=1, inference=1)
    create_everything(control_plane, api)
    bind(api, "left", "held", "training-0")
    kubelets.settle()
    kubelets.close()

    wipe(api, before)

    left = {path: api.list(path) for path in ("/api/v1/nodes", "/api/v1/pods", THINGS)}
    assert left == {"/api/v1/nodes": [], "/api/v1/pods": [], THINGS: []}
    assert api.find("/apis/scheduling.k8s.io/v1/priorityclasses/left") is None
    api.delete(f"{DEFINITIONS}/things.test.example")
    wait_until(lambda: api.find(f"{DEFINITIONS}/things.test.example") is None)


def create_everything(control_plane: ControlPlane, api: Api) -> None:
    """A pod and a thing that finalizers hold, a Deployment that makes pods, a priority."""
    api.create("/api/v1/namespaces", {"metadata": {"name": "left"}})
    wait_until(lambda: control_plane.may_have_pods("left"))
    pods, body = "/api/v1/namespaces/left/pods", pod_body("held", 8)
    api.create(pods, body | {"metadata": {"name": "held"} | HELD})
    many = deployment("many", 3, pod_body("any", 1))
    api.create("/apis/apps/v1/namespaces/left/deployments", many)
    api.create(
        "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "left"}, "value": 5}
    )
    api.create(DEFINITIONS, definition())
    wait_until(lambda: api.find(THINGS) is not None)
    thing = {"apiVersion": "test.example/v1", "kind": "Thing", "metadata": {"name": "one"} | HELD}
    api.create(THINGS, thing)
    wait_until(lambda: len(api.list(pods)) == 4)


def definition() -> dict[str, object]:
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "things", "singular": "thing", "kind": "Thing"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.test.example"},
        "spec": {
            "group": "test.example",
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    }
