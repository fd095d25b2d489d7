"""The whole service on one screen: pools, jobs that run and wait, loans."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from aryl.client.ask import Json
from aryl.client.drawing.cluster import pools_table
from aryl.client.drawing.words import (
    View,
    clean,
    gauge,
    line,
    moment,
    number,
    percent,
    span,
    table,
    words,
)

FIXED_LINES = 17  # headings, both pools and blank lines
_BAR_CELLS = 10


def overview(sight: Json, view: View) -> RenderableType:
    """Status, running and queued jobs and loans: of the longer lists only the beginnings.

    A third of the lines is for the queue, the most for what runs.
    """
    status = sight["status"]
    room = max(6, view.lines - FIXED_LINES)
    loans = sight["loans"][: room // 5]
    queued = sight["queued"][: room // 3]
    running = sight["running"][: room - len(loans) - len(queued)]
    counts = status["jobs"]
    lent = sum(pool["on_loan_servers"] for pool in status["pools"])
    return Group(
        _head(status),
        Text(),
        pools_table(status["pools"], view),
        _heading("running", len(running), counts["running"]),
        _running(running, view),
        _heading("waiting", len(queued), counts["queued"]),
        _queued(queued, view),
        _heading("servers on loan", len(loans), lent),
        _loans(loans, view),
    )


def _head(status: Json) -> Text:
    counts, policy, leader = status["jobs"], status["policy"], status["leader"]
    is_led = leader and leader["is_current"]
    speed = f" at {status['speed']:g} ×" if status["speed"] != 1 else ""  # noqa: RUF001 - a times sign
    ended = ", ".join(f"{number(counts[s])} {s}" for s in ("finished", "failed", "cancelled"))
    return Text.assemble(
        ("aryl ", "bold"),
        f"{clean(policy['scheme']) if policy else 'no policy yet'}, ",
        (status["mode"], "yellow" if status["mode"] == "shadow" else ""),
        f"   {moment(status['now_s'])}{speed}   ",
        f"{ended}   ",
        ("", "") if is_led else ("nobody leads: nothing is decided", "bold red"),
    )


def _heading(name: str, shown: int, all_: int) -> Text:
    rest = f", {number(shown)} shown" if shown < all_ else ""
    return Text.assemble(("\n" + name, "bold"), (f"  {number(all_)}{rest}", "dim"))


def _running(jobs: Sequence[Json], view: View) -> RenderableType:
    wide_heads = ["user", ">waited", "on"] if view.is_wide else []
    made = table("id", ">GPUs", ">workers", ">preempted", *wide_heads, "progress")
    for job in jobs:
        workers = job["workers"]
        flexible = f"+{workers['flexible']}" if workers["flexible"] else ""
        on = Text(", ".join(sorted({held["pool"] for held in job["placements"]})))
        wide = [words(job["user"]), span(job["waited_s"]), on]
        bar = gauge(job["progress"], _BAR_CELLS)
        made.add_row(
            words(job["id"]),
            number(job["gpus"]),
            f"{workers['base']}{flexible}",
            number(job["preemptions"]),
            *(wide if view.is_wide else ()),
            Text.assemble(bar, f" {percent(job['progress'])}"),
        )
    return made


def _queued(jobs: Sequence[Json], view: View) -> RenderableType:
    made = table("id", ">GPUs", ">waited", *(["user"] if view.is_wide else []), "it~")
    for job in jobs:
        wait = job["wait"]
        made.add_row(
            words(job["id"]),
            number(job["num_gpus"]),
            span(job["waited_s"]),
            *([words(job["user"])] if view.is_wide else []),
            line(wait["text"] if wait else "is held back by no decision"),
        )
    return made


def _loans(loans: Sequence[Json], view: View) -> RenderableType:
    made = table("server", ">for", "")
    for loan in loans:
        asked = "" if loan["reclaim_s"] is None else f"asked back {view.ago(loan['reclaim_s'])} ago"
        made.add_row(words(loan["server_id"]), view.ago(loan["start_s"]), Text(asked, "red"))
    return made
