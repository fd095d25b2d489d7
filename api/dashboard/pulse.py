"""One look at the cluster for all open pages when something happens; none while none is open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Generic, TypeVar

import structlog
from anyio import to_thread

REFRESH_S = 2.0  # progress and waits grow by themselves
LEAST_S = 0.8  # between two looks, however much happens

Frame = TypeVar("Frame")
Listener = Callable[[Frame], object]

log = structlog.get_logger(__name__)


class Pulse(Generic[Frame]):
    """Calls `look` in a thread, and every listener with what it saw.

    `happenings` yields whenever something happened; between two yields pages are at most
    `REFRESH_S` old.
    """

    def __init__(
        self, look: Callable[[], Frame], happenings: Callable[[], AsyncIterator[object]]
    ) -> None:
        """Start with no page open."""
        self._look, self._happenings = look, happenings
        self._listeners: dict[Listener[Frame], None] = {}
        self._beating: asyncio.Task[None] | None = None

    def join(self, listener: Listener[Frame]) -> None:
        """Tell a listener from now on; once is enough. Call it in the event loop."""
        self._listeners[listener] = None
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat(), name="dashboard")

    def leave(self, listener: Listener[Frame]) -> None:
        """Tell it no more."""
        self._listeners.pop(listener, None)

    async def _beat(self) -> None:
        happened = asyncio.Event()
        watching = asyncio.create_task(self._watch(happened), name="dashboard events")
        try:
            while self._listeners:
                happened.clear()
                await self._show()
                await asyncio.sleep(LEAST_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(happened.wait(), REFRESH_S - LEAST_S)
        finally:
            watching.cancel()

    async def _watch(self, happened: asyncio.Event) -> None:
        while True:
            async for _ in self._happenings():
                happened.set()
            await asyncio.sleep(REFRESH_S)  # it was cut off, as too slow, or the service stops

    async def _show(self) -> None:
        try:
            frame = await to_thread.run_sync(self._look)
        except Exception as error:  # noqa: BLE001 - a later look makes up for it
            log.warning("dashboard_blind", error=type(error).__name__)
            return
        for listener in list(self._listeners):
            try:
                listener(frame)
            except Exception:
                log.exception("dashboard_page_failed")  # the other pages go on
