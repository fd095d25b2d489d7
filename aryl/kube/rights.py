"""Which rights Aryl needs on a cluster, and which of them it has not been given.

`RULES` is the whole truth: what deploys Aryl grants this and no more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aryl.kube.client import KubeApi
from aryl.kube.discovery import WANTED, Served

_READ: Final = ("get", "list", "watch")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Mode(StrEnum):
    """What Aryl may do."""

    SHADOW = "shadow"  # look
    EXTENDER = "extender"  # act; kube-scheduler binds the workers
    BINDING = "binding"  # act, and bind them too


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on a resource, as RBAC writes them; everywhere, or in Aryl's own namespace alone."""

    group: str  # "" is the core
    resource: str  # with its subresource: `pods/eviction`
    verbs: tuple[str, ...]
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on a resource; in every namespace where none is named."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        """Say it as kubectl does: `patch nodes`, `list jobs.batch`, `… in namespace ml`."""
        name, slash, subresource = self.resource.partition("/")
        group = f".{self.group}" if self.group else ""
        inside = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {name}{group}{slash}{subresource}{inside}"


_LOOK: Final = (
    Rule("", "nodes", _READ),
    Rule("", "pods", _READ),
    Rule("autoscaling", "horizontalpodautoscalers", _READ),
    Rule("policy", "poddisruptionbudgets", _READ),
    Rule("aryl.dev", "trainingjobs", _READ),
    Rule("batch", "jobs", _READ),
    Rule("jobset.x-k8s.io", "jobsets", _READ),
    Rule("kubeflow.org", "pytorchjobs", _READ),
    Rule("ray.io", "rayclusters", _READ),
)
_ACT: Final = (
    Rule("", "nodes", ("patch",)),  # taints, labels and the loan's annotation
    Rule("", "pods", ("create", "patch", "delete")),  # workers
    Rule("", "pods/eviction", ("create",)),
    Rule("", "services", ("create",)),  # where workers find each other
    Rule("aryl.dev", "trainingjobs", ("create", "patch")),
    Rule("aryl.dev", "trainingjobs/status", ("patch",)),
    Rule("aryl.dev", "trainingjobs/finalizers", ("update",)),  # to own pods, where that is asked
    Rule("batch", "jobs", ("patch",)),
    Rule("jobset.x-k8s.io", "jobsets", ("patch",)),
    Rule("kubeflow.org", "pytorchjobs", ("patch",)),
    Rule("ray.io", "rayclusters", ("patch",)),
    Rule("coordination.k8s.io", "leases", ("get", "create", "update"), is_own=True),
)
_BIND: Final = (Rule("", "pods/binding", ("create",)),)

RULES: Final[Mapping[Mode, tuple[Rule, ...]]] = {
    Mode.SHADOW: _LOOK,
    Mode.EXTENDER: _LOOK + _ACT,
    Mode.BINDING: _LOOK + _ACT + _BIND,
}


def needed(mode: Mode, served: Served, namespace: str) -> tuple[Right, ...]:
    """The rights that a mode needs on a server; `namespace` is the one that Aryl itself is in."""
    return tuple(
        Right(verb, rule.group, rule.resource, namespace if rule.is_own else "")
        for rule in RULES[mode]
        if _is_there(rule, served)
        for verb in rule.verbs
    )


def missing(api: KubeApi, rights: Iterable[Right]) -> list[Right]:
    """Those that the server would not grant us; it says so itself. Raises as `KubeApi.ask` does."""
    return [right for right in rights if not _is_granted(api, right)]


def _is_there(rule: Rule, served: Served) -> bool:
    """Whether the server has the resource at all: nobody needs a right to what is not there."""
    name = rule.resource.partition("/")[0]
    return name not in WANTED or name in served.versions


def _is_granted(api: KubeApi, right: Right) -> bool:
    name, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": name,
        "subresource": subresource,
        "namespace": right.namespace,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.ask(_REVIEWS, review)["status"]["allowed"])
