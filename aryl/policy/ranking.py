"""Keeps a queue in the order of a policy while jobs come and go."""

from collections.abc import Iterable

from aryl.model.job import Job
from aryl.model.queue import JobQueue, Rank, Shape, ShapeGroup, shape_of
from aryl.policy.rules import Rules


class RankedQueue:
    """Queued jobs by shape and rank; each change costs its own group only.

    A job's rank must not change while it waits: no ordering may look at the clock.
    """

    def __init__(self, rules: Rules, jobs: Iterable[Job] = ()) -> None:
        """Rank jobs by the rules of a policy."""
        self._rules = rules
        self._groups: dict[Shape, ShapeGroup] = {}
        self._jobs: dict[str, Job] = {}
        self._ranks: dict[str, Rank] = {}
        for job in jobs:
            self.add(job)

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Let a job wait."""
        assert job.id not in self._jobs, "a job waits once"
        shape, rank = shape_of(job.spec), self._rules.rank(job)
        self._groups[shape] = self._groups.get(shape, ShapeGroup()).with_job(job, rank)
        self._jobs[job.id], self._ranks[job.id] = job, rank

    def remove(self, job_id: str) -> None:
        """Let a job wait no longer."""
        shape = shape_of(self._jobs.pop(job_id).spec)
        left = self._groups[shape].without_job(self._ranks.pop(job_id))
        if left.jobs:
            self._groups[shape] = left
        else:
            del self._groups[shape]

    def frozen(self) -> JobQueue:
        """The queue as it is now; later changes do not reach it."""
        return JobQueue(self._rules.ranking, self._groups.copy(), self._jobs.copy())


def ranked(queue: JobQueue, rules: Rules) -> JobQueue:
    """The queue in the order of the rules: itself, where it has that order already."""
    if queue.ranking == rules.ranking:
        return queue
    return RankedQueue(rules, queue.jobs.values()).frozen()
