"""Nobody is suspended in vain, whatever the state: each gives way to one that comes before it."""

from bisect import bisect_right

from hypothesis import given

from aryl.model.job import Job, WorkerKind
from aryl.model.plan import PreemptJob
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide
from aryl.policy.speedup import throughput
from tests.ledger import Ledger
from tests.strategies import configs, snapshots

Pair = tuple[Job, Job]  # a suspended job, and the one that takes its place


def suspensions(snapshot: Snapshot, config: PolicyConfig) -> list[Pair]:
    """Who gives way to whom, by what the plan itself says."""
    pairs = []
    for action in decide(snapshot, config).actions:
        if isinstance(action, PreemptJob) and action.suspends:
            heir = str(dict(action.reason.numbers)["job"])
            pairs.append((snapshot.running[action.job_id], snapshot.queue.jobs[heir]))
    return pairs


def standing(job: Job) -> tuple[bool, int]:
    return job.spec.heterogeneous, -job.spec.priority


def workers(job: Job, config: PolicyConfig) -> int:
    return job.spec.requested_workers if config.scaling == "none" else job.spec.min_workers


def left_s(job: Job, now: float, config: PolicyConfig) -> float:
    """The estimated run time left, restart included."""
    believed = job.believed_work_by(now)
    if job.placements:
        return max(0.0, job.progress_s - now) + (believed - job.done_by(now)) / job.speed
    restart_s = config.preemption_overhead_s if job.preemptions else 0.0
    speed = throughput(config.speedup, workers(job, config), job.spec.requested_workers)
    return restart_s + (believed - job.done) / speed


@given(snapshots(due=Due.SCHEDULE), configs(preemption="remaining-time"))
def test_a_longer_job_gives_way_to_a_shorter_one_by_more_than_a_restart(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    for victim, heir in suspensions(snapshot, config):
        assert standing(heir) <= standing(victim)
        gain_s = left_s(victim, snapshot.now, config) - left_s(heir, snapshot.now, config)
        assert gain_s > config.preemption_overhead_s - 1e-6


@given(snapshots(due=Due.SCHEDULE), configs(preemption="attained-service"))
def test_a_job_gives_way_to_one_in_an_earlier_queue(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    limits = [config.las_limit_gpu_s * config.las_growth**n for n in range(config.las_queues - 1)]
    for victim, heir in suspensions(snapshot, config):
        assert standing(heir) <= standing(victim)
        had, has = (job.done_by(snapshot.now) * job.spec.gpus_per_worker for job in (victim, heir))
        assert bisect_right(limits, has) < bisect_right(limits, had)


@given(snapshots(due=Due.SCHEDULE), configs(ordering="sjf", preemption="attained-service"))
def test_whoever_takes_a_place_needs_every_one_of_those_suspended(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    pairs = suspensions(snapshot, config)
    after = Ledger(snapshot).carry_out(plan)
    for victim, heir in pairs:
        lost = {p.server_id for p in victim.placements if p.kind is WorkerKind.BASE}
        taken = {server for server, _ in after.holds(heir.id)}
        assert lost & taken, "somebody starts on what it left"
        if heir is pairs[-1][1]:  # who gave way before may have had no need to, as more room came
            assert not room_without(after, victim, heir), "it could have stayed"


def room_without(after: Ledger, victim: Job, heir: Job) -> bool:
    """Whether the heir would find room with the victim still there, flexible workers gone."""
    gone = dict(after.holds(heir.id))
    base: dict[str, int] = {}
    for (job, server, kind), count in after.held.items():
        if kind is WorkerKind.BASE and job != heir.id:
            base[server] = base.get(server, 0) + count * after.specs[job].gpus_per_worker
    for p in victim.placements:
        if p.kind is WorkerKind.BASE:
            held = p.workers * victim.spec.gpus_per_worker
            base[p.server_id] = base.get(p.server_id, 0) + held
    pool = after.snapshot.cluster.pool_of(next(iter(gone))[0])
    size = heir.spec.gpus_per_worker
    slots = sum(
        max(0, after.room(s.id) - base.get(s.id, 0)) // size
        for s in after.snapshot.cluster.servers
        if s.pool is pool
    )
    return slots >= sum(gone.values())
