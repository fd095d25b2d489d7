"""What pages draw: the life of a job, servers as cells, samples as points, answers as sentences."""

from typing import Any

import pytest

from api.dashboard.charts import MAX_POINTS, lending, thinned
from api.dashboard.decisions import decisions_of
from api.dashboard.figures import kpis_of
from api.dashboard.life import Stretch, stretches
from api.dashboard.servers import look_of, pools_of
from api.dashboard.whatif_page import question, verdict
from api.schemas.cluster import PoolOut, ServerOut, ShareOut, SightOut
from api.schemas.jobs import JobOut
from api.schemas.plans import ActionOut, PlanDetailOut, ReasonOut
from api.schemas.service import EventOut, StatusOut
from api.schemas.whatif import FareOut, LoansOut, SupposedJobOut, WhatIfOut
from api.shaping import Setting, job_out
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster
from aryl.model.job import Job, JobSpec

NOW = 1_000.0


def event(t_s: float, kind: str, base: int = 0, flexible: int = 0) -> EventOut:
    held = [("base", base), ("flexible", flexible)]
    placements = [{"kind": kind, "workers": workers} for kind, workers in held if workers]
    return EventOut(
        id=1,
        t_s=t_s,
        kind=kind,
        origin="scheduler",
        job_id="j",
        server_id=None,
        plan_id=None,
        detail={"placements": placements},
    )


def server(state: str, gpus: int = 8, *shares: ShareOut) -> ServerOut:
    pool = "training" if state in {"free", "busy"} else "inference"
    free = gpus - sum(part.gpus for part in shares)
    return ServerOut.model_validate(
        {
            "id": f"{pool}-{state}",
            "pool": pool,
            "gpus": gpus,
            "gpu_type": "V100",
            "state": state,
            "free_gpus": free,
            "jobs": [part.model_dump() for part in shares],
            "loan": None,
        }
    )


def part(job_id: str, gpus: int) -> ShareOut:
    return ShareOut(job_id=job_id, kind="base", workers=1, gpus=gpus)


def pool(name: str, servers: int) -> PoolOut:
    return PoolOut.model_validate(
        {
            "name": name,
            "gpu_type": "V100",
            "servers": servers,
            "gpus": 8 * servers,
            "used_gpus": 0,
            "free_gpus": 8 * servers,
            "on_loan_servers": 0,
            "reclaiming_servers": 0,
            "usage": 0.0,
        }
    )


def sight(t_s: float, forecast: float | None = None) -> SightOut:
    return SightOut(
        t_s=t_s,
        queued_jobs=1,
        running_jobs=2,
        training_gpus_used=3,
        on_loan_servers=4,
        on_loan_gpus_used=5,
        inference_demand_servers=6.0,
        forecast_servers=forecast,
    )


def answer(**changed: Any) -> WhatIfOut:
    fare = FareOut(mean_queuing_s=0.0, mean_jct_s=None, finished=0)
    known: dict[str, Any] = {
        "now_s": NOW,
        "horizon_s": 86_400.0,
        "until_s": NOW + 86_400.0,
        "submitted": [],
        "loans": LoansOut(base=[], changed=[]),
        "preempted": [],
        "shrunk": [],
        "delayed": [],
        "sooner": [],
        "counts": dict.fromkeys(("preempted", "shrunk", "delayed", "sooner"), 0),
        "base": fare,
        "changed": fare,
    }
    return WhatIfOut(**known | changed)


def supposed(start_s: float | None, finish_s: float | None) -> SupposedJobOut:
    return SupposedJobOut(
        id="what-if",
        start_s=start_s,
        finish_s=finish_s,
        waits_s=0.0,
        preemptions=0,
        sizes=[],
        reason=None,
    )


def job(waited_s: float, first_start_s: float | None) -> JobOut:
    spec = JobSpec("j", 0.0, 4, 3_600.0, 4, 1, 1)
    record = JobRecord(job=Job(spec, preemptions=1), name="j", queuing_s=waited_s)
    told = job_out(record, Setting(0.0, Cluster(())))
    return told.model_copy(update={"waited_s": waited_s, "first_start_s": first_start_s})


def status() -> StatusOut:
    return StatusOut.model_validate(
        {
            "now_s": NOW,
            "speed": 1.0,
            "mode": "live",
            "role": "all",
            "leader": None,
            "policy": None,
            "jobs": {},
            "servers": {},
            "pools": [],
            "version": "0",
        }
    )


def plan(plan_id: int, *reasons: str) -> PlanDetailOut:
    return PlanDetailOut(
        id=plan_id,
        term=1,
        t_s=0.0,
        due=["orchestrate"],
        mode="live",
        scheme="aryl",
        outlook=None,
        notes=[],
        solves=[],
        queued_jobs=0,
        running_jobs=0,
        settled_s=0.0,
        actions=[
            ActionOut(
                position=position,
                action="LoanServer",
                job_id=None,
                server_id=f"infer-{position}",
                reason=ReasonOut(code="LENT", text=text, numbers={}),
                placements=None,
                remove=None,
                add=None,
                status="done",
                detail="",
            )
            for position, text in enumerate(reasons)
        ],
    )


def test_a_life_is_waits_and_runs_up_to_now() -> None:
    events = [
        event(0.0, "submitted"),
        event(10.0, "started", base=2),
        event(30.0, "resized", base=2, flexible=3),
        event(40.0, "checkpoint_reported"),
        event(60.0, "preempted"),
    ]

    assert stretches(0.0, events, now=100.0) == [
        Stretch(0.0, 10.0, 0, 0),
        Stretch(10.0, 30.0, 2, 0),
        Stretch(30.0, 60.0, 2, 3),
        Stretch(60.0, 100.0, 0, 0),
    ]


def test_a_life_ends_with_the_job() -> None:
    events = [event(10.0, "started", base=2), event(30.0, "finished")]

    assert stretches(0.0, events, now=100.0)[-1] == Stretch(10.0, 30.0, 2, 0)


@pytest.mark.parametrize(
    ("seen", "look"),
    [
        (server("free"), "free"),
        (server("busy", 8, part("a", 4)), "partly"),
        (server("busy", 8, part("a", 4), part("b", 4)), "full"),
        (server("on-loan"), "loan"),
        (server("reclaiming"), "reclaiming"),
        (server("inference"), "inference"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_server_looks_like_what_it_is_used_for(seen: ServerOut, look: str) -> None:
    assert look_of(seen) == look


def test_a_cell_has_the_colour_of_the_job_that_holds_most() -> None:
    shared = server("busy", 8, part("small", 2), part("large", 5))
    alone = server("busy", 8, part("large", 8))

    cells = [pools_of([one], [pool("training", 1)])[0]["cells"][0] for one in (shared, alone)]

    assert cells[0][2:5] == (7, 8, ["small", "large"])
    assert cells[0][5] == cells[1][5]


@pytest.mark.parametrize(
    ("servers", "size"), [(4, "named"), (16, "named"), (40, "few"), (443, "some"), (1_000, "many")]
)
def test_cells_shrink_as_pools_grow(servers: int, size: str) -> None:
    assert pools_of([], [pool("training", servers)])[0]["size"] == size


def test_no_chart_has_more_points_than_a_screen_and_the_newest_is_among_them() -> None:
    sights = [sight(300.0 * k) for k in range(5 * MAX_POINTS + 1)]

    chosen = thinned(sights)

    assert len(chosen) <= MAX_POINTS
    assert chosen[-1] is sights[-1]


def test_what_is_lendable_is_what_forecast_and_headroom_leave() -> None:
    sights = [sight(0.0), sight(300.0, forecast=10.0)]

    series = {one["name"]: one for one in lending(sights, [pool("inference", 50)], 0.02)["series"]}

    assert series["lendable"]["data"] == [(0.0, None), (300.0, 39)]


def test_a_form_asks_what_its_fields_say() -> None:
    fields = {"num_gpus": "8", "hours": "1.5", "fungible": "1", "lend": "", "return": "2"}

    asked = question(fields | {"scheme": "fifo"})

    assert asked.submit is not None
    assert (asked.submit.num_gpus, asked.submit.duration_s) == (8, 5_400.0)
    assert asked.submit.fungible
    assert (asked.lend, asked.give_back, asked.policy) == (0, 2, {"scheme": "fifo"})


@pytest.mark.parametrize("fields", [{}, {"num_gpus": "many"}, {"lend": "-1"}])
def test_a_form_that_asks_nothing_sensible_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        question(fields)


@pytest.mark.parametrize(
    ("start_s", "finish_s", "text"),
    [
        (NOW, NOW + 3_600.0, "It would start at once and finish day 0 01:16."),
        (NOW + 7_500.0, None, "It would start in 2 h 05 m, day 0 02:21, and not finish by day 1"),
        (None, None, "It would not start within 1 d 00 h."),
    ],
)
def test_a_verdict_says_when_the_job_would_start(
    start_s: float | None, finish_s: float | None, text: str
) -> None:
    first, second = verdict(answer(submitted=[supposed(start_s, finish_s)]))

    assert first.replace("\N{NO-BREAK SPACE}", " ").startswith(text)
    assert second == "No other job would notice."


def test_a_verdict_counts_whom_it_would_hurt() -> None:
    counts = {"preempted": 1, "shrunk": 0, "delayed": 2, "sooner": 0}

    (said,) = verdict(answer(counts=counts))

    assert said.replace("\N{NO-BREAK SPACE}", " ") == (
        "1 job would be preempted; 2 jobs would come later."
    )


def test_figures_are_the_quantiles_of_what_jobs_waited() -> None:
    jobs = [job(waited_s, first_start_s=1.0) for waited_s in (10.0, 20.0, 30.0, 4_000.0)]
    never_started = job(9_999.0, first_start_s=None)

    kpis = {kpi.name: kpi for kpi in kpis_of(status(), [*jobs, never_started], [])}

    assert kpis["Wait, median"].value.replace("\N{NO-BREAK SPACE}", " ") == "20 s"
    assert kpis["Wait, median"].note.replace("\N{NO-BREAK SPACE}", " ") == "95 %: 1 h 06 m"
    assert kpis["Preemptions"].value == "5"


def test_like_actions_of_a_plan_are_one_decision() -> None:
    plans = [plan(2, "lent", "lent", "other"), plan(1, "lent")]

    told = [(one.plan.id, one.first.reason.text, len(one.actions)) for one in decisions_of(plans)]

    assert told == [(2, "lent", 2), (2, "other", 1), (1, "lent", 1)]
