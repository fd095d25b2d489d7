"""What happens, as it happens."""

import re
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from api.dependencies import Serving, Viewer
from api.errors import Overloaded
from api.schemas.fields import JOB_ID, MAX_ID
from api.sse import Wanted

router = APIRouter(tags=["events"])

KIND = r"^[a-z_]{1,40}(,[a-z_]{1,40}){0,40}$"
LAST_MAX = 10_000  # events that have been, that a stream may begin with by their number


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A stream without an end; `data` of each event is an EventOut.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def follow_events(
    service: Serving,
    _: Viewer,
    after: Annotated[
        int | None,
        Query(
            ge=-LAST_MAX,
            le=MAX_ID,
            description="Events behind that one; below 0: the newest so many, and then new ones; "
            "unset: new ones.",
        ),
    ] = None,
    kinds: Annotated[
        str | None, Query(pattern=KIND, description="Only these kinds, with commas between them.")
    ] = None,
    job_id: Annotated[str | None, Query(pattern=JOB_ID, description="Only of that job.")] = None,
    last_event_id: Annotated[
        str | None,
        Header(max_length=40, description="The last event that was got; before `after`."),
    ] = None,
) -> StreamingResponse:
    """Events as they happen (server-sent events), after those that were missed."""
    if service.feed.is_full:
        raise Overloaded("too many follow the events")
    known = re.fullmatch(r"[0-9]{1,15}", last_event_id or "")
    start = int(known[0]) if known else after
    if start is None or start < 0:  # the feed may be a moment behind
        newest = await to_thread.run_sync(service.parts.store.events.last_id)
        start = max(0, newest + (start or 0))
    wanted = Wanted(
        start,
        frozenset(kinds.split(",")) if kinds else frozenset(),
        job_id,
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        service.feed.follow(wanted), media_type="text/event-stream", headers=headers
    )
