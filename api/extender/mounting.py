"""The extender's three routes; kube-scheduler sends no token, so none is asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import orjson
from anyio import CapacityLimiter, move_on_after, to_thread
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from api.extender import rules
from api.extender.wire import Malformed, Pod, candidates_of, preemption_of

EXTENDER_AT: Final = "/extender"
BYTES_MAX: Final = 64 << 20  # a body with 5,000 whole nodes (nodeCacheCapable: false)
REASON_S: Final = 0.5  # of the few seconds that kube-scheduler waits for an answer
READERS: Final = 4  # look-ups at once: a kube-scheduler asks about one pod at a time


def nobody_known(_uid: str) -> bool:
    """Whether a pod may be a base worker, for a process that sees no pods: it may."""
    return True


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the extender asks of the service; both may be called from any thread.

    `reason_of` tells why the first known of some jobs waits; it may take its time, up to a point.
    `is_base` tells whether a pod, by its uid, is a base worker or may be one; it must be quick.
    """

    reason_of: Callable[[Sequence[str]], str | None]
    is_base: Callable[[str], bool] = nobody_known


@dataclass(frozen=True, slots=True)
class Extender:
    """Answers kube-scheduler."""

    knowledge: Knowledge
    _readers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(READERS))

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
            return _told(rules.preempting(preemption_of(body), self.knowledge.is_base))

    async def _why_not(self, pod: Pod) -> str:
        """Why one of Aryl's pods has no node yet; looked up only where that is so."""
        reason = None
        if pod.is_managed and not pod.server:
            with move_on_after(REASON_S):
                reason = await to_thread.run_sync(
                    self.knowledge.reason_of,
                    pod.job_ids,
                    abandon_on_cancel=True,
                    limiter=self._readers,
                )
        return reason or rules.UNKNOWN


def mount(app: FastAPI, knowledge: Knowledge) -> None:
    """Add the extender to an app that `api.app.create_app` made."""
    extender = Extender(knowledge)
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
