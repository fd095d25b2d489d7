"""From what is stored to what is told: pure functions, one for each shape."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from api.schemas.cluster import (
    LoanOut,
    PoolName,
    PoolOut,
    ServerLoanOut,
    ServerOut,
    ServerState,
    ShareOut,
)
from api.schemas.jobs import JobOut, PlacementOut, WaitOut, WorkersOut
from api.schemas.plans import (
    ActionOut,
    LoopName,
    OutlookOut,
    PlanDetailOut,
    PlanOut,
    ReasonOut,
    SolveOut,
)
from api.schemas.service import EventOut
from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster, Loan, Pool, Server
from aryl.model.job import Holding, JobSpec, Placement
from aryl.model.plain import action_plain
from aryl.model.reason import Reason
from aryl.model.snapshot import Due
from aryl.policy.units import training_workers
from aryl.store.history import EventRecord
from aryl.store.loans import LoanRecord
from aryl.store.plans import ActionRecord, PlanRecord

LOOPS: Mapping[Due, LoopName] = {Due.SCHEDULE: "schedule", Due.ORCHESTRATE: "orchestrate"}
ASKED = tuple(f.name for f in fields(JobSpec) if f.name in JobOut.model_fields)


@dataclass(frozen=True, slots=True)
class Setting:
    """What jobs are looked at against: the time, and the shape of the cluster."""

    now: float
    cluster: Cluster


def job_out(
    record: JobRecord,
    setting: Setting,
    wait: tuple[Reason, float] | None = None,
    estimated_start_s: float | None = None,
) -> JobOut:
    """A job as it stands; `wait` is why it waits, and since when."""
    job, spec = record.job, record.job.spec
    return JobOut(
        **_asked(spec),
        id=record.id,
        name=record.name,
        owner=record.owner,
        state=record.state.value,
        version=record.version,
        workers=_workers(setting.cluster, job.holding),
        gpus=spec.gpus_per_worker * sum(p.workers for p in job.placements),
        placements=[_placement_out(p) for p in job.placements],
        progress=_progress(record, setting.now),
        first_start_s=record.first_start_s,
        finish_s=record.finish_s,
        waited_s=record.waited_by(setting.now),
        preemptions=job.preemptions,
        resizes=record.resizes,
        lost_gpu_s=record.lost_gpu_s,
        wait=wait and wait_out(*wait),
        estimated_start_s=estimated_start_s,
        cancel_requested_s=record.cancel_requested_s,
    )


def _asked(spec: JobSpec) -> dict[str, Any]:
    """What was asked for, as it is told."""
    asked: dict[str, Any] = {name: getattr(spec, name) for name in ASKED}
    asked["allowed_workers"] = list(spec.allowed_workers)
    return asked


def wait_out(reason: Reason, since_s: float) -> WaitOut:
    """Why a job waits."""
    return WaitOut(
        code=reason.code.name, text=reason.text, numbers=dict(reason.numbers), since_s=since_s
    )


def reason_out(reason: Reason) -> ReasonOut:
    """Why something was decided."""
    return ReasonOut(code=reason.code.name, text=reason.text, numbers=dict(reason.numbers))


def plan_out(plan: PlanRecord) -> PlanOut:
    """A plan without its actions."""
    return PlanOut(
        id=plan.id,
        term=plan.term,
        t_s=plan.t_s,
        due=[LOOPS[due] for due in plan.due],
        mode=plan.mode,
        scheme=plan.scheme,
        outlook=OutlookOut(**asdict(plan.outlook)) if plan.outlook else None,
        notes=[reason_out(note) for note in plan.notes],
        solves=[SolveOut(**asdict(solve)) for solve in plan.solves],
        queued_jobs=plan.queued_jobs,
        running_jobs=plan.running_jobs,
        settled_s=plan.settled_s,
    )


def plan_detail_out(plan: PlanRecord, actions: Iterable[ActionRecord]) -> PlanDetailOut:
    """A plan with its actions."""
    told = [action_out(action) for action in actions]
    return PlanDetailOut(**dict(plan_out(plan)), actions=told)


def action_out(record: ActionRecord) -> ActionOut:
    """An action, and what became of it."""
    plain = action_plain(record.action)
    return ActionOut(
        position=record.position,
        action=plain.pop("action"),
        job_id=plain.pop("job_id", None),
        server_id=plain.pop("server_id", None),
        reason=plain.pop("reason"),
        placements=plain.pop("placements", None),
        remove=plain.pop("remove", None),
        add=plain.pop("add", None),
        status=record.status and record.status.value,
        detail=record.detail,
    )


def shares_of(running: Iterable[JobRecord]) -> dict[str, list[ShareOut]]:
    """What each job holds on each server, by server."""
    shares: dict[str, list[ShareOut]] = {}
    for record in running:
        size = record.job.spec.gpus_per_worker
        for p in record.job.placements:
            share = ShareOut(
                job_id=record.id, kind=p.kind.value, workers=p.workers, gpus=p.workers * size
            )
            shares.setdefault(p.server_id, []).append(share)
    return shares


def server_out(
    server: Server, cluster: Cluster, shares: Mapping[str, list[ShareOut]], loan: Loan | None
) -> ServerOut:
    """A server, what it is used for, and by whom."""
    jobs = shares.get(server.id, [])
    state = _server_state(server, loan, is_held=bool(jobs))
    usable = state in {"free", "busy", "on-loan"}
    return ServerOut(
        id=server.id,
        pool=name_of(server.pool),
        gpus=server.gpus,
        gpu_type=_gpu_type(cluster, server.pool),
        state=state,
        free_gpus=server.usable_gpus - sum(share.gpus for share in jobs) if usable else 0,
        jobs=jobs,
        loan=ServerLoanOut(start_s=loan.start_s, reclaim_s=loan.reclaim_s) if loan else None,
    )


def pool_out(pool: Pool, cluster: Cluster, servers: Iterable[ServerOut]) -> PoolOut:
    """A pool in numbers, from all of its servers."""
    of_it = [server for server in servers if server.pool == pool.label]
    lent = [server for server in of_it if server.loan]
    used_gpus = sum(share.gpus for server in of_it for share in server.jobs)
    free_gpus = sum(server.free_gpus for server in of_it)
    usable_gpus = used_gpus + free_gpus
    return PoolOut(
        name=name_of(pool),
        gpu_type=_gpu_type(cluster, pool),
        servers=len(of_it),
        gpus=sum(server.gpus for server in of_it),
        used_gpus=used_gpus,
        free_gpus=free_gpus,
        on_loan_servers=len(lent),
        reclaiming_servers=sum(server.state == "reclaiming" for server in lent),
        usage=used_gpus / usable_gpus if usable_gpus else 0.0,
    )


def loan_out(loan: LoanRecord) -> LoanOut:
    """A loan of one server."""
    return LoanOut(
        server_id=loan.server_id,
        start_s=loan.start_s,
        reclaim_s=loan.reclaim_s,
        end_s=loan.end_s,
    )


def event_out(record: EventRecord) -> EventOut:
    """Something that happened."""
    event = record.event
    return EventOut(
        id=record.id,
        t_s=event.t_s,
        kind=event.kind,
        origin="api" if event.origin == "api" else "scheduler",
        job_id=event.job_id,
        server_id=event.server_id,
        plan_id=event.plan_id,
        detail=dict(event.detail),
    )


def name_of(pool: Pool) -> PoolName:
    """A pool's name on the wire."""
    return "training" if pool is Pool.TRAINING else "inference"


def _gpu_type(cluster: Cluster, pool: Pool) -> str:
    return cluster.training_gpu_type if pool is Pool.TRAINING else cluster.inference_gpu_type


def _server_state(server: Server, loan: Loan | None, *, is_held: bool) -> ServerState:
    if server.pool is Pool.TRAINING:
        return "busy" if is_held else "free"
    if loan is None:
        return "inference"
    return "on-loan" if loan.is_open else "reclaiming"


def _placement_out(placement: Placement) -> PlacementOut:
    return PlacementOut(
        server_id=placement.server_id,
        pool=name_of(placement.pool),
        kind=placement.kind.value,
        workers=placement.workers,
    )


def _workers(cluster: Cluster, holding: Holding) -> WorkersOut:
    on_training, on_loan = holding.base
    base = on_training + cluster.training_workers_of(Pool.INFERENCE, on_loan)
    return WorkersOut(base=base, flexible=training_workers(cluster, holding) - base)


def _progress(record: JobRecord, now: float) -> float:
    if record.state is JobState.FINISHED:
        return 1.0
    job, work = record.job, record.job.spec.work
    done = job.done_by(now) if record.state is JobState.RUNNING else job.done
    return min(1.0, max(0.0, done / work)) if work else 0.0
