"""What if: a job, more or fewer loans, or another policy; nothing of it happens."""

from collections.abc import Mapping
from typing import Any, Final

from anyio import to_thread
from nicegui import ui
from pydantic import ValidationError

from api.dashboard import charts
from api.dashboard.elements import Panel
from api.dashboard.rendering import render
from api.dashboard.shell import Visit, redraw
from api.dashboard.words import duration, moment, several
from api.schemas.whatif import SupposedJobOut, WhatIf, WhatIfOut
from api.service import Service
from api.whatif import hypothesis_of, what_if_out
from aryl.model.errors import ArylError
from aryl.policy.config import SCHEMES

HOUR_S: Final = 3_600.0
_COUNTS: Final = ("num_gpus", "gpus_per_worker", "min_workers", "max_workers")


async def build(visit: Visit) -> None:
    """Build the page: a form, and under it the answer."""
    service = visit.site.service

    async def act(_: str, fields: dict[str, str]) -> None:
        answer.show(render("looking", text="Looking ahead…"))
        chart.set_visibility(False)
        try:
            told = await to_thread.run_sync(_asked, service, fields)
        except (ArylError, ValueError) as error:
            answer.show(render("trouble", text=_said(error)))
            return
        answer.show(render("whatif_answer", told=told, verdict=verdict(told)))
        redraw(chart, charts.loans(told))
        chart.set_visibility(True)

    with visit.page("What if"):
        policy = visit.frame.status.policy
        scheme = policy.scheme if policy else ""
        Panel(render("whatif", schemes=SCHEMES, scheme=scheme), on_act=act)
        answer = Panel(render("whatif_hint"))
        chart = ui.echart({}, renderer="svg").classes("card list")
        chart.set_visibility(False)


def question(fields: Mapping[str, str]) -> WhatIf:
    """What a form asks. Raises `ValueError` where a field can't be."""
    given = {name: value.strip() for name, value in fields.items() if value.strip()}
    asked: dict[str, Any] = {}
    if "num_gpus" in given:
        job: dict[str, Any] = {name: int(given[name]) for name in _COUNTS if name in given}
        job |= {"name": "what-if", "duration_s": HOUR_S * float(given.get("hours", "0"))}
        asked["submit"] = job | {"fungible": "fungible" in given}
    asked |= {name: int(given[name]) for name in ("lend", "return") if name in given}
    if "scheme" in given:
        asked["policy"] = {"scheme": given["scheme"]}
    return WhatIf.model_validate(asked)


def verdict(told: WhatIfOut) -> list[str]:
    """The answer in sentences, the most important one first."""
    said = [_fate(job, told.now_s, told.until_s) for job in told.submitted]
    harms = [
        f"{several(told.counts[name], 'job')} {what}"
        for name, what in (
            ("preempted", "would be preempted"),
            ("shrunk", "would shrink"),
            ("delayed", "would come later"),
            ("sooner", "would come sooner"),
        )
        if told.counts[name]
    ]
    return [*said, f"{'; '.join(harms)}." if harms else "No other job would notice."]


def _asked(service: Service, fields: Mapping[str, str]) -> WhatIfOut:
    asked = question(fields)
    known, now = service.views.knowledge.need(), service.parts.clock.now()
    foreseen = service.foresight.suppose(hypothesis_of(asked, known, now), asked.horizon_s)
    return what_if_out(foreseen, asked.horizon_s)


def _fate(job: SupposedJobOut, now: float, until_s: float) -> str:
    if job.start_s is None:
        why = f": it {job.reason.text}" if job.reason else ""
        return f"It would not start within {duration(until_s - now)}{why}."
    waits = job.start_s - now
    start = "at once" if waits < 1 else f"in {duration(waits)}, {moment(job.start_s)},"
    if job.finish_s is None:
        return f"It would start {start} and not finish by {moment(until_s)}."
    return f"It would start {start} and finish {moment(job.finish_s)}."


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)
