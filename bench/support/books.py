"""What a service's database says of its jobs, held against what its metrics have counted."""

from collections.abc import Iterator, Mapping

from sqlalchemy import func, select

from aryl.engine.lifecycle import JobState
from aryl.model.books import capacity_of
from aryl.model.capacity import Group
from aryl.model.cluster import Cluster
from aryl.store import Database
from aryl.store.picture import Picture, take_picture
from aryl.store.tables import EVENTS, JOBS, LOANS

__all__ = ["Totals", "counted", "fitting", "overdue", "stored", "take_picture"]

CYCLE_S = 10.0  # cluster time: the least time between two decisions

Totals = dict[str, float]


def overdue(picture: Picture, now_s: float) -> Iterator[str]:
    """Jobs that should have finished more than a cycle ago."""
    for record in picture.running.values():
        job = record.job
        if job.speed and job.progress_s + (job.spec.work - job.done) / job.speed < now_s - CYCLE_S:
            yield job.id


def fitting(picture: Picture, cluster: Cluster) -> Iterator[str]:
    """Waiting jobs whose base workers would fit on free training GPUs."""
    running = [record.job for record in picture.running.values()]
    free = capacity_of(cluster, running, picture.loans.values()).now
    for record in picture.queued.values():
        spec = record.job.spec
        if free.workers_that_fit((Group.TRAINING,), spec.gpus_per_worker) >= spec.min_workers:
            yield record.id


def counted(samples: Mapping[tuple[str, str], float]) -> Totals:
    """Totals since the service began, by its metrics."""

    def value(name: str, labels: str = "") -> float:
        return samples[f"aryl_{name}", labels]

    def total(name: str) -> float:
        return sum(each for (series, _), each in samples.items() if series == f"aryl_{name}")

    ends = {
        state.value: value("jobs_ended_total", f'state="{state.value}"')
        for state in (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)
    }
    return {
        "submitted": value("submits_total"),
        **ends,
        "started": value("actions_total", 'action="start",outcome="done"'),
        "preempted": total("preemptions_total"),
        "lost_gpu_s": value("lost_gpu_seconds_total"),
        "lent": value("loans_total"),
        "reclaimed": total("reclaims_total"),
    }


def stored(database: Database) -> Totals:
    """The same totals by what the database holds, of which no event may be pruned yet."""
    jobs = select(
        func.count(),
        func.coalesce(func.sum(JOBS.c.preemptions), 0),
        func.coalesce(func.sum(JOBS.c.lost_gpu_s), 0.0),
    )
    states = select(JOBS.c.state, func.count()).group_by(JOBS.c.state)
    starts = select(func.count()).where(EVENTS.c.kind == "started")
    loans = select(func.count(), func.count(LOANS.c.reclaim_s))
    with database.read() as connection:
        submitted, preempted, lost_gpu_s = connection.execute(jobs).one()
        by_state = {str(state): count for state, count in connection.execute(states)}
        started = connection.execute(starts).scalar_one()
        lent, reclaimed = connection.execute(loans).one()
    return {
        "submitted": submitted,
        **{s: by_state.get(s, 0) for s in ("finished", "failed", "cancelled")},
        "started": started,
        "preempted": preempted,
        "lost_gpu_s": lost_gpu_s,
        "lent": lent,
        "reclaimed": reclaimed,
    }
