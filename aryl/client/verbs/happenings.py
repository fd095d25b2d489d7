"""Verbs about what happens: top, events, audit."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import typer

from aryl.client.ask import Json
from aryl.client.drawing.happenings import audit_page, event_line
from aryl.client.drawing.overview import overview
from aryl.client.following import Follower, latest
from aryl.client.session import Session
from aryl.client.verbs.verb import DECISIONS, Limit, verb

SHOWN = 100  # of each list: no screen has room for more


@verb("top", "aryl top", DECISIONS)
def top(session: Session) -> None:
    """Watch pools, jobs and loans on the whole screen until Ctrl-C; in a pipe, once."""
    session.show(lambda: _sight(session), overview, watch=session.is_redrawable)


@verb("events", "aryl events --follow", DECISIONS)
def events(
    session: Session,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    job_id: Annotated[str | None, typer.Option("--job", metavar="ID", help="Of one job.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="The newest so many.")
    ] = 50,
) -> None:
    """Show what happened, oldest first; with --json one event a line."""
    with suppress(KeyboardInterrupt):
        for event in _events(session, job_id, limit, follow=follow):
            if session.as_json:
                typer.echo(json.dumps(event, ensure_ascii=False))
            else:
                session.console.print(event_line(event), soft_wrap=True)


@verb("audit", "aryl audit --limit 20", DECISIONS)
def audit(session: Session, *, limit: Limit = 50) -> None:
    """Show who changed what, the newest first; for operators."""
    session.show(lambda: session.service.audit(limit), audit_page)


def _events(session: Session, job_id: str | None, limit: int, *, follow: bool) -> Iterator[Json]:
    """The events asked for; of one job, all that it ever met."""
    if follow:
        query = {"after": -limit if job_id is None else 0, "job_id": job_id}
        follower = Follower(session.service, session.note, session.wait)
        return follower.events(query)
    if job_id is None:
        return latest(session.service, limit)
    return iter(session.service.job_events(job_id)["items"][-limit:])


def _sight(session: Session) -> Json:
    service = session.service
    return {
        "status": service.status(),
        "running": service.jobs({}, ["running"], SHOWN)["items"],
        "queued": service.jobs({}, ["queued"], SHOWN)["items"],
        "loans": service.loans({"open": True}, SHOWN)["items"],
    }
