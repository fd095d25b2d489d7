"""Raw JSON to and from an API server: requests, errors in our terms, and nothing kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self

from aryl.kube.access import Access
from aryl.kube.errors import Gone, KubeError
from aryl.kube.paths import PODS, item, within
from aryl.kube.throttle import Throttle
from aryl.kube.transport import JSON, Json, Request, Transport
from aryl.kube.watching import Watch

Asked = str | int | bool | None  # a value in a query; None leaves it out

PAGE = 500  # objects asked for at once: a few MB
_CORE = "/api/v1"


class PatchKind(Enum):
    """How a patch says what is to change; the value is its content type."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Listed:
    """Objects of one moment; a watch from `resource_version` on tells what happened since."""

    items: list[Json]
    resource_version: str


class KubeApi:
    """An API server; safe among threads; a context manager that closes its connections.

    Every method raises `Unreachable` and the `Answered` errors. Writes take their turn at the
    throttle. What the server puts off for moments is tried again; all else is left to the caller,
    who looks at the cluster again before it repeats anything.
    """

    def __init__(self, access: Access, throttle: Throttle | None = None) -> None:
        """Prepare to speak to it; nothing is sent yet."""
        self._transport = Transport(access)
        self._throttle = throttle
        self._eviction: str | None = None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self.close()

    @property
    def server(self) -> str:
        """The server's address."""
        return self._transport.server

    def close(self) -> None:
        """End all waiting, and close the connections that are not in use."""
        self._transport.close()

    def get(self, path: str, **query: Asked) -> Json:
        """One object or document."""
        return self._transport.answer(Request("GET", path, query))

    def is_ready(self) -> bool:
        """Whether the server says that it is; one that just started does not know everything."""
        try:
            self._transport.content(Request("GET", "/readyz"))
        except KubeError:
            return False
        return True

    def pages(self, path: str, **query: Asked) -> Iterator[Listed]:
        """All objects of one moment, `limit` of them at a time, so that few are in memory at once.

        Raises `Gone` where a page comes too late: what came before it is of no use then.
        """
        following: str | None = None
        while following != "":
            found = self.get(path, **{"limit": PAGE, **query, "continue": following})
            about = found.get("metadata") or {}
            following = about.get("continue") or ""
            yield Listed(found.get("items") or [], str(about.get("resourceVersion", "")))

    def list(self, path: str, **query: Asked) -> Listed:
        """All objects of one moment. Starts again once where a page comes too late."""
        try:
            return _joined(self.pages(path, **query))
        except Gone:
            return _joined(self.pages(path, **query))

    def watch(
        self, path: str, resource_version: str, timeout_s: int, quiet_s: float, **query: Asked
    ) -> Watch:
        """What happens to the objects of a list after its `resource_version`, as it happens.

        The server ends the stream after `timeout_s`; after `quiet_s` of silence it is taken for
        dead.
        """
        asked: dict[str, Asked] = {
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": resource_version,
            "timeoutSeconds": timeout_s,
            **query,
        }
        request = Request("GET", path, asked)
        return Watch(self._transport.stream(request, quiet_s), request.subject, self.server)

    def create(self, path: str, body: Json) -> Json:
        """Create an object in a collection; the object as it is now."""
        return self._write("POST", path, body)

    def ask(self, path: str, body: Json) -> Json:
        """Post a question that changes nothing, such as an access review; its answer."""
        return self._transport.answer(Request("POST", path, body=body))

    def replace(self, path: str, body: Json) -> Json:
        """Replace an object; `Clash` if it is no longer at the body's resourceVersion."""
        return self._write("PUT", path, body)

    def patch(self, path: str, body: Json, kind: PatchKind = PatchKind.MERGE) -> Json:
        """Change an object; the object as it is now.

        With `metadata.resourceVersion` in a merge patch, `Clash` if it is no longer at that one; a
        failed `test` of a JSON patch is `Invalid`.
        """
        return self._write("PATCH", path, body, kind.value)

    def delete(self, path: str, grace_s: int | None = None, uid: str | None = None) -> Json:
        """Delete an object, if it is still the one of that `uid` (else `Clash`)."""
        return self._write("DELETE", path, _ending(grace_s, uid))

    def evict(
        self, namespace: str, name: str, grace_s: int | None = None, uid: str | None = None
    ) -> None:
        """Ask for a pod's end; `Refused` where a disruption budget does not allow it now.

        `NotFound` where it is gone already, `Clash` where another pod has its name.
        """
        self._write(
            "POST",
            item(within(PODS, namespace), name, "eviction"),
            {
                "apiVersion": self._eviction_version(),
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": namespace},
                "deleteOptions": _ending(grace_s, uid),
            },
        )

    def bind(self, namespace: str, name: str, uid: str, node: str) -> None:
        """Put a pod on a node; `Clash` where it has a node already or another pod has its name.

        Old servers (1.20 is one) look at the name alone.
        """
        self._write(
            "POST",
            item(within(PODS, namespace), name, "binding"),
            {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": name, "namespace": namespace, "uid": uid},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node},
            },
        )

    def _write(self, method: str, path: str, body: Json, content_type: str = JSON) -> Json:
        if self._throttle is not None:
            self._throttle.take()
        return self._transport.answer(Request(method, path, {}, body, content_type))

    def _eviction_version(self) -> str:
        """The version of evictions that this server takes; asked for once."""
        if self._eviction is None:
            self._eviction = eviction_version(self.get(_CORE))
        return self._eviction


def eviction_version(core: Json) -> str:
    """The version of evictions by the server's own account of `/api/v1`."""
    for resource in core["resources"]:
        if resource["name"] == "pods/eviction":
            return f"{resource['group']}/{resource['version']}"
    return "policy/v1"


def _joined(pages: Iterator[Listed]) -> Listed:
    items: list[Any] = []
    resource_version = ""
    for page in pages:
        items += page.items
        resource_version = page.resource_version
    return Listed(items, resource_version)


def _ending(grace_s: int | None, uid: str | None) -> Json:
    """How an object is to end, as `DeleteOptions`."""
    options: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
    if grace_s is not None:
        options["gracePeriodSeconds"] = grace_s
    if uid is not None:
        options["preconditions"] = {"uid": uid}
    return options
