"""Keeps a queue in the order of a policy while jobs come and go."""

from bisect import bisect_left
from collections.abc import Iterable

from aryl.model.job import Job
from aryl.model.queue import JobQueue, Rank, Shape, ShapeGroup, shape_of
from aryl.policy.rules import Rules


class _Line:
    """Jobs of one shape in a row, with the last picture taken of it."""

    __slots__ = ("_picture", "jobs", "ranks")

    def __init__(self) -> None:
        self.ranks: list[Rank] = []
        self.jobs: list[Job] = []
        self._picture: ShapeGroup | None = None

    def add(self, job: Job, rank: Rank) -> None:
        at = bisect_left(self.ranks, rank)
        self.ranks.insert(at, rank)
        self.jobs.insert(at, job)
        self._picture = None

    def remove(self, rank: Rank) -> None:
        at = bisect_left(self.ranks, rank)
        del self.ranks[at], self.jobs[at]
        self._picture = None

    def picture(self) -> ShapeGroup:
        if self._picture is None:
            job_ids = tuple(job.id for job in self.jobs)
            self._picture = ShapeGroup(tuple(self.ranks), tuple(self.jobs), job_ids)
        return self._picture


class RankedQueue:
    """Queued jobs by shape and rank; a picture of it copies the shapes that have changed.

    A job's rank must not change while it waits: no ordering may look at the clock.
    """

    def __init__(self, rules: Rules, jobs: Iterable[Job] = ()) -> None:
        """Rank jobs by the rules of a policy."""
        self._rules = rules
        self._lines: dict[Shape, _Line] = {}
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
        rank = self._rules.rank(job)
        self._lines.setdefault(shape_of(job.spec), _Line()).add(job, rank)
        self._jobs[job.id], self._ranks[job.id] = job, rank

    def remove(self, job_id: str) -> None:
        """Let a job wait no longer."""
        shape = shape_of(self._jobs.pop(job_id).spec)
        line = self._lines[shape]
        line.remove(self._ranks.pop(job_id))
        if not line.jobs:
            del self._lines[shape]

    def frozen(self) -> JobQueue:
        """The queue as it is now; later changes do not reach it."""
        groups = {shape: line.picture() for shape, line in self._lines.items()}
        return JobQueue(self._rules.ranking, groups, self._jobs.copy())


def ranked(queue: JobQueue, rules: Rules) -> JobQueue:
    """The queue in the order of the rules: itself, where it has that order already."""
    if queue.ranking == rules.ranking:
        return queue
    return RankedQueue(rules, queue.jobs.values()).frozen()
