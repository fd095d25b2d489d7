"""What an API server serves: versions differ, and custom resources are there or not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aryl.kube.client import KubeApi, eviction_version
from aryl.kube.paths import collection

Document = Mapping[str, Any]

# Resources that may be absent, or served in several versions: the first that is served is taken.
WANTED: Mapping[str, tuple[str, ...]] = {
    "horizontalpodautoscalers": (
        "autoscaling/v2",
        "autoscaling/v2beta2",
        "autoscaling/v1",
    ),
    "jobs": ("batch/v1",),
    "jobsets": ("jobset.x-k8s.io/v1alpha2",),
    "leases": ("coordination.k8s.io/v1",),
    "poddisruptionbudgets": ("policy/v1", "policy/v1beta1"),
    "pytorchjobs": ("kubeflow.org/v1",),
    "rayclusters": ("ray.io/v1", "ray.io/v1alpha1"),
    "resourceslices": ("resource.k8s.io/v1", "resource.k8s.io/v1beta2", "resource.k8s.io/v1beta1"),
    "servicemonitors": ("monitoring.coreos.com/v1",),
    "trainingjobs": ("aryl.dev/v1alpha1",),
}


@dataclass(frozen=True, slots=True)
class Served:
    """What a server serves; `versions` has those of `WANTED` that are there, by resource."""

    release: tuple[int, int]  # (1, 34)
    eviction: str  # the version of evictions: `policy/v1`
    versions: Mapping[str, str]

    def path(self, resource: str, namespace: str | None = None) -> str | None:
        """Where the objects of one of `WANTED` are; None where the server has no such thing."""
        version = self.versions.get(resource)
        return None if version is None else collection(version, resource, namespace)

    @property
    def has_job_suspend(self) -> bool:
        """Whether a batch Job can be suspended: beta, and on, from 1.22."""
        return self.release >= (1, 22)

    @property
    def has_indexed_jobs(self) -> bool:
        """Whether a batch Job can give its pods indexes: beta, and on, from 1.22."""
        return self.release >= (1, 22)

    @property
    def has_elastic_indexed_jobs(self) -> bool:
        """Whether an indexed Job's completions can change with its parallelism: from 1.27."""
        return self.release >= (1, 27)

    @property
    def has_scheduling_gates(self) -> bool:
        """Whether pods can be held back from kube-scheduler: beta, and on, from 1.27."""
        return self.release >= (1, 27)


def discover(api: KubeApi) -> Served:
    """Ask a server what it serves. Raises as `KubeApi.get` does."""
    groups = api.get("/apis")
    there = group_versions(groups)
    wanted = sorted({version for versions in WANTED.values() for version in versions})
    resources = {version: api.get(f"/apis/{version}") for version in wanted if version in there}
    return served(api.get("/version"), api.get("/api/v1"), resources)


def served(version: Document, core: Document, resources: Mapping[str, Document]) -> Served:
    """What a server serves, by its `/version`, its `/api/v1` and its `/apis/…` documents."""
    found: dict[str, str] = {}
    for name, versions in WANTED.items():
        for group_version in versions:
            if name in _names(resources.get(group_version, {})):
                found[name] = group_version
                break
    return Served(_release(version), eviction_version(core), found)


def group_versions(groups: Document) -> frozenset[str]:
    """The versions of all groups that `/apis` names: `batch/v1` and so on."""
    return frozenset(
        version["groupVersion"] for group in groups["groups"] for version in group["versions"]
    )


def _names(document: Document) -> frozenset[str]:
    return frozenset(resource["name"] for resource in document.get("resources") or ())


def _release(version: Document) -> tuple[int, int]:
    """The release as numbers; some providers write `20+`."""
    major, minor = (re.match(r"\d*", str(version[part])) for part in ("major", "minor"))
    return int((major and major[0]) or 0), int((minor and minor[0]) or 0)
