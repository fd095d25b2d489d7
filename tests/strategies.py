"""Hypothesis strategies for whole scheduling problems: clusters, jobs, what runs, loans, demand.

Whatever they draw obeys spec §6, by accounts of their own: workers are placed on a plain table of
free GPUs, and jobs for which there is no room wait instead.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from aryl.model.cluster import Cluster, Condition, Loan, Pool
from aryl.model.demand import DemandHistory
from aryl.model.job import Job, JobSpec
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import SCHEMES, PolicyConfig
from aryl.policy.loaning import LOANINGS
from aryl.policy.ordering import ORDERINGS
from aryl.policy.placement import PLACEMENTS
from aryl.policy.preempting import PREEMPTIONS
from aryl.policy.registry import load_policy
from aryl.policy.scaling import SCALINGS
from aryl.policy.victims import RECLAIMS
from tests.builders import BOTH, make_cluster, make_running, make_snapshot
from tests.room import CHANCE, UP_TO, Room, base_placements, flexible_placements

NOW_S = 10_000.0
SERVER_GPUS = st.sampled_from([8, 8, 4, 6, 3, 1])
FACTORS = st.sampled_from([1.0, 1.5, 2.0, 3.0])
WORKER_GPUS = st.sampled_from([1, 2, 4, 1, 3, 8])
SUBMITS_S = st.sampled_from([0.0, 10.0, 20.0])
DURATIONS_S = st.sampled_from([3_600.0, 600.0, 1.0, 86_400.0, 0.0])
CHECKPOINTS_S = st.sampled_from([0.0, 0.0, 300.0])
ESTIMATE_FACTORS = st.sampled_from([1.0, 0.75, 1.25])
RARELY = st.sampled_from([False, False, False, True])
MOSTLY = st.sampled_from([True, True, True, False])
PROGRESS_S = st.sampled_from([-100.0, 0.0, 60.0])
SHARES_DONE = st.sampled_from([0.0, 0.3, 0.9])
KNOWN_BINS = st.sampled_from([1, 1, 2, 3, 0])
NEEDED_NOW = [st.none() | st.integers(0, most + 1).map(float) for most in range(7)]
DUES = st.sampled_from([BOTH, Due.SCHEDULE, Due.ORCHESTRATE])
FATES = st.sampled_from(["open", "open", "open", "open", "home", "asked back"])
RECENT_FATES = st.sampled_from(["home", "home", "open"])
CONDITIONS = {  # where a server may be found in which condition; open ones may be shut in part
    "training": st.sampled_from([*[Condition.OPEN] * 3, Condition.AWAY]),
    "at home": st.sampled_from([*[Condition.OPEN] * 2, Condition.BUSY, Condition.AWAY]),
    "on loan": st.sampled_from([*[Condition.OPEN] * 3, *Condition]),
}
ORDERING_NAMES = st.sampled_from(sorted(ORDERINGS))
LOANING_NAMES = st.sampled_from(sorted(LOANINGS))
PREEMPTION_NAMES = st.sampled_from(sorted(PREEMPTIONS))
SCALING_NAMES = st.sampled_from(sorted(SCALINGS))
# more workers may be slower ones, from the second on or now and then
SLOWING = ["comm=1:40:10", "table=1:2,2:3,3:1,4:4,5:3.9,6:4.5"]
KNOBS = {
    # the scheme that does everything gets most of the attention
    "scheme": st.sampled_from([*["aryl"] * 5, *["aryl+"] * 2, *SCHEMES]),
    "placement": st.sampled_from(sorted(PLACEMENTS)),
    "reclaim": st.sampled_from(sorted(RECLAIMS)),
    "las_limit_gpu_s": st.sampled_from([1.0, 2_000.0]),
    "forecaster": st.sampled_from(["last", "seasonal", "oracle"]),
    "lend": st.sampled_from(["eager", "on-demand"]),
    "value_of_work": st.sampled_from(["total", "remaining", "soonest"]),
    "victim_weight": st.sampled_from(["jobs", "lost_gpu_s"]),
    "min_run_s": st.sampled_from([0.0, 600.0]),
    "hold_home_s": st.sampled_from([0.0, 3_600.0]),
    "headroom": st.sampled_from([0.02, 0.0, 0.3]),
    "vacate_s": st.sampled_from([0.0, 120.0]),
    "speedup": st.sampled_from(
        ["linear", "linear", "loss=0.2", "amdahl=0.3", "comm=1:4:10", *SLOWING]
    ),
    "seed": st.integers(0, 3),
}


def often(times: float) -> settings:
    """Settings that try so many times as many examples as the profile in force."""
    return settings(max_examples=int(times * settings().max_examples))


def clusters(
    *, training: int = 4, inference: int = 6, min_inference: int = 0
) -> st.SearchStrategy[Cluster]:
    """Small clusters of uneven servers; the inference pool may be empty."""
    return st.builds(
        lambda sizes, lendable, factor: make_cluster(sizes, lendable, factor=factor),
        st.lists(SERVER_GPUS, min_size=1, max_size=training),
        st.lists(SERVER_GPUS, min_size=min_inference, max_size=inference),
        FACTORS,
    )


CHANGES: list[dict[str, Callable[[JobSpec], Any]]] = [
    {},
    {"min_workers": lambda _: 1, "allowed_workers": lambda _: ()},
    {"max_workers": lambda spec: spec.max_workers + 1},
    {"fungible": lambda spec: not spec.fungible},
    {"heterogeneous": lambda spec: not spec.heterogeneous},
    {"duration_s": lambda spec: spec.duration_s / 2},
]
CLUSTERS = st.one_of(clusters(min_inference=2), clusters())


@st.composite
def specs(draw: st.DrawFn, job_id: str, *, worker_gpus: int = 0) -> JobSpec:
    """A job of any kind; `worker_gpus` fixes the size of its workers."""
    size = worker_gpus or draw(WORKER_GPUS)
    least = 1 + draw(UP_TO[2])
    requested = least + draw(UP_TO[2])
    most = requested + draw(UP_TO[4])
    allowed = {w for w in range(least, most + 1) if draw(CHANCE)} if draw(CHANCE) else set()
    duration_s = draw(DURATIONS_S)
    return JobSpec(
        job_id,
        submit_s=draw(SUBMITS_S),
        num_gpus=requested * size,
        duration_s=duration_s,
        gpus_per_worker=size,
        min_workers=least,
        max_workers=most,
        allowed_workers=tuple(sorted({least, requested, *allowed})) if allowed else (),
        fungible=draw(CHANCE),
        heterogeneous=draw(CHANCE),
        checkpoint_s=draw(CHECKPOINTS_S),
        estimated_duration_s=duration_s * draw(ESTIMATE_FACTORS),
        carry_in=draw(RARELY),
        priority=2 * draw(RARELY),
    )


@st.composite
def alike(draw: st.DrawFn, spec: JobSpec, job_id: str) -> JobSpec:
    """A job that differs in a thing or two, so that shapes have several jobs, and near twins."""
    change = draw(st.sampled_from(CHANGES))
    changed = {name: value(spec) for name, value in change.items()}
    return replace(spec, job_id=job_id, submit_s=draw(SUBMITS_S), **changed)


@st.composite
def queued_jobs(draw: st.DrawFn, spec: JobSpec) -> Job:
    """A job that waits, perhaps after a preemption."""
    preemptions = int(draw(RARELY))
    kept = draw(SHARES_DONE) if preemptions and spec.checkpoint_s else 0.0
    return Job(spec, done=spec.work * kept, preemptions=preemptions)


@st.composite
def running_jobs(draw: st.DrawFn, spec: JobSpec, room: Room) -> Job | None:
    """The job where it runs, or None where there is no room for its base workers."""
    workers = spec.requested_workers if draw(RARELY) else spec.min_workers
    held = base_placements(room, spec, workers)
    if not held:
        return None
    held += flexible_placements(room, spec, held, workers)
    progress_s = NOW_S + draw(PROGRESS_S)
    done = spec.work * draw(SHARES_DONE)
    preemptions = int(draw(RARELY))
    return make_running(
        room.cluster, spec, held, done=done, progress_s=progress_s, preemptions=preemptions
    )


@st.composite
def loan_books(draw: st.DrawFn, cluster: Cluster) -> list[Loan]:
    """Some inference servers on loan, a few of them asked back."""
    fates = FATES if draw(MOSTLY) else RECENT_FATES
    books = [(server.id, draw(fates)) for server in cluster.inference_servers]
    returns = {"open": None, "asked back": NOW_S - 5}
    return [Loan(name, NOW_S - 600, returns[fate]) for name, fate in books if fate in returns]


@st.composite
def conditions(draw: st.DrawFn, room: Room) -> Cluster:
    """The room's cluster as a real one may be: servers in any condition, GPUs that others hold."""
    cluster = room.cluster
    servers = []
    for server in cluster.servers:
        free = room.free.get(server.id)
        where = "at home" if free is None else "on loan"
        condition = draw(CONDITIONS["training" if server.pool is Pool.TRAINING else where])
        left = server.gpus if free is None else free
        shut = draw(UP_TO[left]) if condition is Condition.OPEN and draw(CHANCE) else 0
        if condition is not Condition.OPEN:
            shut = left
        servers.append(replace(server, condition=condition, shut_gpus=shut))
    return replace(cluster, servers=tuple(servers))


@st.composite
def demands(draw: st.DrawFn, cluster: Cluster) -> DemandHistory:
    """Demand that calls for lending, for taking back, or for more than there is."""
    servers = len(cluster.inference_servers)
    known = [draw(UP_TO[servers + 1]) for _ in range(draw(KNOWN_BINS))]
    ahead = [draw(UP_TO[servers + 1]) for _ in range(draw(UP_TO[2]))]
    first_s = NOW_S - 300 * len(known)
    return DemandHistory(tuple(map(float, known)), first_s, tuple(map(float, ahead)))


@st.composite
def configs(draw: st.DrawFn, /, **fixed: object) -> PolicyConfig:
    """Any scheme with any entries and knobs that a decision reads; `fixed` ones win."""
    entry = {name: draw(values) for name, values in KNOBS.items()}
    if draw(CHANCE):
        entry["ordering"] = draw(ORDERING_NAMES)
    if draw(CHANCE):
        entry["scaling"] = draw(SCALING_NAMES)
    if draw(CHANCE):
        entry["preemption"] = draw(PREEMPTION_NAMES)
    if draw(RARELY):
        entry["loaning"] = draw(LOANING_NAMES)
    return load_policy(entry | fixed)


@st.composite
def snapshots(
    draw: st.DrawFn, *, due: Due | None = None, jobs: int = 12, worker_gpus: int = 0
) -> Snapshot:
    """A whole state: some jobs run wherever there is room, the others wait."""
    cluster = draw(CLUSTERS)
    loans = draw(loan_books(cluster))
    open_loans = {loan.server_id for loan in loans if loan.is_open}
    free = {s.id: s.gpus for s in cluster.servers if s.pool is Pool.TRAINING or s.id in open_loans}
    room = Room(draw, cluster, free)
    running, queued = [], []
    for number in range(draw(UP_TO[jobs])):
        spec = draw(specs(f"job-{number}", worker_gpus=worker_gpus))
        job = draw(running_jobs(spec, room)) if draw(MOSTLY) else None
        if job:
            running.append(job)
            continue
        queued.append(draw(queued_jobs(spec)))
        if draw(CHANCE):
            queued.append(Job(draw(alike(spec, f"twin-{number}"))))
    is_real = draw(CHANCE)
    return make_snapshot(
        draw(conditions(room)) if is_real else cluster,
        queued=queued,
        running=running,
        loans=loans,
        demand=draw(demands(cluster)),
        demand_now=draw(NEEDED_NOW[len(cluster.inference_servers)]) if is_real else None,
        now=NOW_S,
        due=due or draw(DUES),
    )


@st.composite
def shuffled(draw: st.DrawFn, snapshot: Snapshot) -> Snapshot:
    """The same state, its jobs, loans and queue entered in another order."""
    running = draw(st.permutations(list(snapshot.running.values())))
    queued = draw(st.permutations(list(snapshot.queue.jobs.values())))
    loans = draw(st.permutations(list(snapshot.loans.values())))
    twin = make_snapshot(
        snapshot.cluster,
        queued=queued,
        running=running,
        loans=loans,
        demand=snapshot.demand,
        demand_now=snapshot.demand_now,
        now=snapshot.now,
        due=snapshot.due,
    )
    holders = draw(st.permutations(list(snapshot.holders.items())))
    return replace(twin, holders=dict(holders))
