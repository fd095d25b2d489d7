"""kube-scheduler's side of the extender protocol, as its wire has it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from httpx2 import Response

from api.extender import Sources, mount
from aryl.kube.names import JOB, MANAGED, SERVER
from aryl.store import Database
from tests.api.stage import stage_on

Ask = Callable[[str, Any], Response]

NAMES = ["n1", "n2", "n3"]
FREE = {"metadata": {"name": "web", "namespace": "ml", "labels": {"app": "web"}}}


def a_worker(server: str = "", **metadata: Any) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": "w-0",
        "namespace": "ml",
        "labels": {MANAGED: "true", JOB: "resnet"},
        "annotations": {SERVER: server} if server else None,
    }
    return {"metadata": about | metadata, "spec": {}, "status": {}}


def by_name(pod: Any, names: Sequence[str] | None = NAMES) -> dict[str, Any]:
    return {"Pod": pod, "Nodes": None, "NodeNames": names}


def whole(pod: Any, names: Sequence[str] = NAMES) -> dict[str, Any]:
    items = [{"metadata": {"name": name}, "spec": {"x": name}} for name in names]
    nodes = {"metadata": {"resourceVersion": ""}, "items": items}
    return {"Pod": pod, "Nodes": nodes, "NodeNames": None}


def metas(victims: dict[str, Sequence[str]], breaches: int = 0) -> dict[str, Any]:
    return {
        node: {"Pods": [{"UID": uid} for uid in uids], "NumPDBViolations": breaches}
        for node, uids in victims.items()
    }


def by_uid(pod: Any, victims: dict[str, Sequence[str]]) -> dict[str, Any]:
    return {"Pod": pod, "NodeNameToVictims": None, "NodeNameToMetaVictims": metas(victims, 2)}


@contextmanager
def asking(database: Database, sources: Sources) -> Iterator[Ask]:
    """Ask a service's extender by a verb, with a body in bytes or to be made JSON."""
    stage = stage_on(database)
    mount(stage.app, sources)
    with stage.client as client:
        yield lambda verb, body: client.post(
            f"/extender/{verb}", content=body if isinstance(body, bytes) else orjson.dumps(body)
        )
