"""The running jobs in whose place a queued one may start, as two orderings see them."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil, inf
from typing import Protocol

from aryl.model.job import Job
from aryl.policy.draft import Draft
from aryl.policy.ordering import queue_of, served_gpu_s, standing
from aryl.policy.placement import Side
from aryl.policy.rules import Scene
from aryl.policy.speedup import throughput
from aryl.policy.suspending import Choice, Room


class Rivals(Protocol):
    """The running jobs by one ordering."""

    def against(self, draft: Draft, job: Job) -> Choice | None:
        """Those that come after a queued job; None: nobody does, whatever its size."""
        ...

    def displaced(self, draft: Draft, job: Job, victims: Sequence[Job]) -> None:
        """A queued job has started in the place of some."""
        ...


class ByEnd:
    """Running jobs by their estimated ends, those that the draft starts among them."""

    def __init__(self, draft: Draft, scene: Scene) -> None:
        """Begin with what runs before anybody is suspended."""
        self._rules, self._now = scene.rules, scene.snapshot.now
        self._running = scene.snapshot.running
        self._overhead_s = scene.config.preemption_overhead_s
        jobs = [*_still_running(draft, scene), *(self._begun(draft, job) for job in draft.started)]
        self._line = sorted((self._end_s(job), job.id, job) for job in jobs)
        self._curves: dict[tuple[Side, int], _Curve] = {}
        self._ahead_gpus = 0  # what jobs need that wait before the one looked at

    def against(self, draft: Draft, job: Job) -> Choice | None:
        """Those that end later by more than a restart, where the spared wait is worth it."""
        delay_s = self._run_s(job) + self._overhead_s
        later = self._line[bisect_right(self._line, (self._now + delay_s, LAST)) :]
        if not later:
            return None
        gpus = self._rules.base_workers(job.spec) * job.spec.gpus_per_worker
        most = _times_below(self._wait_s(draft, job), delay_s)
        self._ahead_gpus += gpus
        if most < 1:
            return Choice(())
        before = standing(job.spec)
        after = [j for _, name, j in later if name in self._running and standing(j.spec) >= before]
        return Choice(_closest(after, gpus, self._end_s), most)

    def displaced(self, draft: Draft, job: Job, victims: Sequence[Job]) -> None:
        """The job holds their GPUs now, until it ends."""
        gone = {victim.id for victim in victims}
        self._line = [entry for entry in self._line if entry[1] not in gone]
        begun = self._begun(draft, job)
        insort(self._line, (self._end_s(begun), begun.id, begun))
        self._curves.clear()
        self._ahead_gpus -= self._rules.base_workers(job.spec) * job.spec.gpus_per_worker

    def _wait_s(self, draft: Draft, job: Job) -> float:
        """How long a job would wait for running ones to end, after those that wait before it."""
        size, base = job.spec.gpus_per_worker, self._rules.base_workers(job.spec)
        ahead, ends_s = self._ahead_gpus // size, [inf]
        for side in self._rules.sides(job.spec):
            curve = self._curves.get((side, size))
            if curve is None:
                curve = self._curves[side, size] = _Curve(Room(draft, side, size), self._line)
            ends_s.append(curve.end_s(draft.cluster.workers_on(side[1], base) + ahead))
        return max(0.0, min(ends_s) - self._now)

    def _run_s(self, job: Job) -> float:
        """How long a queued job will hold its base workers, as estimated."""
        left = job.believed_work_by(job.progress_s) - job.done
        return self._restart_s(job) + left / self._speed(job)

    def _end_s(self, job: Job) -> float:
        """When a running job will have done its work, as estimated."""
        if job.expected_end_s > self._now:
            return job.expected_end_s
        left = job.believed_work_by(self._now) - job.done_by(self._now)
        return self._now + left / job.speed

    def _begun(self, draft: Draft, job: Job) -> Job:
        """A job as it runs from now on."""
        placements, progress_s = draft.placements(job.id), self._now + self._restart_s(job)
        return replace(job, placements=placements, progress_s=progress_s, speed=self._speed(job))

    def _restart_s(self, job: Job) -> float:
        return self._overhead_s if job.preemptions else 0.0

    def _speed(self, job: Job) -> float:
        rules, requested = self._rules, job.spec.requested_workers
        return throughput(rules.speedup, rules.base_workers(job.spec), requested)


class ByService:
    """Running jobs by the queue that they are in for the GPU-time that they have had."""

    def __init__(self, draft: Draft, scene: Scene) -> None:
        """Look at what runs."""
        now, self._rules = scene.snapshot.now, scene.rules
        self._jobs = list(_still_running(draft, scene))
        self._served = {job.id: served_gpu_s(job, now) for job in self._jobs}

    def against(self, _draft: Draft, job: Job) -> Choice | None:
        """Those in lower queues."""
        limits, before = self._rules.limits_gpu_s, standing(job.spec)
        queue = queue_of(served_gpu_s(job, job.progress_s), limits)
        if queue == len(limits):
            return None
        least_gpu_s = limits[queue]
        after = [
            other
            for other in self._jobs
            if self._served[other.id] >= least_gpu_s and standing(other.spec) >= before
        ]
        gpus = self._rules.base_workers(job.spec) * job.spec.gpus_per_worker
        return Choice(_closest(after, gpus, lambda other: self._served[other.id]))

    def displaced(self, _draft: Draft, _job: Job, victims: Sequence[Job]) -> None:
        """They run no longer; the job is in no lower queue than anybody who waits."""
        gone = {victim.id for victim in victims}
        self._jobs = [job for job in self._jobs if job.id not in gone]


class _Curve:
    """How many workers of one size fit by when, as running jobs end one after the other."""

    def __init__(self, room: Room, line: Sequence[tuple[float, str, Job]]) -> None:
        """Begin with what fits now; the line is read as far as anybody asks."""
        self._room, self._line = room, line
        self._workers, self._ends_s = [room.workers], [-inf]

    def end_s(self, workers: int) -> float:
        """When so many workers fit; infinity where they never do."""
        while self._workers[-1] < workers and len(self._ends_s) <= len(self._line):
            end_s, _, job = self._line[len(self._ends_s) - 1]
            self._room.leave(job)
            self._workers.append(self._room.workers)
            self._ends_s.append(end_s)
        place = bisect_left(self._workers, workers)
        return self._ends_s[place] if place < len(self._ends_s) else inf


LAST = "\uffff"  # sorts after any job's name


def _still_running(draft: Draft, scene: Scene) -> list[Job]:
    """The jobs that run and that the draft does not preempt."""
    placed = draft.placed
    return [job for name, job in scene.snapshot.running.items() if placed.get(name, True)]


def _times_below(wait_s: float, delay_s: float) -> float:
    """How many delays are less than a wait."""
    return ceil(wait_s / delay_s) - 1 if delay_s and wait_s < inf else inf


def _closest(jobs: Sequence[Job], gpus: int, last: Callable[[Job], float]) -> list[Job]:
    """Jobs by size: the largest of those that a need for so many GPUs takes whole, then the rest.

    So few are suspended, and little is left over. Among equals those of the highest value come
    first.
    """

    def key(job: Job) -> tuple[bool, int, float, str]:
        held = sum(job.holding.base) * job.spec.gpus_per_worker
        return held > gpus, abs(gpus - held), -last(job), job.id

    return sorted(jobs, key=key)
