"""Pages that are one table each: jobs, servers, loans, plans, and one plan."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.datastructures import QueryParams

from api.dashboard.decisions import decisions_of
from api.dashboard.rendering import render
from api.dashboard.shell import Visit
from api.schemas.cluster import ServerOut
from api.schemas.fields import NO_CONTROLS
from api.views import Asked, Views
from aryl.engine.lifecycle import JobState
from aryl.model.errors import Missing
from aryl.store import JobFilter

_NUMBER: Final = "[0-9]{1,15}"
ROWS: Final = 100
SERVER_ROWS: Final = 250


async def jobs(visit: Visit) -> None:
    """Jobs in a state, of a user or in a queue, the newest first."""
    await _page(visit, "Jobs", _jobs)


async def servers(visit: Visit) -> None:
    """Servers by name, pool and state."""
    await _page(visit, "Servers", _servers)


async def loans(visit: Visit) -> None:
    """All loans, the newest first."""
    await _page(visit, "Loans", _loans)


async def plans(visit: Visit) -> None:
    """Plans that did something or looked ahead, the newest first."""
    await _page(visit, "Plans", _plans)


async def plan(visit: Visit, plan_id: str) -> None:
    """One plan with its actions."""

    def load(views: Views, _: QueryParams) -> str:
        if not re.fullmatch(_NUMBER, plan_id):
            raise Missing("plan", plan_id)
        found = views.plan(int(plan_id))
        return render("plan", plan=found, decisions=decisions_of([found]))

    await _page(visit, f"Plan {plan_id}", load)


LISTS: Final[Mapping[str, Callable[[Visit], Awaitable[None]]]] = {
    "/jobs": jobs,
    "/servers": servers,
    "/loans": loans,
    "/plans": plans,
}


async def _page(visit: Visit, title: str, load: Callable[[Views, QueryParams], str]) -> None:
    views, asked = visit.site.service.views, visit.request.query_params
    with visit.page(title):
        await visit.live(lambda: load(views, asked))


def _jobs(views: Views, asked: QueryParams) -> str:
    state, user, queue = (_given(asked, name) for name in ("state", "user", "queue"))
    wanted = JobFilter(
        state=JobState(state) if state in {known.value for known in JobState} else None,
        user=user or None,
        queue=queue or None,
        newest_first=True,
    )
    page = views.jobs(wanted, Asked(ROWS, asked.get("cursor")))
    return render(
        "jobs",
        jobs=page.items,
        asked={"state": state, "user": user, "queue": queue},
        states=[known.value for known in JobState],
        next=page.next,
    )


def _servers(views: Views, asked: QueryParams) -> str:
    pool, state, name = (_given(asked, key) for key in ("pool", "state", "name"))

    def is_wanted(server: ServerOut) -> bool:
        return pool in {"", server.pool} and state in {"", server.state} and name in server.id

    every = views.servers()
    found = [server for server in every if is_wanted(server)]
    return render(
        "servers",
        servers=found[:SERVER_ROWS],
        found=len(found),
        asked={"pool": pool, "state": state, "name": name},
        pools=sorted({server.pool for server in every}, reverse=True),
        states=sorted({server.state for server in every}),
    )


def _loans(views: Views, asked: QueryParams) -> str:
    page = views.loans(Asked(ROWS, asked.get("cursor")))
    return render("all_loans", loans=page.items, next=page.next, now=views.clock.now())


def _plans(views: Views, asked: QueryParams) -> str:
    page = views.plans(Asked(ROWS, asked.get("cursor")))
    return render("plans", plans=page.items, next=page.next)


def _given(asked: QueryParams, name: str) -> str:
    """What an address asks for, where it is a text that a database can hold."""
    text = asked.get(name, "")
    return text if re.fullmatch(NO_CONTROLS, text) else ""
