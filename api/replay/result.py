"""What a replay has come to so far."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

from rich.console import RenderableType

from api.replay.player import Arrival, Tally
from aryl.client.ask import Json
from aryl.client.drawing.words import View, facts, number, span

REFUSED_SHOWN = 5


def summary_of(arrivals: Sequence[Arrival], jobs: Iterable[Json], tally: Tally) -> dict[str, Any]:
    """Counts and means over a replay's jobs as the service tells them.

    Queuing is what each submitted job has waited so far, JCT that of the jobs that have finished;
    jobs carried in are left out of both.
    """
    measured = {arrival.body["id"]: arrival.is_measured for arrival in arrivals}
    known = [job for job in jobs if job["id"] in measured]
    counted = [job for job in known if measured[job["id"]]]
    finished = [job for job in counted if job["state"] == "finished"]
    return {
        "jobs": len(arrivals),
        "submitted": len(known),
        "submitted_now": tally.submitted,
        "refused": [{"job_id": name, "reason": reason} for name, reason in tally.refused],
        "states": dict(Counter(job["state"] for job in known)),
        "mean_queuing_s": _mean(counted, lambda job: job["waited_s"]),
        "mean_jct_s": _mean(finished, lambda job: job["finish_s"] - job["submit_s"]),
        "preemptions": sum(job["preemptions"] for job in counted),
    }


def drawn(summary: Json, _view: View) -> RenderableType:
    """The same for people."""
    refused = summary["refused"]
    named = ", ".join(f"{r['job_id']} ({r['reason']})" for r in refused[:REFUSED_SHOWN])
    more = f" and {len(refused) - REFUSED_SHOWN} more" if len(refused) > REFUSED_SHOWN else ""
    states = (f"{number(count)} {state}" for state, count in sorted(summary["states"].items()))
    return facts(
        {
            "submitted": f"{number(summary['submitted'])} of {number(summary['jobs'])} jobs",
            "refused": f"{len(refused)}: {named}{more}" if refused else None,
            "so far": ", ".join(states),
            "queuing": f"{span(summary['mean_queuing_s'])} on average so far",
            "completion": f"{span(summary['mean_jct_s'])} on average of those that finished"
            if summary["mean_jct_s"] is not None
            else None,
            "preemptions": number(summary["preemptions"]),
        }
    )


def _mean(jobs: Sequence[Json], figure: Callable[[Json], float]) -> float | None:
    return fmean(map(figure, jobs)) if jobs else None
