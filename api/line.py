"""The queue in the order of the policy in force: what stands before a job."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock

from api.parts import Wall
from aryl.model.job import Job
from aryl.model.queue import Rank
from aryl.policy.config import PolicyConfig
from aryl.policy.rules import rules_of
from aryl.store.jobs import Jobs

KEPT_S = 5.0  # wall time for which the order is good: ranking a long queue takes a while
NAMED = 5  # jobs ahead that are told one by one


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands: how many wait, how many of them and how many GPUs are ahead of it.

    `first` are those that come first of all.
    """

    queued: int
    ahead: int
    gpus_ahead: int
    first: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class _Ranked:
    policy: PolicyConfig
    at_wall_s: float
    ranks: Sequence[Rank]
    jobs: Sequence[Job]
    gpus: Sequence[int]  # of all before each place, and of all


class Line:
    """Ranks the queue anew now and then."""

    def __init__(self, jobs: Jobs, wall: Wall) -> None:
        """Look at nothing yet."""
        self._jobs, self._wall = jobs, wall
        self._ranked: _Ranked | None = None
        self._ranking = Lock()

    def place_of(self, job: Job, policy: PolicyConfig) -> Place:
        """What stands before a job that waits."""
        ranked = self._look(policy)
        place = bisect_left(ranked.ranks, rules_of(policy).rank(job))
        first = (ahead for ahead in ranked.jobs[: min(place, NAMED)])
        return Place(max(len(ranked.jobs), place + 1), place, ranked.gpus[place], tuple(first))

    def _look(self, policy: PolicyConfig) -> _Ranked:
        with self._ranking:
            kept, now = self._ranked, self._wall()
            is_good = kept and kept.policy == policy and 0 <= now - kept.at_wall_s < KEPT_S
            if kept is None or not is_good:
                self._ranked = kept = self._rank(policy, now)
            return kept

    def _rank(self, policy: PolicyConfig, now: float) -> _Ranked:
        rules = rules_of(policy)
        by_rank = sorted(
            ((rules.rank(job), job) for job in self._jobs.queued_specs()), key=lambda pair: pair[0]
        )
        jobs = [job for _, job in by_rank]
        needed = (rules.base_workers(job.spec) * job.spec.gpus_per_worker for job in jobs)
        gpus = list(accumulate(needed, initial=0))
        return _Ranked(policy, now, [rank for rank, _ in by_rank], jobs, gpus)
