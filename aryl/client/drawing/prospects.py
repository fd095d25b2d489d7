"""What is foreseen: why a job waits and when it will start, and what a supposition would change."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aryl.client.ask import Json
from aryl.client.drawing.words import (
    NOTHING,
    View,
    clean,
    facts,
    line,
    moment,
    number,
    span,
    state_words,
    table,
    words,
)

LISTED = 10  # jobs of each kind; --json has more


def explanation(answer: Json, view: View) -> RenderableType:
    """Why a job stands as it does: in words, its place in order, its start, and its history."""
    estimate = answer["estimate"]
    shown = facts(
        {
            "job": Text.assemble(clean(answer["id"]), "  ", state_words(answer["state"])),
            "in brief": answer["text"],
            "starts": _start(estimate, answer["now_s"]) if estimate else None,
            "estimates": _trust(estimate["error"]) if estimate and estimate["error"] else None,
        }
    )
    place = answer["place"]
    ahead = [_ahead(place["first"])] if place and place["first"] else []
    return Group(shown, *ahead, *_history(answer["history"], view))


def _start(estimate: Json, now_s: float) -> str:
    if estimate["start_s"] is None:
        until_s = estimate["until_s"]
        return f"not before {moment(until_s)}" if until_s is not None else NOTHING
    return _in(estimate["start_s"], now_s)


def _trust(error: Json) -> str:
    """How good such estimates have been."""
    off = f"off by {span(error['median_s'])} as a rule and {span(error['p90_s'])} at times"
    return f"{off}, over {number(error['jobs'])} jobs"


def _ahead(jobs: Sequence[Json]) -> Table:
    made = table("\nahead of it", "\nname~", ">\nGPUs", "\nof~")
    for job in jobs:
        made.add_row(
            words(job["id"]), line(job["name"]), number(job["num_gpus"]), line(job["owner"])
        )
    return made


def _history(story: Sequence[Json], view: View) -> Iterator[RenderableType]:
    if not story:
        return
    made = table("\nat", "\nwhat happened+", *(["\nplan"] if view.is_wide else []))
    for event in story:
        gains = "".join(f"; {gain['text']}" for gain in event["gains"])
        plan = [words(event["plan_id"])] if view.is_wide else []
        made.add_row(moment(event["t_s"]), words(f"{event['text']}{gains}"), *plan)
    yield made


def difference(answer: Json, view: View) -> RenderableType:
    """What a supposition would change, and for whom."""
    now_s = answer["now_s"]
    base, changed = answer["base"], answer["changed"]
    shown = facts(
        {
            "looked ahead": f"{span(answer['until_s'] - now_s)}, until {moment(answer['until_s'])}",
            "waits": _both(base["mean_queuing_s"], changed["mean_queuing_s"]),
            "completion": _both(base["mean_jct_s"], changed["mean_jct_s"]),
            "on loan": _loans(answer["loans"]),
            "finished": f"{number(base['finished'])} jobs as things are, "
            f"{number(changed['finished'])} as supposed",
        }
    )
    return Group(shown, *_jobs(answer["submitted"], now_s), *_affected(answer, view))


def _both(base_s: float | None, changed_s: float | None) -> str | None:
    if base_s is None or changed_s is None:
        return None
    return f"{span(base_s)} on average as things are, {span(changed_s)} as supposed"


def _loans(loans: Json) -> str | None:
    base, changed = loans["base"], loans["changed"]
    if not base or not changed:
        return None
    now = f"{number(base[0]['value'])} servers as things are, {number(changed[0]['value'])} at once"
    return f"{now}, {number(max(step['value'] for step in changed))} at most as supposed"


def _jobs(jobs: Sequence[Json], now_s: float) -> Iterator[RenderableType]:
    """How supposed jobs would fare."""
    for job in jobs:
        yield Text(f"\nthe supposed job {job['id']}", "bold")
        sizes = [step["value"] for step in job["sizes"] if step["value"]]
        yield facts(
            {
                "starts": _in(job["start_s"], now_s),
                "finishes": _in(job["finish_s"], now_s),
                "waits": span(job["waits_s"]),
                "workers": _range(min(sizes), max(sizes)) if sizes else None,
                "preempted": f"{job['preemptions']} times" if job["preemptions"] else None,
                "does not start": f"it {job['reason']['text']}" if job["reason"] else None,
            }
        )


def _range(least: int, most: int) -> str:
    return number(least) if least == most else f"{number(least)} to {number(most)}"


def _affected(answer: Json, view: View) -> Iterator[RenderableType]:
    counts = {kind: count for kind, count in answer["counts"].items() if count}
    if not counts:
        yield Text("\nno other job is affected", "dim")
        return
    yield Text("\n" + ", ".join(f"{n} {kind}" for kind, n in counts.items()), "bold")
    for kind in ("preempted", "shrunk"):
        if answer[kind]:
            yield _losses(answer[kind][:LISTED], kind, view)
    for kind in ("delayed", "sooner"):
        if answer[kind]:
            yield _shifts(answer[kind][:LISTED], kind, view)


def _losses(losses: Sequence[Json], kind: str, view: View) -> Table:
    made = table(kind, *(["name~"] if view.is_wide else []), ">in", ">workers left", "because+")
    for loss in losses:
        made.add_row(
            words(loss["job_id"]),
            *([words(loss["name"])] if view.is_wide else []),
            _until(loss["t_s"], view),
            number(loss["workers"]),
            words(loss["reason"]["text"]),
        )
    return made


def _shifts(shifts: Sequence[Json], kind: str, view: View) -> Table:
    wide_heads = ["name~", ">start", ">instead of"] if view.is_wide else []
    made = table(kind, *wide_heads, ">by", ">finish", ">instead of")
    for shift in shifts:
        wide = [words(shift["name"]), *_pair(shift, "start_s", view)]
        made.add_row(
            words(shift["job_id"]),
            *(wide if view.is_wide else ()),
            span(abs(shift["delay_s"])),
            *_pair(shift, "finish_s", view),
        )
    return made


def _pair(shift: Json, key: str, view: View) -> list[str]:
    return [_until(shift[f"changed_{key}"], view), _until(shift[key], view)]


def _until(t_s: float | None, view: View) -> str:
    if t_s is None or view.now_s is None:
        return NOTHING
    return f"in {span(max(0.0, t_s - view.now_s))}"


def _in(t_s: float | None, now_s: float) -> str:
    if t_s is None:
        return "not within what is foreseen"
    return f"in {span(max(0.0, t_s - now_s))}, at {moment(t_s)}"
