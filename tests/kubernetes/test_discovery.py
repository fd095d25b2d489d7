"""What a server serves: this one, and others by their documents."""

from typing import Any

import pytest

from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.discovery import Served, discover, group_versions, served
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CORE = {"resources": [{"name": "pods/eviction", "group": "policy", "version": "v1"}]}


def release(major: str, minor: str) -> dict[str, Any]:
    return {"major": major, "minor": minor}


def documents(*named: str) -> dict[str, Any]:
    """Documents of group versions, from `batch/v1 jobs` and so on."""
    split = [name.split() for name in named]
    return {version: {"resources": [{"name": name}]} for version, name in split}


@pytest.mark.kubernetes
def test_this_server_serves_what_its_release_has(control_plane: ControlPlane, api: Api) -> None:
    minor = int(api.get("/version")["minor"].rstrip("+"))
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        found = discover(kube)

    assert found.release == (1, minor)
    policy = "policy/v1beta1" if minor < 21 else "policy/v1"
    assert found.versions["poddisruptionbudgets"] == policy
    assert found.eviction == ("policy/v1beta1" if minor < 22 else "policy/v1")
    assert found.path("jobs", "ml") == "/apis/batch/v1/namespaces/ml/jobs"
    scalers = found.path("horizontalpodautoscalers")
    assert scalers is not None
    assert api.list(scalers) == []


@pytest.mark.kubernetes
def test_a_custom_resource_is_found_once_it_is_defined(
    control_plane: ControlPlane, api: Api
) -> None:
    names = {"plural": "jobsets", "singular": "jobset", "kind": "JobSet"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1alpha2", "served": True, "storage": True, "schema": schema}
    body = {
        "metadata": {"name": "jobsets.jobset.x-k8s.io"},
        "spec": {
            "group": "jobset.x-k8s.io",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }
    _undefine(api, "jobsets.jobset.x-k8s.io", "pytorchjobs.kubeflow.org")  # of other tests
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:

        def paths() -> list[str | None]:
            found = discover(kube)
            return [found.path(each) for each in ("jobsets", "pytorchjobs")]

        wait_until(lambda: paths() == [None, None])
        api.create(DEFINITIONS, body)
        try:
            wait_until(lambda: paths() == ["/apis/jobset.x-k8s.io/v1alpha2/jobsets", None])
        finally:
            _undefine(api, "jobsets.jobset.x-k8s.io")


def _undefine(api: Api, *names: str) -> None:
    for name in names:
        api.delete(f"{DEFINITIONS}/{name}")
    wait_until(lambda: not {d["metadata"]["name"] for d in api.list(DEFINITIONS)} & {*names})


@pytest.mark.parametrize(
    ("version", "features"),
    [
        (release("1", "20+"), (False, False, False, False)),
        (release("1", "22"), (True, True, False, False)),
        (release("1", "27-gke.1"), (True, True, True, True)),
        (release("1", "36"), (True, True, True, True)),
    ],
)
def test_features_go_by_release(version: dict[str, Any], features: tuple[bool, ...]) -> None:
    found = served(version, CORE, {})

    assert features == (
        found.has_job_suspend,
        found.has_indexed_jobs,
        found.has_elastic_indexed_jobs,
        found.has_scheduling_gates,
    )


def test_the_newest_version_that_is_served_is_taken() -> None:
    there = documents(
        "autoscaling/v1 horizontalpodautoscalers",
        "autoscaling/v2 horizontalpodautoscalers",
        "policy/v1 poddisruptionbudgets",
        "kubeflow.org/v1 tfjobs",
        "ray.io/v1alpha1 rayclusters",
    )

    assert served(release("1", "34"), CORE, there) == Served(
        (1, 34),
        "policy/v1",
        {
            "horizontalpodautoscalers": "autoscaling/v2",
            "poddisruptionbudgets": "policy/v1",
            "rayclusters": "ray.io/v1alpha1",
        },
    )


def test_group_versions_are_those_of_all_groups() -> None:
    groups = [{"versions": [{"groupVersion": "a/v1"}, {"groupVersion": "a/v2"}]}, {"versions": []}]

    assert group_versions({"groups": groups}) == {"a/v1", "a/v2"}
