"""The questions of kube-scheduler's extender protocol, read from JSON.

Its keys have no fixed case: kube-scheduler writes `NodeNames`, others `nodenames`, and both are
read. Lists and objects may be null. Answers are written as kube-scheduler writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson

from aryl.kube.names import JOB, JOB_ID, KIND, MANAGED, SERVER
from aryl.model.job import WorkerKind

Raw = Mapping[str, Any]

T = TypeVar("T")

_TYPES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
}


class Malformed(ValueError):
    """A question that can't be understood; says where."""


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod that is asked about, if Aryl says where it goes (`is_managed`)."""

    is_managed: bool
    server: str  # the node that the plan in force gives it; "" for none yet
    job_ids: Sequence[str]  # what the service may call its job, likeliest first


@dataclass(frozen=True, slots=True)
class Candidates:
    """The nodes among which to choose: as names, or whole where the scheduler sends them so."""

    pod: Pod
    names: Sequence[str]
    nodes: Raw | None  # a NodeList; None where only names were sent

    def kept(self, names: Sequence[str]) -> Raw:
        """The answer's nodes, in the form in which they came."""
        if self.nodes is None:
            return {"Nodes": None, "NodeNames": names}
        chosen = set(names)
        items = [item for item in self.nodes["items"] or () if item["metadata"]["name"] in chosen]
        return {"Nodes": {**self.nodes, "items": items}, "NodeNames": None}


@dataclass(frozen=True, slots=True)
class Victim:
    """A pod that would have to go; `is_base` is None where only its uid was sent."""

    uid: str
    is_base: bool | None


@dataclass(frozen=True, slots=True)
class Preemption:
    """Which pods of which node would have to go for a pod; `breaches` of disruption budgets."""

    pod: Pod
    victims: Mapping[str, Sequence[Victim]]
    breaches: Mapping[str, int]

    def kept(self, nodes: Sequence[str]) -> Raw:
        """The answer: some of the nodes, with the victims that were named."""
        return {
            "NodeNameToMetaVictims": {
                node: {
                    "Pods": [{"UID": victim.uid} for victim in self.victims[node]],
                    "NumPDBViolations": self.breaches[node],
                }
                for node in nodes
            }
        }


def candidates_of(body: bytes) -> Candidates:
    """The question of `filter` and `prioritize` (`ExtenderArgs`). Raises `Malformed`."""
    asked = _asked(body)
    names, nodes = asked.get("nodenames"), _part(asked, "nodes", dict)
    if names is None and nodes is not None:
        nodes = {**nodes, "items": _listed(nodes, "items", dict)}
        return Candidates(_pod(asked), [_name(item) for item in nodes["items"]], nodes)
    return Candidates(_pod(asked), _listed(asked, "nodenames", str), None)


def preemption_of(body: bytes) -> Preemption:
    """The question of `preempt` (`ExtenderPreemptionArgs`). Raises `Malformed`."""
    asked = _asked(body)
    by_node = _part(asked, "nodenametometavictims", dict)
    if by_node is None:
        by_node = _part(asked, "nodenametovictims", dict) or {}
    victims, breaches = {}, {}
    for node in by_node:
        said = _lower(_part(by_node, node, dict) or {})
        victims[node] = [_victim(pod) for pod in _listed(said, "pods", dict)]
        breaches[node] = _part(said, "numpdbviolations", int) or 0
    return Preemption(_pod(asked), victims, breaches)


def _victim(raw: Raw) -> Victim:
    """A victim by its uid (`MetaPod`), or a whole pod."""
    metadata = _part(raw, "metadata", dict)
    uid = _part(_lower(raw) if metadata is None else metadata, "uid", str)
    if not uid:
        raise Malformed("a victim has no uid")
    if metadata is None:
        return Victim(uid, None)
    labels = _part(metadata, "labels", dict) or {}
    return Victim(uid, labels.get(MANAGED) == "true" and labels.get(KIND) == WorkerKind.BASE)


def _asked(body: bytes) -> Raw:
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise Malformed("the body must be an object")
    return _lower(asked)


def _lower(raw: Raw) -> Raw:
    return {key.lower(): value for key, value in raw.items()}


def _pod(asked: Raw) -> Pod:
    raw = _part(asked, "pod", dict)
    if raw is None:
        raise Malformed("Pod is missing")
    metadata = _part(raw, "metadata", dict) or {}
    labels = _part(metadata, "labels", dict) or {}
    notes = _part(metadata, "annotations", dict) or {}
    namespace = metadata.get("namespace") or "default"
    owners = (owner for owner in _listed(metadata, "ownerReferences", dict))
    owned = [
        f"{namespace}.{owner.get('name')}.{str(owner.get('uid'))[:8]}"
        for owner in owners
        if owner.get("controller")
    ]
    said = (notes.get(JOB_ID), *owned, labels.get(JOB))
    return Pod(
        is_managed=labels.get(MANAGED) == "true",
        server=str(notes.get(SERVER) or ""),
        job_ids=[str(job_id) for job_id in said if job_id],
    )


def _name(node: Raw) -> str:
    name = _part(_part(node, "metadata", dict) or {}, "name", str)
    if not name:
        raise Malformed("a node in Nodes has no name")
    return name


def _part(raw: Raw, key: str, kind: type[T]) -> T | None:
    """A part that is there, or null; anything else is malformed."""
    part = raw.get(key)
    if part is None or isinstance(part, kind):
        return part
    raise Malformed(f"{key} must be {_TYPES[kind]}")


def _listed(raw: Raw, key: str, kind: type[T]) -> list[T]:
    """The items of a list; none where it is null."""
    items = _part(raw, key, list) or []
    for item in items:
        if not isinstance(item, kind):
            raise Malformed(f"{key} must be a list, and each item {_TYPES[kind]}")
    return items
