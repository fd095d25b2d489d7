"""Addresses of the Kubernetes API: made from names, and read back to say what was asked."""

from dataclasses import dataclass
from urllib.parse import quote

NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def collection(api_version: str, resource: str, namespace: str | None = None) -> str:
    """All objects of a resource, in one namespace or everywhere: `/apis/batch/v1/jobs`."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    inside = "" if namespace is None else f"/namespaces/{quote(namespace, safe='')}"
    return f"{root}{inside}/{resource}"


def within(everywhere: str, namespace: str) -> str:
    """The part of a collection that lies in a namespace."""
    root, _, resource = everywhere.rpartition("/")
    return f"{root}/namespaces/{quote(namespace, safe='')}/{resource}"


def item(collection_path: str, name: str, subresource: str = "") -> str:
    """One object of a collection, or a subresource of it: `…/pods/p-0/eviction`."""
    path = f"{collection_path}/{quote(name, safe='')}"
    return f"{path}/{subresource}" if subresource else path


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about, in the words that access rules use."""

    verb: str
    resource: str  # with its subresource: `pods/eviction`
    namespace: str | None = None
    name: str | None = None

    def __str__(self) -> str:
        """Say it in words: `patch nodes n1`, `create pods/eviction p-0 in namespace ml`."""
        name = "" if self.name is None else f" {self.name}"
        inside = "" if self.namespace is None else f" in namespace {self.namespace}"
        return f"{self.verb} {self.resource}{name}{inside}"


def subject(method: str, path: str, *, is_watch: bool = False) -> Subject:
    """What a request is about, by its method and its path without a query."""
    parts = path.strip("/").split("/")
    parts = parts[2 if parts[0] == "api" else 3 :] if parts[0] in {"api", "apis"} else parts
    namespace: str | None = None
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in {"status", "finalize"}:
        namespace, parts = parts[1], parts[2:]
    resource, name, subresource = (*parts, "", "", "")[:3]
    reading = "watch" if is_watch else "get" if name else "list"
    return Subject(
        _VERBS.get(method, reading),
        f"{resource}/{subresource}" if subresource else resource or path,
        namespace,
        name or None,
    )
