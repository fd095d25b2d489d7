"""A picture of the cluster in memory, kept up to date by one thread for each kind of object."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from aryl.kube.errors import KubeError
from aryl.kube.reflector import Entry, Means, Raw, Reflector, Source, entry_of
from aryl.kube.shelf import Shelf
from aryl.model.errors import InvariantBroken

Views = Mapping[str, Any]

JOIN_S = 2.0  # a thread that waits for a late answer ends by itself, and keeps nobody from ending


@dataclass(frozen=True, slots=True)
class Seen:
    """What the mirror showed at one moment: views by key, for each resource.

    `version` grows with every change of a view. Nobody changes the mappings.
    """

    version: int
    views: Mapping[str, Views]


@dataclass(frozen=True, slots=True)
class Health:
    """How the following of one kind goes."""

    is_listed: bool = False
    lists: int = 0
    events: int = 0
    errors: int = 0
    heard_s: float = 0.0  # when the server was last heard of, by the mirror's clock
    last_error: str = ""  # "" once it goes well again


class _Kept:
    """One source: what is kept of it, and how following it goes."""

    def __init__(self, mirror: "Mirror", source: Source[Any]) -> None:
        self.source = source
        self.shelf: Shelf[Any] = Shelf()
        self.health = Health()
        self._mirror = mirror

    def begun(self) -> None:
        with self._mirror.lock:
            self.shelf.begin()

    def listed(self, entries: Sequence[Entry[Any]]) -> None:
        with self._mirror.lock:
            is_first = not self.shelf.is_listed
            differs = self.shelf.fill(entries)
            self.heard()
            self.health = replace(self.health, lists=self.health.lists + 1)
        if differs or is_first:
            self._mirror.moved()

    def absent(self) -> None:
        with self._mirror.lock:
            is_first = not self.shelf.is_listed
            self.shelf.is_listed = True
            self.heard()
        if is_first:
            self._mirror.moved()

    def changed(self, entry: Entry[Any], *, is_gone: bool) -> None:
        with self._mirror.lock:
            differs = self.shelf.take(entry, is_gone=is_gone)
            self.heard()
            self.health = replace(self.health, events=self.health.events + 1)
        if differs:
            self._mirror.moved()

    def heard(self) -> None:
        with self._mirror.lock:
            now_s = self._mirror.means.now()
            self.health = replace(self.health, heard_s=now_s, last_error="")

    def failed(self, error: KubeError) -> None:
        with self._mirror.lock:
            errors = self.health.errors + 1
            self.health = replace(self.health, errors=errors, last_error=str(error))

    def broke(self, error: Exception) -> None:
        self._mirror.broke(error)


class Mirror:
    """Views of all objects of some sources; safe among threads; a context manager that runs it.

    `wake` is called, from any thread, when something that is seen has changed.
    """

    def __init__(
        self, means: Means, sources: Iterable[Source[Any]], wake: Callable[[], object]
    ) -> None:
        """Prepare; nothing is asked yet."""
        self.means = means
        self.lock = threading.Condition()
        self._wake = wake
        self._version = 0
        self._seen = Seen(-1, {})
        self._broken: Exception | None = None  # a bug of ours, which ended a thread
        self._kept = [_Kept(self, source) for source in sources]
        self._reflectors = [Reflector(means, kept.source, kept) for kept in self._kept]

    def __enter__(self) -> Self:
        """Start to follow."""
        for reflector in self._reflectors:
            reflector.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop to follow, and wait for all threads."""
        for reflector in self._reflectors:
            reflector.stop()
        for reflector in self._reflectors:
            reflector.join(JOIN_S)

    def wait(self, limit_s: float) -> bool:
        """Wait until everything has been listed once; whether it has. Raises as `seen` does."""
        with self.lock:
            self.lock.wait_for(lambda: self._is_synced() or self._broken is not None, limit_s)
        return self.is_synced

    @property
    def is_synced(self) -> bool:
        """Whether everything has been listed once. Raises as `seen` does."""
        self._check()
        with self.lock:
            return self._is_synced()

    def seen(self) -> Seen:
        """What is seen now: the same object while nothing has changed.

        Raises `InvariantBroken` where an object could not be viewed: that is a bug of ours.
        """
        self._check()
        self._recover()
        with self.lock:
            if self._seen.version != self._version:
                self._seen = Seen(self._version, self._shared())
            return self._seen

    def wrote(self, resource: str, raw: Raw) -> None:
        """Take in the answer to a write of ours: who looks next sees it, however late the watch is.

        `raw` is the object as the server answered it. Nobody is woken: who wrote knows.
        """
        if not raw.get("metadata", {}).get("resourceVersion"):
            return  # a Status, which tells of no object
        kept = self._kept_of(resource, raw)
        entry = entry_of(kept.source, raw)
        with self.lock:
            self._version += kept.shelf.wrote(entry, self.means.now())

    def health(self) -> Mapping[str, Health]:
        """How it goes, by kind."""
        with self.lock:
            return {
                kept.source.kind: replace(kept.health, is_listed=kept.shelf.is_listed)
                for kept in self._kept
            }

    def moved(self) -> None:
        """Note that views have changed, and wake whoever waits for that."""
        with self.lock:
            self._version += 1
            self.lock.notify_all()
        self._wake()

    def broke(self, error: Exception) -> None:
        """Note a bug that ended a thread; whoever looks is told."""
        with self.lock:
            self._broken = error
            self.lock.notify_all()

    def _is_synced(self) -> bool:
        return all(kept.shelf.is_listed for kept in self._kept)

    def _shared(self) -> dict[str, Views]:
        views: dict[str, Views] = {}
        for kept in self._kept:
            found, resource = kept.shelf.share(), kept.source.resource
            views[resource] = {**views[resource], **found} if resource in views else found
        return views

    def _recover(self) -> None:
        """List again what must have lost an event of ours."""
        with self.lock:
            now_s = self.means.now()
            lost = [kept.shelf.is_lost(now_s) for kept in self._kept]
        for reflector, is_lost in zip(self._reflectors, lost, strict=True):
            if is_lost:
                reflector.relist()

    def _check(self) -> None:
        if self._broken is not None:
            raise InvariantBroken("an object could not be viewed") from self._broken

    def _kept_of(self, resource: str, raw: Raw) -> _Kept:
        found = [kept for kept in self._kept if kept.source.resource == resource]
        if len(found) > 1:
            found = [kept for kept in found if kept.source.kind == raw["kind"]]
        assert len(found) == 1, f"{resource} are not watched, or in several ways"
        return found[0]
