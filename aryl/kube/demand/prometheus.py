"""Demand as Prometheus answers a query, asked in a thread of its own: a step never waits for it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import httpx2

from aryl.kube.demand.promql import DemandQuery, NoNumber, Sample, value_now, values_before
from aryl.model.errors import BadInput

TIMEOUT: Final = httpx2.Timeout(30.0, connect=3.0)
PAST_S: Final = 28 * 86_400.0  # as far back as forecasters look
TRIES: Final = 3  # to learn the past: a query that is too much for a server is no better later


class Prometheus:
    """Asks again and again, from `start` to `close`; a context manager that does both.

    `failures` counts queries without an answer. `told` hears what is wrong when that begins, and ""
    when it has ended; it is called in the asking thread.
    """

    def __init__(
        self,
        query: DemandQuery,
        wall: Callable[[], float],
        cluster_s: Callable[[float], float],
        told: Callable[[str], None] = lambda _trouble: None,
    ) -> None:
        """Prepare to ask. `wall` tells wall time, `cluster_s` makes cluster time of it.

        Raises `BadInput` where the query's address is none.
        """
        _check(query.url)
        self.query, self.failures = query, 0
        self._wall, self._cluster_s, self._told = wall, cluster_s, told
        self._latest: Sample | None = None  # in wall time
        self._past: list[Sample] = []  # in cluster time
        self._has_trouble, self._tries = False, TRIES
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="aryl-prometheus", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def start(self) -> None:
        """Begin to ask."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def close(self) -> None:
        """Ask no more; a question in the air is dropped."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the thread has died
                self._loop.call_soon_threadsafe(_cancel_all, self._loop)
            self._thread.join()
            self._loop = None

    def latest(self) -> float | None:
        """The last answer in the query's unit; None where there is none, or it is too old."""
        latest = self._latest
        if latest is None or self._wall() - latest[0] > self.query.kept_s:
            return None
        return latest[1]

    def take_past(self) -> list[Sample]:
        """What has become known of the past, once: cluster time, and the value in its unit."""
        with self._lock:
            past, self._past = self._past, []
        return past

    def _run(self) -> None:
        assert self._loop is not None, "start makes it"
        loop = self._loop
        with suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._ask())

    async def _ask(self) -> None:
        base = f"{self.query.url.rstrip('/')}/"
        async with httpx2.AsyncClient(base_url=base, timeout=TIMEOUT) as http:
            while True:
                try:
                    await self._ask_once(http)
                except (NoNumber, httpx2.HTTPError) as error:
                    self.failures += 1
                    self._note(str(error) or type(error).__name__)
                else:
                    self._note("")
                await asyncio.sleep(self.query.every_s)

    async def _ask_once(self, http: httpx2.AsyncClient) -> None:
        asked_s = self._wall()
        self._latest = asked_s, await value_now(http, self.query.query)
        if self._tries:
            self._tries -= 1
            past = await values_before(http, self.query.query, asked_s - PAST_S, asked_s)
            with self._lock:
                self._past = [(self._cluster_s(at_s), value) for at_s, value in past]
            self._tries = 0

    def _note(self, trouble: str) -> None:
        """Tell where something begins to be wrong, or is no longer."""
        if bool(trouble) != self._has_trouble:
            self._has_trouble = bool(trouble)
            self._told(trouble)


def _check(url: str) -> None:
    """An address may hold a password: it is not repeated."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise BadInput("demand.url", "is no address") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise BadInput("demand.url", "is no address that begins with http:// or https://")


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
