"""Taking servers back: vacant ones, then flexible workers', then by the reclaim policy (paper §3).

Whatever empties on the way goes back before anything else is disturbed.
"""

from aryl.model.capacity import Group
from aryl.model.cluster import Condition, Pool
from aryl.model.job import Job, Placement, WorkerKind
from aryl.model.reason import Reason, ReasonCode, because
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft, flexible_on
from aryl.policy.victims import RECLAIMS, Reclaim, Selection, Victim

UNMOVED = (Condition.PINNED, Condition.AWAY)  # taking these back would give inference nothing


def take_back(draft: Draft, snapshot: Snapshot, config: PolicyConfig, demand: int) -> None:
    """Return `demand` on-loan servers with the least harm to jobs."""
    left = _return_vacant(draft, demand, because(ReasonCode.RECLAIMED_VACANT, demand=demand))
    while left:
        flexible = _least_flexible(draft)
        if flexible < 0:
            break
        _empty_of_flexible(draft, flexible)
        emptied = because(ReasonCode.RECLAIMED_FLEXIBLE, demand=demand)
        draft.reclaim(flexible, emptied)
        left = _return_vacant(draft, left - 1, emptied)  # vacant only now: it shrank with the rest
    if left:
        _preempt_and_return(draft, snapshot, config, (demand, left))


def return_unused(draft: Draft) -> None:
    """Return all vacant servers."""
    vacant = len(_members(draft, Group.VACANT_LOAN))
    _return_vacant(draft, vacant, because(ReasonCode.RECLAIMED_VACANT, demand=vacant))


def return_busy(draft: Draft, snapshot: Snapshot) -> None:
    """Return the on-loan servers that inference has begun to use and base workers don't."""
    reason = because(ReasonCode.RECLAIMED_BUSY)
    for loan in snapshot.loans.values():
        server = draft.cluster.by_id[loan.server_id]
        if not loan.is_open or server.condition is not Condition.BUSY:
            continue
        if draft.capacity.now.group[server.index] is Group.FLEXIBLE_LOAN:
            _empty_of_flexible(draft, server.index)
        if draft.capacity.now.group[server.index] is Group.VACANT_LOAN:
            draft.reclaim(server.index, reason)


def _members(draft: Draft, group: Group) -> list[int]:
    """The servers of a group that would serve inference and whose workers may be evicted."""
    servers = draft.cluster.servers
    members = draft.capacity.now.members(group)
    return [at for at in members if servers[at].condition not in UNMOVED]


def _return_vacant(draft: Draft, left: int, reason: Reason) -> int:
    """Return up to `left` vacant servers, last lent first; how many are still missing."""
    vacant = _members(draft, Group.VACANT_LOAN)
    for index in vacant[::-1][:left]:
        draft.reclaim(index, reason)
    return left - min(left, len(vacant))


def _least_flexible(draft: Draft) -> int:
    """The server of the flexible group with the fewest GPUs in use; -1: none is left."""
    index = draft.capacity.now
    members = _members(draft, Group.FLEXIBLE_LOAN)
    return min(members, key=lambda s: (draft.capacity.sizes[s] - index.free[s], -s), default=-1)


def _empty_of_flexible(draft: Draft, index: int) -> None:
    server_id = draft.cluster.servers[index].id
    for job_id in draft.holders(server_id):
        workers = flexible_on(draft, job_id, server_id)
        if workers:
            reason = because(ReasonCode.SHRINKS_FOR_RECLAIM, workers=workers, server=server_id)
            gone = Placement(server_id, Pool.INFERENCE, WorkerKind.FLEXIBLE, workers)
            draft.shrink(job_id, (gone,), reason)


def _preempt_and_return(
    draft: Draft, snapshot: Snapshot, config: PolicyConfig, numbers: tuple[int, int]
) -> None:
    """Empty the servers that the reclaim policy picks, preempting their jobs."""
    demand, left = numbers
    _note_pinned(draft)
    reclaim = _reclaim(draft, snapshot, config, left)
    selection = _timed(draft, config, reclaim)
    if selection.fell_back:
        draft.notes.append(because(ReasonCode.SOLVER_LIMIT, nodes=config.solver_nodes))
    chosen = selection.servers
    hits: dict[str, int] = {}
    for server_id in chosen:
        for job_id in reclaim.jobs_on[server_id]:
            hits[job_id] = hits.get(job_id, 0) + 1
    for job_id, servers in hits.items():
        draft.preempt(job_id, because(ReasonCode.PREEMPTED_FOR_RECLAIM, servers=servers))
    reason = because(ReasonCode.RECLAIMED_PREEMPTING, demand=demand, policy=config.reclaim)
    for server_id in chosen:
        index = draft.cluster.by_id[server_id].index
        if draft.capacity.now.group[index] is Group.FLEXIBLE_LOAN:
            _empty_of_flexible(draft, index)
        draft.reclaim(index, reason)


def _note_pinned(draft: Draft) -> None:
    """Say which servers stay on loan though others are asked back."""
    groups = (Group.FLEXIBLE_LOAN, Group.BASE_LOAN)
    lent = [draft.cluster.servers[at] for g in groups for at in draft.capacity.now.members(g)]
    for server in lent:
        if server.condition is Condition.PINNED:
            draft.notes.append(because(ReasonCode.PINNED, server=server.id))


def _timed(draft: Draft, config: PolicyConfig, reclaim: Reclaim) -> Selection:
    since = draft.elapsed()
    selection = RECLAIMS[config.reclaim](reclaim)
    draft.note_solve(f"reclaim-{config.reclaim}", len(reclaim.jobs_on), since)
    return selection


def _reclaim(draft: Draft, snapshot: Snapshot, config: PolicyConfig, count: int) -> Reclaim:
    """The problem that the reclaim policy solves: servers with base workers, and their jobs."""
    servers = draft.cluster.servers
    jobs_on: dict[str, tuple[str, ...]] = {}
    jobs: dict[str, Victim] = {}
    for index in _members(draft, Group.BASE_LOAN):
        server_id = servers[index].id
        owners = tuple(j for j in draft.holders(server_id) if _has_base(draft, j, server_id))
        jobs_on[server_id] = owners
        for job_id in owners:
            if job_id not in jobs:
                jobs[job_id] = _victim(draft, draft.job(job_id), config, snapshot.now)
    seed, now, nodes = config.seed, snapshot.now, config.solver_nodes
    return Reclaim(jobs_on, jobs, min(count, len(jobs_on)), seed, now, nodes)


def _has_base(draft: Draft, job_id: str, server_id: str) -> bool:
    return any(
        p.server_id == server_id and p.kind is WorkerKind.BASE for p in draft.placements(job_id)
    )


def _victim(draft: Draft, job: Job, config: PolicyConfig, now: float) -> Victim:
    gpus_on: dict[str, int] = {}
    for p in draft.placements(job.id):
        gpus = p.workers * job.spec.gpus_per_worker
        gpus_on[p.server_id] = gpus_on.get(p.server_id, 0) + gpus
    if config.victim_weight == "jobs":
        return Victim(gpus_on)
    lost_gpu_s = job.loss_if_preempted(now) * job.spec.gpus_per_worker
    # the youngest loses least, and would for ever: who was preempted before is spared the longer
    spared_s = config.min_run_s * (1 + job.preemptions)
    lost_gpu_s = max(lost_gpu_s, spared_s * job.spec.min_workers * job.spec.gpus_per_worker)
    restart_gpu_s = config.preemption_overhead_s * sum(gpus_on.values())
    return Victim(gpus_on, weight=lost_gpu_s + restart_gpu_s)
