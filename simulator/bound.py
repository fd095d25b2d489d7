"""A mean JCT that no scheduler can go below, whatever it knows and however it preempts.

The scheduler bounded here sees the future, preempts and resizes for free, splits workers over
servers as it likes, and lends every inference server that demand leaves at each moment, without
headroom. It is bounded in two ways, and the bounds are joined.

**Alone.** A job ends no sooner than its work takes at the greatest speed that any number of
workers gives it which it allows and which fits on the empty cluster, with as many servers on loan
as demand ever leaves.

**Pooled.** Whatever its size, a job of g GPUs a worker that makes s(w) worker-seconds of progress a
second on w training workers spends w g / s(w) GPU-seconds on each; call the least over its sizes c.
That holds for models above and below linear speed-up alike, since nothing is assumed of s. Workers
on inference GPUs count 1 / factor: w training workers take at least w x factor of them, and mixing
both types only slows a job. Hence a job takes at least c x work of what both pools offer together,
a rate C(t) of training GPUs + lendable GPUs / factor; progress lost, overheads and idle GPUs add to
that. So every schedule is one for a single machine of speed C(t) that may work on many jobs at
once. Count time by what the machine has offered, the integral of C: its speed is then 1, and
working on the job with the least left (SRPT) has at every moment ended at least as many jobs as any
other schedule (Schrage, Operations Research 16, 1968). Moments stay in order when seconds are
counted again, so that this holds under any C(t).

**Joined.** By any time, no more jobs have ended than either way allows. So the k-th end of any
schedule is no earlier than the later of both k-th ends, and the mean of those bounds the mean JCT.

Estimates play no part. Jobs carried in at t = 0 are left out: statistics leave them out, and
without them nobody ends later. A scheme's mean is over the jobs that it does not reject, so the
bound is to be asked for those. A run in which inference fell short had servers that demand did not
leave; only such a run may go below.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from math import inf

import numpy as np
from numpy.typing import NDArray

from aryl.model.cluster import Cluster, Pool
from aryl.model.demand import BIN_S
from aryl.model.job import JobSpec
from aryl.policy.config import PolicyConfig
from aryl.policy.speedup import throughput
from traces.demand import DemandSeries

Seconds = NDArray[np.float64]
Shape = tuple[int, int, int, int, tuple[int, ...], bool, bool]


@dataclass(frozen=True, slots=True)
class JctBound:
    """Lower bounds of the mean JCT, in seconds: `mean` joins the other two; None: no jobs."""

    mean: float | None
    alone: float | None
    pooled: float | None


def jct_bound(
    jobs: Iterable[JobSpec], cluster: Cluster, demand: DemandSeries, config: PolicyConfig
) -> JctBound:
    """Bound the mean JCT of the jobs that are not carried in, from below.

    Of the configuration only the speed-up model and the efficiency of mixed GPU types count.
    """
    measured = [job for job in jobs if not job.carry_in]
    if not measured:
        return JctBound(None, None, None)
    lends = any(job.can_borrow for job in measured)
    lendable_gpus = _lendable_gpus(cluster, demand) if lends else np.zeros(1)
    limits = _Limits(cluster, demand, config)
    pace = np.array([limits.pace(job) for job in measured])
    submit_s = np.array([job.submit_s for job in measured])
    work = np.array([job.work for job in measured])
    alone_s = np.sort(submit_s + work / pace[:, 0])
    machine = _Machine(cluster.training_gpus + lendable_gpus / cluster.factor)
    pooled_s = machine.ends_s(submit_s, work * pace[:, 1])
    joined_s = np.maximum(alone_s, pooled_s)
    begun_s = submit_s.mean()
    return JctBound(*(float(ends.mean() - begun_s) for ends in (joined_s, alone_s, pooled_s)))


def _lendable_gpus(cluster: Cluster, demand: DemandSeries) -> Seconds:
    """The most inference GPUs that demand leaves in each bin: those of the largest servers."""
    sizes = sorted((server.gpus for server in cluster.inference_servers), reverse=True)
    of_largest = np.cumsum([0, *sizes])
    return of_largest[np.clip(len(sizes) - demand.servers, 0, None)].astype(np.float64)


class _Limits:
    """What one job can get out of a cluster at best; jobs of one shape alike."""

    def __init__(self, cluster: Cluster, demand: DemandSeries, config: PolicyConfig) -> None:
        self._cluster, self._config = cluster, config
        lendable = max(0, len(cluster.inference_servers) - int(demand.servers.min()))
        sizes = sorted((s.gpus for s in cluster.inference_servers), reverse=True)
        self._gpus = {
            Pool.TRAINING: [s.gpus for s in cluster.servers if s.pool is Pool.TRAINING],
            Pool.INFERENCE: sizes[:lendable],
        }
        self._known: dict[Shape, tuple[float, float]] = {}

    def pace(self, job: JobSpec) -> tuple[float, float]:
        """The greatest speed, and the least GPU-seconds that a worker-second of progress takes."""
        shape = (
            *(job.requested_workers, job.gpus_per_worker, job.min_workers, job.max_workers),
            *(job.allowed_workers, job.fungible, job.heterogeneous),
        )
        if shape not in self._known:
            self._known[shape] = self._top_speed(job), _least_gpus(job, self._speed_of(job))
        return self._known[shape]

    def _top_speed(self, job: JobSpec) -> float:
        speed, size = self._speed_of(job), job.gpus_per_worker
        on_training, on_loan = (self._workers_that_fit(pool, size) for pool in Pool)
        on_one_type = max(on_training, on_loan) if job.can_borrow else on_training
        top = _fastest(job, speed, on_one_type)
        if job.heterogeneous:
            mixed = _fastest(job, speed, on_training + on_loan)
            top = max(top, mixed * self._config.heterogeneous_efficiency)
        assert top, "a job that is not rejected fits"
        return top

    def _workers_that_fit(self, pool: Pool, size: int) -> int:
        """How many training workers the empty servers of a pool stand for."""
        slots = sum(gpus // size for gpus in self._gpus[pool])
        return self._cluster.training_workers_of(pool, slots)

    def _speed_of(self, job: JobSpec) -> Callable[[int], float]:
        model, requested = self._config.speedup, job.requested_workers
        return lambda workers: throughput(model, workers, requested)


def _sizes(job: JobSpec) -> Sequence[int]:
    return [n for n in range(job.min_workers, job.max_workers + 1) if job.allows(n)]


def _fastest(job: JobSpec, speed: Callable[[int], float], most: int) -> float:
    """The greatest speed on at most so many workers; 0: no size is as small."""
    return max((speed(workers) for workers in _sizes(job) if workers <= most), default=0.0)


def _least_gpus(job: JobSpec, speed: Callable[[int], float]) -> float:
    return job.gpus_per_worker * min(workers / speed(workers) for workers in _sizes(job))


class _Machine:
    """One machine whose speed is a step function of time, by bins of `BIN_S`, that repeats."""

    def __init__(self, speed: Seconds) -> None:
        assert speed.min() > 0, "the training pool is there at all times"
        self._edges_s = np.arange(speed.size + 1) * BIN_S
        self._offered = np.concatenate([[0.0], np.cumsum(speed * BIN_S)])

    def ends_s(self, submit_s: Seconds, needs: Seconds) -> Seconds:
        """When jobs end, in order, if the one with the least left goes first."""
        period_s, period = self._edges_s[-1], self._offered[-1]
        within = np.interp(submit_s % period_s, self._edges_s, self._offered)
        ends = _least_left_first(submit_s // period_s * period + within, needs)
        within_s = np.interp(ends % period, self._offered, self._edges_s)
        return np.asarray(ends // period * period_s + within_s, dtype=np.float64)


def _least_left_first(begins: Seconds, needs: Seconds) -> Seconds:
    """The ends of jobs on a machine of speed 1, ascending."""
    order = np.argsort(begins, kind="stable")
    arrivals = [*zip(begins[order].tolist(), needs[order].tolist(), strict=True), (inf, 0.0)]
    waiting: list[float] = []  # what is left of each job, as a heap
    ends: list[float] = []
    now = 0.0
    for begin, need in arrivals:
        while waiting and now + waiting[0] <= begin:
            now += heappop(waiting)
            ends.append(now)
        if waiting:
            heapreplace(waiting, waiting[0] - (begin - now))
        now = begin
        heappush(waiting, need)
    return np.array(ends)
