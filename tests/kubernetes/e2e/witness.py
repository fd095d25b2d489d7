"""Follows pods, nodes and jobs by watches of its own, and puts what happened in one order.

Resource versions are revisions of one etcd: sorted by them, the events of all watches are the
cluster's history, write by write, whenever which of them arrived.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from aryl.clock import elapsed
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.watching import Follower

PATHS: Mapping[str, str] = {
    "nodes": "/api/v1/nodes",
    "pods": "/api/v1/pods",
    "TrainingJob": "/apis/aryl.dev/v1alpha1/trainingjobs",
    "Job": "/apis/batch/v1/jobs",
}


@dataclass(frozen=True, slots=True)
class Happened:
    """One write: at which revision, when it was heard of (seconds), and the object after it."""

    revision: int
    at_s: float
    resource: str
    is_gone: bool
    raw: Raw


class Witness:
    """Writes down everything, from when it is entered until it is left."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._followers: list[Follower] = []
        self._happened: list[Happened] = []
        self._lists = dict.fromkeys(PATHS, 0)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._followers = [
            Follower(self._api, path, self._listing(resource), self._hearing(resource))
            for resource, path in PATHS.items()
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for follower in self._followers:
            follower.close()

    @property
    def is_watching(self) -> bool:
        """Whether all lists have been read."""
        return all(self._lists.values())

    def history(self) -> Iterator[Happened]:
        """All that happened so far, in the order in which it happened.

        Raises:
            AssertionError: a watch broke off, so that something may be missing.

        """
        broken = [resource for resource, lists in self._lists.items() if lists != 1]
        assert not broken, f"lost sight of {broken}"
        with self._lock:
            happened = list(self._happened)
        yield from sorted(happened, key=lambda each: each.revision)

    def _listing(self, resource: str) -> Callable[[Sequence[Raw]], None]:
        def listed(raws: Sequence[Raw]) -> None:
            for raw in raws:
                self._note(resource, {**raw, "kind": resource}, is_gone=False)
            self._lists[resource] += 1

        return listed

    def _hearing(self, resource: str) -> Callable[[Raw], None]:
        def changed(event: Raw) -> None:
            if event["type"] != "BOOKMARK":
                self._note(resource, event["object"], is_gone=event["type"] == "DELETED")

        return changed

    def _note(self, resource: str, raw: Raw, *, is_gone: bool) -> None:
        revision = int(raw["metadata"]["resourceVersion"])
        with self._lock:
            self._happened.append(Happened(revision, elapsed(), resource, is_gone, raw))
