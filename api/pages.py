"""Long lists in parts: cursors that mean nothing to clients, and links to what follows."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query, Request

from api.schemas.fields import Page, Told
from aryl.model.errors import BadInput

Limit = Annotated[int, Query(ge=1, le=1_000, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=64, description="The `next` of the page before; else the start.")
]

Row = TypeVar("Row")
Item = TypeVar("Item", bound=Told)


def page_of(
    kind: str, rows: Sequence[Row], limit: int, *, at: Callable[[Row], float]
) -> tuple[Sequence[Row], str | None]:
    """The first `limit` of some rows, and the cursor of the others; `at` is a row's place."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_at(kind, at(rows[limit - 1]))


def cursor_at(kind: str, place: float) -> str:
    """A cursor behind a place in the list of that kind."""
    return urlsafe_b64encode(f"{kind}:{place:.0f}".encode()).decode().rstrip("=")


def place_of(kind: str, cursor: str | None) -> int | None:
    """The place that a cursor of that kind stands for. Raises `BadInput`."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (NotBase64, ValueError):
        text = ""
    found = re.fullmatch(rf"{kind}:(-?\d{{1,15}})", text, re.ASCII)
    if found is None:
        raise BadInput("query", "is no cursor of this list", None, "query.cursor", cursor)
    return int(found[1])


def link(request: Request, page: Page[Item]) -> dict[str, str]:
    """The header that leads to the next page, where there is one."""
    if page.next is None:
        return {}
    url = request.url.include_query_params(cursor=page.next)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
