"""The control plane of the tests is a real one, and can be hurt."""

from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.kubernetes.api import Api, Refused
from tests.kubernetes.assets import Assets
from tests.kubernetes.control_plane import ControlPlane, running
from tests.kubernetes.daemons import wait_until

pytestmark = pytest.mark.kubernetes


def test_a_user_has_no_rights_but_those_given(control_plane: ControlPlane, api: Api) -> None:
    alice = control_plane.api("alice", groups=["readers"])
    with pytest.raises(Refused) as refused:
        alice.list("/api/v1/nodes")

    rights = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}
    api.create(rights, {"metadata": {"name": "all"}, "roleRef": role, "subjects": [group]})

    assert refused.value.status == 403
    wait_until(lambda: _may_list_nodes(alice))


def test_what_was_before_a_restart_is_there_after_it(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    control_plane.restart_apiserver()

    assert api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["name"] == namespace


def test_a_watch_hears_of_changes_and_can_be_cut(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    watch = api.watch(path, api.get(path)["metadata"]["resourceVersion"])
    api.create(path, {"metadata": {"name": "one"}})

    names = []
    for event in watch:
        names.append(event["object"]["metadata"]["name"])
        watch.cut()
    watch.close()

    assert "one" in names


def test_an_old_version_cannot_be_listed_after_compaction(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    path, old = changed(api, namespace)
    exactly = {"resourceVersion": old, "resourceVersionMatch": "Exact", "limit": 10}
    before = [one["metadata"]["name"] for one in api.list(path, **exactly)]

    control_plane.compact()

    with pytest.raises(Refused) as refused:
        api.list(path, **exactly)
    assert not any(name.startswith("map-") for name in before)
    assert refused.value.status == 410


def test_an_old_version_cannot_be_watched_after_a_restart(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    path, old = changed(api, namespace)
    control_plane.compact()

    control_plane.restart_apiserver()

    watch = api.watch(path, old)
    first = next(iter(watch))
    watch.close()
    assert (first["type"], first["object"]["code"]) == ("ERROR", 410)


def test_a_slow_etcd_makes_the_server_slow_but_no_liar(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"

    with control_plane.etcd.slowed(stands_s=0.3, runs_s=0.1):
        api.create(path, {"metadata": {"name": "patient"}})

    assert api.get(f"{path}/patient")["metadata"]["name"] == "patient"


def test_nothing_runs_on_when_a_control_plane_has_stopped(assets: Assets) -> None:
    with running(assets, controllers=False) as control_plane:
        pids = [control_plane.etcd.pid, control_plane.apiserver.pid]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        folder = control_plane.folder

    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not folder.exists()


def changed(api: Api, namespace: str) -> tuple[str, str]:
    """A list, and its version before some things came."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    old = str(api.get(path)["metadata"]["resourceVersion"])
    for number in range(5):
        api.create(path, {"metadata": {"name": f"map-{number}"}})
    return path, old


def _may_list_nodes(api: Api) -> bool:
    with suppress(Refused, OSError, HTTPException):
        return api.list("/api/v1/nodes") == []
    return False
