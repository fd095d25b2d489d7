"""Jobs as tables and cards."""

from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase

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
    gauge,
    line,
    moment,
    number,
    percent,
    span,
    state_words,
    table,
    words,
)

WIDE_ONLY = frozenset({"name~", "user~", "queue~", "workers"})


def jobs_page(page: Json, view: View) -> RenderableType:
    """A list of jobs, and below it why those that wait do."""
    jobs = page["items"]
    if not jobs:
        return Text("no such jobs", "dim")
    more = Text("there are more: --all shows them, --limit N so many", "dim")
    return Group(jobs_table(jobs, view), *([more] if page["next"] else []))


def jobs_table(jobs: Sequence[Json], view: View, title: str | None = None) -> RenderableType:
    """Jobs, one a line; letters stand for why they wait, each explained once below."""
    reasons = _lettered(jobs)
    columns = _columns(reasons, view)
    if not any(job["estimated_start_s"] for job in jobs):
        del columns[">starts in"]
    if not reasons:
        del columns["why"]
    wide = () if view.is_wide else WIDE_ONLY
    shown = {head: cell for head, cell in columns.items() if head not in wide}
    made = table(*shown, title=title)
    for job in jobs:
        made.add_row(*(cell(job) for cell in shown.values()))
    if not reasons:
        return made
    return Group(made, Padding(_legend(reasons), (1, 0, 0, 0)))


def job_card(job: Json, view: View) -> RenderableType:
    """All that is known of one job."""
    wait = job["wait"]
    shown = facts(
        {
            "job": Text.assemble(clean(job["id"]), "  ", state_words(job["state"])),
            "name": job["name"],
            "by": _people(job),
            "asked for": _asked(job),
            "workers": f"{_bounds(job)} of {number(job['gpus_per_worker'])} GPUs",
            "may use": _reach(job),
            "checkpoints": f"every {span(job['checkpoint_s'])}" if job["checkpoint_s"] else None,
            "submitted": _when(job["submit_s"], view),
            "started": _when(job["first_start_s"], view),
            "ended": _when(job["finish_s"], view),
            "progress": _progress(job) if job["progress"] else None,
            "holds": _holds(job),
            "waited": span(job["waited_s"]) if job["waited_s"] else None,
            "waits": f"it {wait['text']} (for {view.ago(wait['since_s'])})" if wait else None,
            "starts in": _start(job, view),
            "preempted": _lost(job) if job["preemptions"] else None,
            "resized": f"{job['resizes']} times" if job["resizes"] else None,
            "cancelling": _when(job["cancel_requested_s"], view),
            "version": job["version"],
        }
    )
    if not job["placements"]:
        return shown
    return Group(shown, Padding(_placements(job), (1, 0, 0, 0)))


def _columns(reasons: Mapping[str, str], view: View) -> dict[str, Callable[[Json], str | Text]]:
    """What a table of jobs can show: its heads, and what makes a job's cell."""
    return {
        "id": lambda job: words(job["id"]),
        "name~": lambda job: line(job["name"]),
        "user~": lambda job: line(job["user"]),
        "queue~": lambda job: line(job["queue"]),
        "state": lambda job: state_words(job["state"]),
        ">GPUs": lambda job: number(job["num_gpus"]),
        ">holds": lambda job: number(job["gpus"]) if job["gpus"] else NOTHING,
        "workers": _bounds,
        ">waited": lambda job: span(job["waited_s"]),
        ">done": lambda job: percent(job["progress"]),
        ">starts in": lambda job: _start(job, view),
        "why": lambda job: reasons[job["wait"]["text"]] if job["wait"] else "",
    }


def _lettered(jobs: Sequence[Json]) -> dict[str, str]:
    """A letter for each reason, in order of appearance; past z they are numbers."""
    texts = dict.fromkeys(job["wait"]["text"] for job in jobs if job["wait"])
    names = (*ascii_lowercase, *map(str, range(27, 27 + len(texts))))
    return dict(zip(texts, names, strict=False))


def _legend(reasons: Mapping[str, str]) -> Table:
    made = Table.grid(padding=(0, 1))
    made.add_column(style="bold")
    made.add_column(overflow="fold")
    for text, letter in reasons.items():
        made.add_row(letter, words(text))
    return made


def _bounds(job: Json) -> str:
    least, most = job["min_workers"], job["max_workers"]
    if job["allowed_workers"]:
        return ", ".join(number(n) for n in job["allowed_workers"])
    return number(least) if least == most else f"{number(least)} to {number(most)}"


def _start(job: Json, view: View) -> str:
    start_s = job["estimated_start_s"]
    if job["state"] != "queued":
        return ""
    if start_s is None or view.now_s is None:
        return NOTHING
    return span(max(0.0, start_s - view.now_s))


def _people(job: Json) -> str:
    """Who asked for it, in which queue and with which model, as far as they are told."""
    parts = {"": job["user"] or job["owner"], "queue ": job["queue"], "model ": job["model"]}
    return ", ".join(f"{what}{name}" for what, name in parts.items() if name)


def _asked(job: Json) -> str:
    text = f"{number(job['num_gpus'])} GPUs for {span(job['duration_s'])}"
    if job["estimated_duration_s"] != job["duration_s"]:
        text += f" (estimated {span(job['estimated_duration_s'])})"
    return text + (f", priority {job['priority']}" if job["priority"] else "")


def _reach(job: Json) -> str:
    if job["heterogeneous"]:
        return "training and on-loan servers at once"
    return "training or on-loan servers" if job["fungible"] else "training servers"


def _when(t_s: float | None, view: View) -> str | None:
    return None if t_s is None else f"{moment(t_s)}, {view.ago(t_s)} ago"


def _progress(job: Json) -> Text:
    return Text.assemble(gauge(job["progress"], 20), f" {percent(job['progress'])}")


def _holds(job: Json) -> str | None:
    if not job["gpus"]:
        return None
    workers = job["workers"]
    text = f"{number(job['gpus'])} GPUs: {number(workers['base'])} base workers"
    if workers["flexible"]:
        text += f", {number(workers['flexible'])} flexible"
    return text


def _lost(job: Json) -> str:
    lost = number(job["lost_gpu_s"] / 3600)
    return f"{job['preemptions']} times, which lost {lost} GPU-hours"


def _placements(job: Json) -> Table:
    made = table("server", "pool", "kind", ">workers")
    for held in job["placements"]:
        made.add_row(words(held["server_id"]), held["pool"], held["kind"], number(held["workers"]))
    return made
