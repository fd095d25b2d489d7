"""What the process that looks ahead does: read the database, and let the policy run on from there.

It reads by itself, so that a hundred thousand queued jobs hold up neither HTTP nor scheduling.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from aryl.model.books import capacity_of, holders_of
from aryl.model.cluster import Cluster, Loan, Pool
from aryl.model.job import Job
from aryl.model.queue import JobQueue
from aryl.model.reason import Reason
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.store import Database
from aryl.store.picture import Picture, take_picture
from simulator.difference import Difference, compare
from simulator.projection import Hypothesis, Limits, Projection, project

# A projection is cut off after as many decisions as take about this long on a slow machine. It is
# counted, not timed, so that the same question has the same answer.
BUDGET_S = 5.0
CYCLE_S, QUEUED_S = 1e-3, 5e-7  # of one decision, and of one for each job that waits


@dataclass(frozen=True, slots=True)
class Ahead:
    """A question: what happens from `now_s` on, and what if; no hypothesis: as things are."""

    cluster: Cluster
    policy: PolicyConfig
    demand_source: str
    now_s: float
    limits: Limits
    hypothesis: Hypothesis | None = None


@dataclass(frozen=True, slots=True)
class Supposed:
    """What a hypothesis changes: loans as they would be and as is supposed, and for whom.

    `names` are those of the jobs in the difference, `waiting` why supposed jobs never start.
    """

    until_s: float
    loans: tuple[tuple[tuple[float, int], ...], tuple[tuple[float, int], ...]]
    difference: Difference
    names: Mapping[str, str]
    waiting: Mapping[str, Reason]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """When each job that waits will start, where that is before `until_s`; what is supposed."""

    now_s: float
    until_s: float
    starts_s: Mapping[str, float | None]
    supposed: Supposed | None


def look_ahead(database: Database, question: Ahead) -> Foreseen:
    """The answer. Raises `BadInput` where the hypothesis supposes what can't be."""
    now, policy, limits = question.now_s, question.policy, question.limits
    picture = take_picture(database, now, question.demand_source)
    snapshot = snapshot_of(picture, question.cluster, now)
    cycles = int(BUDGET_S / (CYCLE_S + QUEUED_S * len(snapshot.queue)))
    limits = replace(limits, cycles=min(limits.cycles, cycles))
    base = project(snapshot, policy, limits=limits)
    supposed = None
    if question.hypothesis:
        changed = project(snapshot, policy, question.hypothesis, limits)
        supposed = _supposed(base, changed, picture)
    starts_s = {name: base.courses[name].start_s for name in snapshot.queue.jobs}
    return Foreseen(now, base.until_s, starts_s, supposed)


def snapshot_of(picture: Picture, cluster: Cluster, now: float) -> Snapshot:
    """What a decision would see now; jobs that their users cancel are as good as gone.

    The scheduler notes loans a little later than it starts jobs on them: where a job runs, the
    server is on loan.
    """
    queued, running = (
        {r.id: r.job for r in records.values() if r.cancel_requested_s is None}
        for records in (picture.queued, picture.running)
    )
    loans = dict(picture.loans)
    for server_id in _borrowed(running.values()):
        if server_id not in loans or not loans[server_id].is_open:
            loans[server_id] = Loan(server_id, now)
    return Snapshot(
        now=now,
        version=0,
        due=Due.SCHEDULE,
        cluster=cluster,
        capacity=capacity_of(cluster, running.values(), loans.values()),
        holders=holders_of(running.values()),
        queue=JobQueue(jobs=queued),  # whoever decides ranks it
        running=running,
        elastic={name: job for name, job in running.items() if job.spec.is_elastic},
        loans=loans,
        demand=picture.demand,
    )


def _borrowed(running: Iterable[Job]) -> set[str]:
    """The inference servers that jobs hold."""
    return {p.server_id for job in running for p in job.placements if p.pool is Pool.INFERENCE}


def _supposed(base: Projection, changed: Projection, picture: Picture) -> Supposed:
    difference = compare(base, changed)
    named = [shift.job_id for shift in (*difference.delayed, *difference.sooner)]
    named += [change.job_id for change in (*difference.preempted, *difference.shrunk)]
    records = {**picture.queued, **picture.running}
    return Supposed(
        until_s=changed.until_s,
        loans=(base.loans, changed.loans),
        difference=difference,
        names={name: records[name].name for name in named},
        waiting={
            name: changed.waiting[name] for name in changed.submitted if name in changed.waiting
        },
    )
