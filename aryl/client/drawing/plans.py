"""Plans with their actions and reasons, as tables and cards."""

from collections import Counter
from collections.abc import Iterator, Sequence

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
_STATUSES = {"done": "green", "withheld": "yellow", "refused": "yellow", "failed": "red"}


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
            words(_due(plan)),
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
            "decides on": _due(plan),
            "by": plan["scheme"] + (shadow if plan["mode"] == "shadow" else ""),
            "saw": f"{number(plan['queued_jobs'])} queued and {number(plan['running_jobs'])} "
            "running jobs",
            "foresaw": _foresaw(outlook) if outlook else None,
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
            words(action.get("job_id") or action.get("server_id")),
            words(status, _STATUSES.get(status or "", "")),
            _because(action),
        ]
        made.add_row(*cells, *([words(_where(action))] if view.is_wide else []))
    return made


def decided_again(answer: Json, view: View) -> RenderableType:
    """A captured cycle decided once more, by its own policy and maybe by another."""
    cycle = answer["cycle"]
    shown = facts(
        {
            "at": moment(cycle["now_s"]),
            "decides on": _due(cycle),
            "saw": f"{number(cycle['queued_jobs'])} queued and {number(cycle['running_jobs'])} "
            f"running jobs, {number(cycle['on_loan_servers'])} servers on loan",
        }
    )
    parts = [shown, *_decision("decided", answer["decided"], view)]
    return Group(*parts, *(_decision("instead", answer["instead"], view)))


def _decision(name: str, decision: Json | None, view: View) -> Iterator[RenderableType]:
    if decision is None:
        return
    yield Text.assemble(("\n" + name, "bold"), f" by {clean(decision['scheme'])}")
    if outlook := decision["outlook"]:
        yield words(_foresaw(outlook))
    yield actions_table(decision["actions"], view)
    if decision["waiting"]:
        yield Padding(waiting_table(decision["waiting"]), (1, 0, 0, 0))
    yield from (words(note["text"]) for note in decision["notes"])
    faults = decision["violations"]
    yield from (words(f"breaks a rule: {fault}", "red") for fault in faults)
    if not faults:
        yield Text("the plan obeys every rule", "dim")


def waiting_table(waiting: Sequence[Json]) -> Table:
    """Why jobs wait, with how many do for each reason."""
    made = table(">jobs", "such as", "wait because it+")
    for group in waiting:
        ids = group["job_ids"]
        made.add_row(number(len(ids)), words(ids[0] if ids else ""), words(group["text"]))
    return made


def _foresaw(outlook: Json) -> str:
    needed, loanable = number(outlook["forecast_servers"]), number(outlook["loanable"])
    return f"inference will need {needed} servers; {loanable} may be lent"


def _due(plan: Json) -> str:
    return " and ".join(plan["due"]).lower()


def _because(action: Json) -> Text:
    detail = action.get("detail")
    text = clean(action["reason"]["text"])
    return Text(f"{text} ({clean(detail)})" if detail else text)


def _where(action: Json) -> str:
    """The servers of an action: those it takes, and those it gives up."""
    taken = [*(action.get("placements") or ()), *(action.get("add") or ())]
    parts = [f"+{p['workers']} {p['server_id']}" for p in taken]
    left = (f"-{p['workers']} {p['server_id']}" for p in action.get("remove") or ())
    return ", ".join([*parts, *left])


def _solved(solves: Sequence[Json]) -> str | None:
    if not solves:
        return None
    kinds = Counter(solve["kind"] for solve in solves)
    seconds = sum(solve["seconds"] for solve in solves)
    calls = ", ".join(f"{kind} {count} times" for kind, count in kinds.items())
    return f"{calls} in {1000 * seconds:,.0f} ms" if seconds < 1 else f"{calls} in {span(seconds)}"
