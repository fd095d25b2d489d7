"""Plans with their actions and reasons, as tables and cards."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aryl.client.ask import Json
from aryl.client.drawing.words import (
    NOTHING,
    View,
    clean,
    facts,
    moment,
    number,
    span,
    table,
    words,
)

_VERBS = {
    "StartJob": ("start", "green"),
    "ResizeJob": ("resize", "cyan"),
    "PreemptJob": ("preempt", "red"),
    "LoanServer": ("lend", "magenta"),
    "ReclaimServer": ("take back", "blue"),
}
_STATUSES = {"done": "green", "refused": "yellow", "failed": "red"}


def plans_page(page: Json, view: View) -> RenderableType:
    """Plans, one a line."""
    if not page["items"]:
        return Text("no plans yet", "dim")
    wide_heads = ["by", "mode", ">solver calls", ">term"] if view.is_wide else []
    made = table(">plan", "at", ">ago", "decides on", ">queued", ">running", ">lend", *wide_heads)
    for plan in page["items"]:
        outlook = plan["outlook"]
        wide = [words(plan["scheme"]), plan["mode"], number(len(plan["solves"])), str(plan["term"])]
        made.add_row(
            str(plan["id"]),
            moment(plan["t_s"]),
            view.ago(plan["t_s"]),
            words(plan["due"].lower()),
            number(plan["queued_jobs"]),
            number(plan["running_jobs"]),
            number(outlook["loanable"]) if outlook else NOTHING,
            *(wide if view.is_wide else ()),
        )
    return made


def plan_card(plan: Json, view: View) -> RenderableType:
    """One plan: what it saw, what it did and why."""
    outlook = plan["outlook"]
    shadow = "; recommended only, as the service runs in shadow mode"
    shown = facts(
        {
            "plan": f"{plan['id']} of term {plan['term']}",
            "at": f"{moment(plan['t_s'])}, {view.ago(plan['t_s'])} ago",
            "decides on": plan["due"].lower(),
            "by": plan["scheme"] + (shadow if plan["mode"] == "shadow" else ""),
            "saw": f"{number(plan['queued_jobs'])} queued and {number(plan['running_jobs'])} "
            "running jobs",
            "foresaw": f"inference needs {number(outlook['forecast_servers'])} servers; "
            f"{number(outlook['loanable'])} may be lent"
            if outlook
            else None,
            "solved": _solved(plan["solves"]),
            "beside": "; ".join(note["text"] for note in plan["notes"]),
        }
    )
    return Group(shown, Padding(actions_table(plan["actions"], view), (1, 0, 0, 0)))


def actions_table(actions: Sequence[Json], view: View) -> RenderableType:
    """Actions in the order in which they take effect, each with its reason."""
    if not actions:
        return Text("no actions: things stay as they are", "dim")
    heads = ["does", "what", "became", "because+"]
    made = table(*heads, *(["where+"] if view.is_wide else []))
    for action in actions:
        does, style = _VERBS.get(action["action"], (action["action"], ""))
        status = action.get("status")
        cells = [
            words(does, style),
            words(action["job_id"] or action["server_id"]),
            words(status, _STATUSES.get(status or "", "")),
            _because(action),
        ]
        made.add_row(*cells, *([words(_where(action["body"]))] if view.is_wide else []))
    return made


def counted(actions: Iterable[Json]) -> str:
    """How many actions of each kind there are: `3 starts, 1 lend`."""
    counts = Counter(_VERBS.get(a["action"], (a["action"], ""))[0] for a in actions)
    return ", ".join(f"{count} × {does}" for does, count in counts.items()) or "no actions"  # noqa: RUF001 - it is a times sign


def waiting_table(waiting: Sequence[Json]) -> Table:
    """Why jobs wait, with how many do for each reason."""
    made = table(">jobs", "such as", "wait because it+")
    for group in waiting:
        ids = group["job_ids"]
        made.add_row(number(len(ids)), words(ids[0] if ids else ""), words(group["text"]))
    return made


def _because(action: Json) -> Text:
    detail = action.get("detail")
    text = clean(action["reason"]["text"])
    return Text(f"{text} ({clean(detail)})" if detail else text)


def _where(body: Json) -> str:
    """The servers of an action: those it takes, and those it gives up."""
    taken = [*body.get("placements", ()), *body.get("add", ())]
    left = body.get("remove", ())
    parts = [f"+{p['workers']} {p['server_id']}" for p in taken]
    return ", ".join([*parts, *(f"-{p['workers']} {p['server_id']}" for p in left)])


def _solved(solves: Sequence[Json]) -> str | None:
    if not solves:
        return None
    kinds = Counter(solve["kind"] for solve in solves)
    seconds = sum(solve["seconds"] for solve in solves)
    calls = ", ".join(f"{kind} {count} times" for kind, count in kinds.items())
    return f"{calls} in {1000 * seconds:,.0f} ms" if seconds < 1 else f"{calls} in {span(seconds)}"
