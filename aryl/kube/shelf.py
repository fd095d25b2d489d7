"""The views of one source, as lists, watches and our own writes tell of them.

Our own write is known before the watch tells of it. Until the watch does, what it says of that
object is older, and is not heeded; versions say nothing but whether they are equal.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from aryl.kube.reflector import Entry

V = TypeVar("V")

HEED_AGAIN_S = 10.0  # a watch this late has lost something: everything is listed again
REMEMBERED = 10_000  # versions seen of late; one answer of ours comes back sooner than that


class Shelf(Generic[V]):
    """Views by key. Readers share the mapping: after `share`, a change makes a new one."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.is_listed = False
        self._views: dict[str, V] = {}
        self._is_shared = False
        self._versions: dict[str, str] = {}  # of every object, those of no interest too
        self._seen: dict[tuple[str, str], None] = {}  # in the order in which they were seen
        self._awaited: dict[str, tuple[str, float]] = {}  # version of our write, and until when
        self._older: dict[str, tuple[str, float]] = {}  # those of them that a list will know

    def share(self) -> Mapping[str, V]:
        """The views as they are now, and as this mapping will stay."""
        self._is_shared = True
        return self._views

    def begin(self) -> None:
        """A list is asked for, which will know all that we have written so far, if it comes."""
        self._older = dict(self._awaited)

    def fill(self, entries: Sequence[Entry[V]]) -> bool:
        """Take a list for the truth, but for what we wrote since it began; whether views differ."""
        listed = {entry.key: entry for entry in entries}
        for key, awaited in [*self._awaited.items()]:
            is_told = key in listed and listed[key].version == awaited[0]
            if is_told or self._older.get(key) == awaited:
                del self._awaited[key]
        gone = [key for key in self._versions if key not in listed and key not in self._awaited]
        news = [self._drop(key) for key in gone]
        news += [self._put(entry) for entry in entries if entry.key not in self._awaited]
        self.is_listed = True
        return any(news)

    def take(self, entry: Entry[V], *, is_gone: bool) -> bool:
        """Take what a watch tells; whether views differ now."""
        self._remember(entry.key, entry.version)
        awaited = self._awaited.get(entry.key)
        if awaited is not None and awaited[0] != entry.version:
            return False
        self._awaited.pop(entry.key, None)
        return self._drop(entry.key) if is_gone else self._put(entry)

    def wrote(self, entry: Entry[V], now_s: float) -> bool:
        """Take the answer to a write of ours, unless it is known; whether views differ now."""
        key, version, _ = entry
        if self._versions.get(key) == version or (key, version) in self._seen:
            return False
        self._awaited[key] = (version, now_s + HEED_AGAIN_S)
        return self._put(entry)

    def is_lost(self, now_s: float) -> bool:
        """Whether the watch should have told of a write of ours by now."""
        return any(now_s >= until_s for _, until_s in self._awaited.values())

    def _put(self, entry: Entry[V]) -> bool:
        key, version, view = entry
        if self._versions.get(key) == version:
            return False
        if key in self._versions:
            self._remember(key, self._versions[key])
        self._versions[key] = version
        if view is None:
            return self._forget(key)
        if self._views.get(key) == view:
            return False
        self._own()[key] = view
        return True

    def _drop(self, key: str) -> bool:
        version = self._versions.pop(key, None)
        if version is not None:
            self._remember(key, version)
        return self._forget(key)

    def _forget(self, key: str) -> bool:
        if key not in self._views:
            return False
        del self._own()[key]
        return True

    def _own(self) -> dict[str, V]:
        """The views, to be changed: a copy of them if somebody reads them."""
        if self._is_shared:
            self._views, self._is_shared = dict(self._views), False
        return self._views

    def _remember(self, key: str, version: str) -> None:
        self._seen[key, version] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
