"""The extender's three routes; kube-scheduler sends no token, so none is asked for."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeVar

import orjson
from anyio import CapacityLimiter, move_on_after, to_thread
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from api.extender import rules
from api.extender.wire import Malformed, Pod, candidates_of, preemption_of

Of = TypeVar("Of")
Found = TypeVar("Found")

EXTENDER_AT: Final = "/extender"
BYTES_MAX: Final = 64 << 20  # a body with 5,000 whole nodes (nodeCacheCapable: false)
LOOK_S: Final = 0.5  # of the few seconds that kube-scheduler waits for an answer
LOOKERS: Final = 4  # look-ups at once: a kube-scheduler asks about one pod at a time


def unknown(_server: str) -> None:
    """Say which pods of a node are base workers, in a process that sees no pods: it can't."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the extender looks things up; both may take a moment, and are called in threads.

    `reason_of` tells why the first known of some jobs waits. `base_workers_on` has the uids of the
    base workers on a node, or None where that is not known.
    """

    reason_of: Callable[[Sequence[str]], str | None]
    base_workers_on: Callable[[str], Collection[str] | None] = unknown


@dataclass(frozen=True, slots=True)
class Extender:
    """Answers kube-scheduler."""

    sources: Sources
    _lookers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(LOOKERS))

    async def filter(self, request: Request) -> Response:
        """Which of the nodes suit a pod, and why the others do not."""
        body = await request.body()
        with _understanding():
            asked = candidates_of(body)
        return _told(rules.filtered(asked, await self._why_not(asked.pod)))

    async def prioritize(self, request: Request) -> Response:
        """How well each of the nodes suits a pod."""
        body = await request.body()
        with _understanding():
            return _told(rules.scored(candidates_of(body)))

    async def preempt(self, request: Request) -> Response:
        """On which of the nodes other pods may go for a pod, and which."""
        body = await request.body()
        with _understanding():
            asked = preemption_of(body)
        bases = None
        if asked.pod.is_managed and asked.pod.server in asked.victims:
            bases = await self._looked_up(self.sources.base_workers_on, asked.pod.server)
        return _told(rules.preempting(asked, bases))

    async def _why_not(self, pod: Pod) -> str:
        """Why one of Aryl's pods has no node yet; looked up only where that is so."""
        if not pod.is_managed or pod.server:
            return ""
        return await self._looked_up(self.sources.reason_of, pod.job_ids) or rules.UNKNOWN

    async def _looked_up(self, look: Callable[[Of], Found], of: Of) -> Found | None:
        """What a look finds; None if that takes too long."""
        with move_on_after(LOOK_S):
            return await to_thread.run_sync(look, of, abandon_on_cancel=True, limiter=self._lookers)
        return None


def mount(app: FastAPI, sources: Sources) -> None:
    """Add the extender to an app that `api.app.create_app` made."""
    extender = Extender(sources)
    router = APIRouter(prefix=EXTENDER_AT, include_in_schema=False)
    for answer in (extender.filter, extender.prioritize, extender.preempt):
        router.add_api_route(f"/{answer.__name__}", answer, methods=["POST"])
    app.include_router(router)


@contextmanager
def _understanding() -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error


def _told(answer: object) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")
