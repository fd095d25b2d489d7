"""Events and the audit: what happened, one line each."""

from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.text import Text

from aryl.client.ask import Json
from aryl.client.drawing.words import View, clean, moment, table, words

_STYLES: Mapping[str, str] = {
    "submitted": "bold",
    "started": "green",
    "resized": "cyan",
    "preempted": "red",
    "failed": "red",
    "finished": "dim",
    "cancelled": "dim",
    "lent": "magenta",
    "reclaim_asked": "blue",
    "returned": "blue",
}


def event_line(event: Json) -> Text:
    """One event on one line."""
    subject = event["job_id"] or event["server_id"] or ""
    if not subject and event["plan_id"] is not None:
        subject = f"plan {event['plan_id']}"
    kind = event["kind"]
    return Text.assemble(
        (f"{moment(event['t_s'])}  ", "dim"),
        (f"{clean(kind).replace('_', ' '):<15}", _STYLES.get(kind, "")),
        f"{clean(subject):<24} ",
        (_told(event["detail"]), "dim"),
    )


def audit_page(page: Json, _view: View) -> RenderableType:
    """Who did what; times are wall time."""
    if not page["items"]:
        return Text("nobody has changed anything yet", "dim")
    made = table("at", "who", "role", "did", "to", "detail+")
    for entry in page["items"]:
        at = datetime.fromtimestamp(entry["at_wall_s"], UTC).astimezone()
        detail = words(_told(entry["detail"]))
        names = (words(entry[key]) for key in ("principal", "role", "action", "subject"))
        made.add_row(f"{at:%Y-%m-%d %H:%M:%S}", *names, detail)
    return made


def _told(detail: Mapping[str, object]) -> str:
    """A reason's sentence where there is one, else names and values."""
    reason = detail.get("reason")
    if isinstance(reason, dict) and "text" in reason:
        return clean(reason["text"])
    return ", ".join(f"{clean(k)} {clean(v)}" for k, v in detail.items() if v not in (None, [], {}))
