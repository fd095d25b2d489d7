"""What a test leaves on the API server is removed, so that the next one finds it empty."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aryl.kube.names import JOB
from tests.kubernetes.api import Api, Refused

RIGHTS = "/apis/rbac.authorization.k8s.io/v1"
HOOKS = "/apis/admissionregistration.k8s.io/v1"
GLOBAL = (
    f"{RIGHTS}/clusterroles",
    f"{RIGHTS}/clusterrolebindings",
    f"{HOOKS}/mutatingwebhookconfigurations",
    f"{HOOKS}/validatingwebhookconfigurations",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/api/v1/namespaces",
)
LEASES = "/apis/coordination.k8s.io/v1/namespaces"
LASTING = (  # in namespaces that stay
    "/apis/apps/v1/namespaces/default/deployments",
    "/apis/apps/v1/namespaces/default/replicasets",
    "/apis/batch/v1/namespaces/default/jobs",
    f"{LEASES}/default/leases",
    f"{LEASES}/kube-node-lease/leases",
    f"{LEASES}/kube-system/leases",
)
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Before:
    """Names of what was there before a test, by the path of its list."""

    names: dict[str, frozenset[str]]


def look(api: Api) -> Before:
    """What is there now."""
    return Before({path: frozenset(_names(api, path)) for path in GLOBAL})


def wipe(api: Api, before: Before) -> None:
    """Remove nodes, pods, namespaces, custom objects and rights that have come since.

    Definitions of custom resources stay: to serve one takes seconds.
    Namespaces may take a moment to be gone; no pod is in them any more.
    """
    for path in GLOBAL:
        for name in _names(api, path) - before.names[path]:
            api.delete(f"{path}/{name}")
    for definition in api.list(DEFINITIONS):
        _empty(api, definition)
    for path in LASTING:
        api.delete(path, grace_s=0)
    api.delete("/api/v1/nodes", grace_s=0)
    _remove(api, "/api/v1", "pods", api.list("/api/v1/pods"))
    services = api.list("/api/v1/services")
    _remove(
        api, "/api/v1", "services", (s for s in services if JOB in s["metadata"].get("labels", {}))
    )


def _empty(api: Api, definition: dict[str, Any]) -> None:
    spec = definition["spec"]
    version = next(version["name"] for version in spec["versions"] if version["served"])
    group, plural = f"/apis/{spec['group']}/{version}", spec["names"]["plural"]
    try:
        objects = api.list(f"{group}/{plural}")
    except Refused as refused:
        if refused.status == 404:  # it has just been defined, or is about to go
            return
        raise
    _remove(api, group, plural, objects)


def _remove(api: Api, group: str, plural: str, objects: Iterable[dict[str, Any]]) -> None:
    """Delete objects at once, whoever wanted to be asked before."""
    for item in objects:
        metadata = item["metadata"]
        scope = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        path = f"{group}{scope}/{plural}/{metadata['name']}"
        try:
            if metadata.get("finalizers"):
                api.patch(path, {"metadata": {"finalizers": None}})
        except Refused as refused:
            if refused.status != 404:  # gone by itself
                raise
        api.delete(path, grace_s=0)


def _names(api: Api, path: str) -> set[str]:
    return {str(item["metadata"]["name"]) for item in api.list(path)}
