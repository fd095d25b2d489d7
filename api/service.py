"""One process's API: what it is made of, once put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from api.ahead import Foresight
from api.commands import Commands
from api.explain import Explanations
from api.known import Knowledge
from api.line import Line
from api.parts import Parts
from api.schemas.service import EventOut
from api.security import Gate
from api.shaping import event_out
from api.sse import Feed, Heard, Read
from api.views import Views
from aryl.store.history import Events


@dataclass(frozen=True, slots=True)
class Service:
    """What routes work with."""

    parts: Parts
    views: Views
    commands: Commands
    gate: Gate
    feed: Feed
    foresight: Foresight
    explanations: Explanations

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the app serves: events are followed, submissions committed, starts estimated."""
        await self.feed.open()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.feed.run)
            tasks.start_soon(self.foresight.run)
            try:
                yield
            finally:
                self.feed.close()
                self.foresight.close()
                await anyio.to_thread.run_sync(self.commands.close)


def service_on(parts: Parts) -> Service:
    """An API's parts, connected."""
    knowledge = Knowledge(parts.store.facts, parts.wall)
    feed = Feed(_reader(parts.store.events), parts.store.events.last_id)

    def changed() -> None:
        parts.wake()
        feed.poke()

    views = Views(parts.store, parts.clock, parts.wall, knowledge, parts.settings)
    foresight = Foresight(parts, knowledge)
    return Service(
        parts,
        views,
        Commands(parts, knowledge, changed),
        Gate(parts.store.tokens, parts.wall, parts.settings),
        feed,
        foresight,
        Explanations(views, foresight, Line(parts.store.jobs, parts.wall)),
    )


def framed(event: EventOut) -> bytes:
    """An event as it is sent."""
    head = f"id: {event.id}\nevent: {event.kind}\ndata: "
    return f"{head}{event.model_dump_json()}\n\n".encode()


def _reader(events: Events) -> Read:
    def read(after: int, limit: int) -> list[Heard]:
        told = (event_out(record) for record in events.after(after, limit))
        return [Heard(event.id, event.kind, event.job_id, framed(event)) for event in told]

    return read
