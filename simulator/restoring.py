"""A snapshot of a live cluster as a replay may go on from it: with run times that are known.

Nobody knows how long a job will really run. A projection takes each job's own estimate; a job that
has outrun its estimate is expected to outrun it by as much again.
"""

from dataclasses import replace

from aryl.model.cluster import Cluster
from aryl.model.job import Job, JobSpec
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.units import speed


def foreseeable(snapshot: Snapshot, config: PolicyConfig) -> Snapshot:
    """The snapshot with each job's run time as it may be estimated at that moment."""
    running = {
        name: _running(job, snapshot.now, snapshot.cluster, config)
        for name, job in snapshot.running.items()
    }
    queued = {name: _estimated(job, snapshot.now) for name, job in snapshot.queue.jobs.items()}
    return replace(
        snapshot,
        queue=JobQueue(jobs=queued),  # whoever takes the jobs over ranks them
        running=running,
        elastic={name: job for name, job in running.items() if job.spec.is_elastic},
    )


def as_estimated(spec: JobSpec) -> JobSpec:
    """A new job's spec with its estimate as its run time."""
    if spec.duration_s == spec.estimated_duration_s:
        return spec
    return replace(spec, duration_s=spec.estimated_duration_s)


def _running(job: Job, now: float, cluster: Cluster, config: PolicyConfig) -> Job:
    """A running job; one that its cluster has not seen move yet has the speed that it should."""
    job = _estimated(job, now)
    if job.speed:
        return job
    rate = speed(
        cluster,
        job.spec,
        job.holding,
        model=config.speedup,
        heterogeneous_efficiency=config.heterogeneous_efficiency,
    )
    return replace(job, speed=rate)


def _estimated(job: Job, now: float) -> Job:
    spec = as_estimated(job.spec)
    over = job.done_by(now) - spec.work
    if over > 0 and job.speed:
        longer_s = (spec.work + 2 * over) / spec.requested_workers
        spec = replace(spec, duration_s=longer_s)
    return job if spec is job.spec else replace(job, spec=spec)
