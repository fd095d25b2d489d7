"""Every series that Aryl exports: a field each, named as the series is, without `aryl_`.

The values of every label are few and, but for routes, known beforehand, so that each series is
there from the start and a first event is an increase like any other. `_seconds` are cluster
seconds where a series tells of jobs and servers, wall seconds where it tells of Aryl's own work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Annotated, Any, get_type_hints

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from aryl.engine.cycle import Step
from aryl.engine.lifecycle import JobState
from aryl.engine.ports import Status
from aryl.model.reason import ReasonCode

PREFIX = "aryl_"

ACTIONS = {  # labels of actions by the name of their type
    "StartJob": "start",
    "ResizeJob": "resize",
    "PreemptJob": "preempt",
    "LoanServer": "lend",
    "ReclaimServer": "reclaim",
}
LOOPS = ("schedule", "orchestrate", "both")
POOLS = ("training", "on-loan")
SERVER_STATES = ("free", "busy", "inference", "on-loan", "reclaiming")
MISSED = "missed"  # a preemption of which no reason is known: its note was lost in a crash


def label_of(code: ReasonCode) -> str:
    """A reason as the value of a label."""
    return code.name.lower()


WAITS = tuple(
    map(label_of, (ReasonCode.NOT_ENOUGH_GPUS, ReasonCode.FRAGMENTED, ReasonCode.BEHIND_HEAD))
)
PREEMPTIONS = (
    *map(label_of, (ReasonCode.PREEMPTED_FOR_RECLAIM, ReasonCode.SUSPENDED, ReasonCode.LOST)),
    MISSED,
)
RECLAIMED = {  # how a server came to be vacant, by the reason it goes back with
    ReasonCode.RECLAIMED_VACANT: "vacant",
    ReasonCode.RECLAIMED_FLEXIBLE: "flexible",
    ReasonCode.RECLAIMED_PREEMPTING: "preempting",
}
NOTES = tuple(map(label_of, (ReasonCode.GROWTH_NOT_PLACED, ReasonCode.SOLVER_LIMIT)))
SOLVERS = ("knapsack", "union")
ENDS = tuple(state.value for state in (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED))
STATUSES = tuple(status.value for status in Status)
TIMED = tuple(step for step in Step if step is not Step.OBSERVED)

KUBE_VERBS = ("create", "patch", "delete", "evict", "bind")
KUBE_FATES = ("done", "clash", "forbidden", "invalid", "notfound", "refused", "serverfault")

HOUR_S, DAY_S = 3600.0, 86400.0
WAIT_S = (1.0, 10.0, 30.0, 60.0, 300.0, 900.0, HOUR_S, 4 * HOUR_S, 12 * HOUR_S, DAY_S, 3 * DAY_S)
LIFE_S = (60.0, 300.0, 900.0, HOUR_S, 4 * HOUR_S, 12 * HOUR_S, DAY_S, 3 * DAY_S, 7 * DAY_S)
RECLAIM_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
WORK_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Cause(StrEnum):
    """Why a cycle, or a step of the daemon, failed."""

    INVARIANT = "invariant"
    STALE_PLAN = "stale_plan"
    LEASE_LOST = "lease_lost"
    SOLVER = "solver"
    DATABASE = "database"
    CLUSTER = "cluster"
    OTHER = "other"


Labels = Mapping[str, tuple[str, ...]]
Family = Counter | Gauge | Histogram


@dataclass(frozen=True, slots=True)
class About:
    """What a series tells, its buckets, and its labels with the values known beforehand."""

    meaning: str
    buckets: tuple[float, ...]
    labels: Labels


def _about(meaning: str, buckets: tuple[float, ...] = (), **labels: tuple[str, ...]) -> About:
    return About(meaning, buckets, labels)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Families:
    """The series of one registry."""

    # the queue, and what became of jobs
    queue_jobs: Annotated[Gauge, _about("jobs that wait")]
    queue_gpus: Annotated[Gauge, _about("GPUs that the requested workers of the waiting jobs need")]
    queue_fitting_jobs: Annotated[
        Gauge,
        _about(
            "waiting jobs, each of which would fit on the free training GPUs at its requested size"
        ),
    ]
    waiting_jobs: Annotated[
        Gauge, _about("jobs that waited at the last decision, by reason", reason=WAITS)
    ]
    running_jobs: Annotated[Gauge, _about("jobs that hold GPUs")]
    job_wait_seconds: Annotated[
        Histogram, _about("how long a job had waited when it started, or started again", WAIT_S)
    ]
    job_completion_seconds: Annotated[Histogram, _about("from submission to finish", LIFE_S)]
    jobs_ended_total: Annotated[Counter, _about("jobs that ended", state=ENDS)]
    preemptions_total: Annotated[Counter, _about("preemptions, by cause", reason=PREEMPTIONS)]
    lost_gpu_seconds_total: Annotated[
        Counter, _about("work that preemptions discarded, in GPU-seconds")
    ]

    # servers and loans
    pool_gpus: Annotated[Gauge, _about("GPUs that training may use", pool=POOLS)]
    pool_gpus_used: Annotated[Gauge, _about("GPUs that jobs hold", pool=POOLS)]
    pool_servers: Annotated[
        Gauge,
        _about("servers: training's free and busy, the others inference's", state=SERVER_STATES),
    ]
    loans_open: Annotated[Gauge, _about("servers on loan, those on their way back included")]
    loans_total: Annotated[Counter, _about("servers lent")]
    reclaims_total: Annotated[
        Counter,
        _about("servers asked back, by what made them vacant", how=tuple(RECLAIMED.values())),
    ]
    reclaim_seconds: Annotated[
        Histogram, _about("from asking a server back until it is back", RECLAIM_S)
    ]
    reclaim_oldest_seconds: Annotated[
        Gauge, _about("how long the longest reclaim under way has taken; 0: none is")
    ]

    # inference demand
    demand_servers: Annotated[Gauge, _about("servers that inference needs now")]
    demand_age_seconds: Annotated[
        Gauge, _about("since the end of the newest known bin of demand; 0: none is known")
    ]
    forecast_servers: Annotated[Gauge, _about("the last forecast of the largest demand to come")]
    loanable_servers: Annotated[Gauge, _about("servers that could be on loan by the last forecast")]
    forecast_error_servers: Annotated[
        Gauge, _about("the last forecast whose time is over, less the largest demand that came")
    ]
    shortfall_servers: Annotated[
        Gauge, _about("servers that inference needs and does not have now")
    ]
    shortfall_server_seconds_total: Annotated[Counter, _about("the shortfall, summed over time")]

    # cycles
    cycles_total: Annotated[Counter, _about("cycles carried out", loop=LOOPS)]
    cycle_seconds: Annotated[Histogram, _about("a whole cycle", WORK_S)]
    cycle_step_seconds: Annotated[
        Histogram,
        _about("one step of a cycle; all of a plan's actions are one", WORK_S, step=TIMED),
    ]
    cycle_failures_total: Annotated[
        Counter, _about("cycles and steps that failed", cause=tuple(Cause))
    ]
    actions_total: Annotated[
        Counter,
        _about("actions of plans, by fate", action=tuple(ACTIONS.values()), outcome=STATUSES),
    ]
    plan_notes_total: Annotated[Counter, _about("what fell short of the best in plans", note=NOTES)]
    solver_seconds: Annotated[Histogram, _about("one call of an optimiser", WORK_S, kind=SOLVERS)]

    # the scheduler
    leader: Annotated[Gauge, _about("1 where this process leads, else 0")]
    lease_term: Annotated[Gauge, _about("the term of the lease that this process held last")]
    steps_total: Annotated[
        Counter, _about("looks at cluster and store, each of which may lead to cycles")
    ]
    events_fed_total: Annotated[Counter, _about("submissions and requests read from the store")]

    # a Kubernetes cluster
    kube_writes_total: Annotated[
        Counter, _about("writes to the API server, by fate", verb=KUBE_VERBS, outcome=KUBE_FATES)
    ]
    kube_lists_total: Annotated[Counter, _about("times that all objects of a kind were listed")]
    kube_watch_failures_total: Annotated[
        Counter, _about("lists and watches that failed; they are tried again")
    ]
    kube_silence_seconds: Annotated[
        Gauge, _about("since the API server was last heard of, for the kind that waits the longest")
    ]
    kube_advance_seconds: Annotated[
        Histogram, _about("bringing nodes and pods in line with what was decided, once", WORK_S)
    ]

    # the API
    submits_total: Annotated[Counter, _about("submitted jobs that were acknowledged")]
    http_requests_total: Annotated[
        Counter,
        _about("requests answered, by the class of the answer", route=(), method=(), status=()),
    ]
    http_request_seconds: Annotated[
        Histogram, _about("from a request to the end of its answer", WORK_S, route=(), method=())
    ]


def described() -> dict[str, tuple[type[Family], About]]:
    """Type and description of each series, by its field, in order."""
    hints = get_type_hints(Families, include_extras=True)
    return {name: (hint.__origin__, hint.__metadata__[0]) for name, hint in hints.items()}


def families(registry: CollectorRegistry) -> Families:
    """The series, registered there, each with the labels that are known beforehand."""
    made: dict[str, Any] = {}
    for name, (kind, about) in described().items():
        more: dict[str, Any] = {"buckets": about.buckets} if about.buckets else {}
        made[name] = kind(PREFIX + name, about.meaning, about.labels, registry=registry, **more)
        _children(made[name], about)
    return Families(**made)


def forget(known: Families) -> None:
    """Set to 0 what was seen of a cluster; who leads, and what was counted, stays."""
    for name, (kind, about) in described().items():
        if kind is Gauge and name not in {"leader", "lease_term"}:
            for gauge in _children(getattr(known, name), about):
                gauge.set(0)


def process_registry() -> CollectorRegistry:
    """A registry with the memory, CPU time and open files of this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def _children(family: Any, about: About) -> list[Any]:  # noqa: ANN401 - any of the three types
    """The family itself, or one child for each combination of the known labels."""
    if not about.labels:
        return [family]
    return [family.labels(*values) for values in product(*about.labels.values())]
