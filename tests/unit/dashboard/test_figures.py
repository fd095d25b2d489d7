"""Many jobs and many actions in a few words."""

from api.dashboard.decisions import decisions_of
from api.dashboard.figures import kpis_of
from api.schemas.jobs import JobOut
from api.schemas.plans import ActionOut, PlanDetailOut, ReasonOut
from api.schemas.service import StatusOut
from api.shaping import Setting, job_out
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster
from aryl.model.job import Job, JobSpec

NOW = 1_000.0


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
