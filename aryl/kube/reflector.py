"""Follows the objects of one list for as long as it runs: list, watch, and list again when lost.

A watch ends often and for many reasons. It goes on from the last version heard of, unless the
server no longer knows that one; then, and every few minutes in any case, everything is listed anew.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from aryl.kube.client import KubeApi
from aryl.kube.errors import Gone, Invalid, KubeError, NotFound, ServerFault, TooMany, Unreachable
from aryl.kube.watching import Watch

Raw = Mapping[str, Any]
V = TypeVar("V")

_LOST = (Gone, Invalid, ServerFault)  # a watch from this version on has no future
_BRIEF_S = 1.0  # a watch that ends sooner, without a word, has failed


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds; most vary by chance, so as to spread.

    Bookmarks are never promised, and a quiet watch looks like a dead one. So the server is asked to
    end watches soon: one that it does not end is dead, and to begin another costs next to nothing.
    """

    watch_s: float = 75.0  # the server ends a watch
    late_s: float = 10.0  # one that it has not ended by then is dead
    relist_s: float = 600.0  # everything is listed again
    wait_s: float = 0.5  # after a failure; twice that after the second, and so on
    longest_wait_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Means:
    """What following takes: a server, a clock of seconds that never go back, chance, and a pace."""

    api: KubeApi
    now: Callable[[], float]
    chance: Random
    pace: Pace = field(default_factory=Pace)


def name_of(raw: Raw) -> str:
    """`name`, or `namespace/name`: what no other object of its kind has at the same time."""
    about = raw["metadata"]
    namespace = about.get("namespace")
    return f"{namespace}/{about['name']}" if namespace else str(about["name"])


def uid_of(raw: Raw) -> str:
    """What no other object has at any time."""
    return str(raw["metadata"]["uid"])


@dataclass(frozen=True, slots=True)
class Source(Generic[V]):
    """Objects of a kind, and what is kept of each: `keep` answers None for one of no interest.

    Several kinds can stand under the name of one resource, if their keys differ. A kind that may be
    `absent` counts as listed where the server does not serve it; it is asked for again and again.
    """

    resource: str
    kind: str
    path: str
    keep: Callable[[Raw], V | None]
    key: Callable[[Raw], str] = name_of
    query: Mapping[str, str] = field(default_factory=dict)
    may_be_absent: bool = False


class Entry(NamedTuple, Generic[V]):
    """What is kept of an object at one of its versions; no view where it is of no interest."""

    key: str
    version: str
    view: V | None


def entry_of(source: Source[V], raw: Raw) -> Entry[V]:
    """What is kept of an object."""
    return Entry(source.key(raw), raw["metadata"]["resourceVersion"], source.keep(raw))


class Sink(Protocol[V]):
    """Whoever wants to know; called from the reflector's thread."""

    def begun(self) -> None:
        """A list is about to be asked for."""

    def listed(self, entries: Sequence[Entry[V]]) -> None:
        """These are all the objects there are."""

    def absent(self) -> None:
        """The server does not serve this kind."""

    def changed(self, entry: Entry[V], *, is_gone: bool) -> None:
        """An object is new, changed or gone."""

    def heard(self) -> None:
        """The server is there; nothing has happened."""

    def failed(self, error: KubeError) -> None:
        """A list or a watch went wrong; it is tried again."""

    def broke(self, error: Exception) -> None:
        """Our own bug has ended all this."""


class Reflector(Generic[V]):
    """A thread that follows a source, and tells a sink."""

    def __init__(self, means: Means, source: Source[V], sink: Sink[V]) -> None:
        """Prepare; nothing is asked yet."""
        self._api = means.api
        self._now = means.now
        self._chance = Random(means.chance.random())
        self._pace = means.pace
        self._source = source
        self._sink = sink
        self._stopped = threading.Event()
        self._is_lost = threading.Event()  # somebody asked for a list
        self._lock = threading.Lock()  # of the watch, which others end
        self._watch: Watch | None = None
        self._version = ""  # heard of last; "" asks for a list
        self._list_due_s = 0.0
        self._failures = 0  # in a row
        self._thread = threading.Thread(
            target=self._run, name=f"watches {source.kind}", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon: at once where a watch is open, else when what is asked is answered."""
        self._stopped.set()
        self._interrupt()

    def join(self, limit_s: float) -> bool:
        """Wait for its end; whether it has come."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def relist(self) -> None:
        """List everything again, soon."""
        self._is_lost.set()
        self._interrupt()

    def _interrupt(self) -> None:
        with self._lock:
            if self._watch is not None:
                self._watch.stop()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._stopped.wait(self._round())
        except Exception as error:
            self._sink.broke(error)
            raise

    def _round(self) -> float:
        """One list or one watch; the seconds to wait before the next."""
        try:
            if self._needs_list():
                self._list()
            else:
                self._follow()
        except KubeError as error:
            return self._after(error)
        return 0.0

    def _needs_list(self) -> bool:
        is_due = self._now() >= self._list_due_s
        return is_due or not self._version or self._is_lost.is_set()

    def _after(self, error: KubeError) -> float:
        """The seconds to wait after a failure; a version that is merely too old costs none."""
        if self._stopped.is_set():
            return 0.0
        if isinstance(error, _LOST):
            self._version = ""
        if isinstance(error, NotFound) and self._is_absent():
            self._sink.absent()
            return self._pace.longest_wait_s
        self._failures += 1
        self._sink.failed(error)
        if isinstance(error, Gone) and self._failures == 1:
            return 0.0
        wait_s = self._pace.wait_s * 2.0 ** min(self._failures - 1, 10)
        asked_s = error.retry_after_s if isinstance(error, TooMany) else 0.0
        wait_s = min(wait_s, self._pace.longest_wait_s) * self._chance.uniform(0.5, 1.0)
        return max(wait_s, min(asked_s, self._pace.longest_wait_s))

    def _is_absent(self) -> bool:
        """Whether the kind is really not there: a server that has just started says so of all."""
        if not self._source.may_be_absent or not self._api.is_ready():
            return False
        try:
            self._api.get(self._source.path, limit=1)
        except KubeError as error:
            return isinstance(error, NotFound)
        return False

    def _list(self) -> None:
        source = self._source
        self._is_lost.clear()
        self._sink.begun()
        self._list_due_s = self._now() + self._pace.relist_s * self._chance.uniform(0.8, 1.2)
        entries: list[Entry[V]] = []
        version = ""
        for page in self._api.pages(source.path, **source.query):
            entries += [entry_of(source, raw) for raw in page.items]
            version = page.resource_version
            if self._stopped.is_set():
                return
        self._sink.listed(entries)
        self._version = version

    def _follow(self) -> None:
        since_s = self._now()
        watch_s = self._pace.watch_s * self._chance.uniform(0.8, 1.2)
        timeout_s = max(1, round(min(watch_s, self._list_due_s - since_s)))
        with self._opened(timeout_s) as watch:
            try:
                has_heard = self._has_heard(watch)
            finally:
                with self._lock:
                    self._watch = None
        is_brief = not has_heard and self._now() - since_s < _BRIEF_S
        if is_brief and not self._is_lost.is_set() and not self._stopped.is_set():
            raise Unreachable(self._api.server, "a watch ended as soon as it began")
        self._failures = 0

    def _opened(self, timeout_s: int) -> Watch:
        source, quiet_s = self._source, timeout_s + self._pace.late_s
        watch = self._api.watch(source.path, self._version, timeout_s, quiet_s, **source.query)
        with self._lock:
            self._watch = watch
        if self._stopped.is_set() or self._is_lost.is_set():
            watch.stop()
        self._sink.heard()
        return watch

    def _has_heard(self, watch: Watch) -> bool:
        """Pass on what happens until the watch ends; whether anything did."""
        has_heard = False
        for event in watch:
            raw = event["object"]
            if event["type"] == "BOOKMARK":
                self._sink.heard()
            else:
                entry = entry_of(self._source, raw)
                self._sink.changed(entry, is_gone=event["type"] == "DELETED")
            self._version = raw["metadata"]["resourceVersion"]
            self._failures = 0
            has_heard = True
        return has_heard
