"""What happens, as it happens: server-sent events, read from the store once for all who listen.

A listener first gets what it missed, from the store, then what is new, from a queue of its own. The
queue starts where that reading ends, so that nothing is lost or repeated.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog
from anyio import CapacityLimiter, to_thread

from aryl.store import UNAVAILABLE

POLL_S = 0.25  # how late an event of another process may be
HEARTBEAT_S = 15.0  # proxies drop connections that are silent for longer
BATCH = 500  # events read at once
WAITING_EVENTS = 2_000  # for one listener; who is further behind is cut off
LISTENERS = 1_000

CUT_OFF = b": too slow; come back with Last-Event-ID\n\n"
HEARTBEAT = b": nothing new\n\n"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, ready to be sent."""

    id: int
    kind: str
    job_id: str | None
    frame: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a listener asks for: any kind without `kinds`, any job without `job_id`."""

    after: int
    kinds: frozenset[str] = frozenset()
    job_id: str | None = None

    def takes(self, event: Heard) -> bool:
        """Whether that is one of them."""
        is_kind = not self.kinds or event.kind in self.kinds
        is_job = self.job_id is None or event.job_id == self.job_id
        return event.id > self.after and is_kind and is_job


Read = Callable[[int, int], Sequence[Heard]]  # the events after an id, oldest first, up to a number


@dataclass(slots=True, eq=False)
class _Listener:
    since: int
    events: asyncio.Queue[Heard] = field(default_factory=lambda: asyncio.Queue(WAITING_EVENTS))
    is_cut_off: bool = False

    def offer(self, event: Heard) -> None:
        """Put it in the queue; after the first that finds no room, nothing follows."""
        if self.is_cut_off or self.events.full():
            self.is_cut_off = True
        else:
            self.events.put_nowait(event)


class Feed:
    """New events for every listener in this process."""

    def __init__(self, read: Read, last_id: Callable[[], int]) -> None:
        """Start with nobody listening."""
        self._read, self._last_id = read, last_id
        self._last = 0
        self._listeners: dict[_Listener, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed, self._closed = asyncio.Event(), asyncio.Event()
        self._is_away = False
        self._limiter = CapacityLimiter(1)  # apart from the threads that answer requests

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        """Whether nobody more may listen."""
        return self.listeners >= LISTENERS

    @property
    def newest(self) -> int:
        """The newest event that listeners were told of."""
        return self._last

    async def open(self) -> None:
        """Take the newest event for the last that everybody knows; call it before `run`."""
        self._loop = asyncio.get_running_loop()
        self._last = await self._newest()

    def poke(self) -> None:
        """There may be something new. Any thread may call it."""
        if self._listeners:  # else nobody would hear of it any sooner
            self._signal(self._changed)

    def close(self) -> None:
        """End every stream. Any thread may call it."""
        self._signal(self._closed)
        self._signal(self._changed)

    async def run(self) -> None:
        """Hand on new events until closed."""
        while not self._closed.is_set():
            self._changed.clear()
            if not await self._look():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), POLL_S)

    async def follow(self, wanted: Wanted) -> AsyncIterator[bytes]:
        """The frames of one stream, until the feed is closed or the listener is too slow."""
        with self._listening() as listener:
            async for event in self._missed(wanted.after, listener.since):
                if wanted.takes(event):
                    yield event.frame
            while not self._closed.is_set():
                if listener.is_cut_off and listener.events.empty():
                    yield CUT_OFF
                    return
                heard = await self._next(listener)
                if heard is None:
                    yield HEARTBEAT
                elif wanted.takes(heard):
                    yield heard.frame

    def _signal(self, event: asyncio.Event) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended: nobody listens
                self._loop.call_soon_threadsafe(event.set)

    async def _look(self) -> bool:
        """Hand on what is new, and tell whether there may be more."""
        try:
            events = await self._new()
        except UNAVAILABLE as error:  # a later look makes up for it
            if not self._is_away:  # once for an outage, however long it lasts
                log.warning("events_unread", error=type(error).__name__)
            self._is_away = True
            return False
        self._is_away = False
        for event in events:
            self._last = event.id
            for listener in self._listeners:
                listener.offer(event)
        return len(events) == BATCH

    async def _new(self) -> Sequence[Heard]:
        """The events after the last; while nobody listens, they are passed over unread."""
        if not self._listeners:
            newest = await self._newest()
            if not self._listeners:  # nor has anybody begun to meanwhile
                self._last = newest
                return ()
        return await to_thread.run_sync(self._read, self._last, BATCH, limiter=self._limiter)

    async def _newest(self) -> int:
        return await to_thread.run_sync(self._last_id, limiter=self._limiter)

    async def _missed(self, after: int, until: int) -> AsyncIterator[Heard]:
        """What the store holds after one id, up to another."""
        while after < until and not self._closed.is_set():
            events = await to_thread.run_sync(self._read, after, BATCH)
            for event in events:
                if event.id <= until:
                    yield event
            after = events[-1].id if events else until

    async def _next(self, listener: _Listener) -> Heard | None:
        """The next event; None where none comes for a while, or none will come."""
        come = asyncio.ensure_future(listener.events.get())
        end = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({come, end}, timeout=HEARTBEAT_S, return_when="FIRST_COMPLETED")
            return come.result() if come.done() else None
        finally:
            come.cancel()
            end.cancel()

    @contextmanager
    def _listening(self) -> Iterator[_Listener]:
        listener = _Listener(self._last)
        self._listeners[listener] = None
        try:
            yield listener
        finally:
            del self._listeners[listener]
