"""The service's view of the future: questions to the process that looks ahead, and estimates.

While jobs wait, their starts are estimated again and again, in the background, and kept: whoever
looks at a job sees the latest, and how far off first estimates were is known from those that have
started since.
"""

from dataclasses import dataclass
from functools import partial
from statistics import quantiles
from threading import Lock

import anyio
import structlog

from api.child import Child
from api.errors import Overloaded
from api.known import Knowledge
from api.lookahead import Ahead, Foreseen, look_ahead
from api.parts import Parts
from aryl.clock import elapsed
from aryl.engine.lifecycle import JobState
from aryl.store import UNAVAILABLE, JobFilter
from simulator.projection import Hypothesis, Limits

WITHIN_S = 40.0  # wall time for an answer; projections are cut off long before
WAITING = 8  # questions that may wait for their turn
EVERY_S = 15.0  # wall time between two estimates
REST = 9  # times as long as an estimate took is rested after it: a tenth of one CPU at most
WRITTEN = 1_000  # estimates in one write, so that the scheduler's writes don't wait for long
TOLERANCE = 0.05  # an estimate that moved by less of the time ahead is not written again

UNANSWERED: tuple[type[Exception], ...] = (Overloaded, *UNAVAILABLE)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Error:
    """How far off the first estimates of jobs were that have started since, in seconds."""

    median_s: float
    p90_s: float
    jobs: int


class Foresight:
    """Looks ahead for everybody who asks one service."""

    def __init__(self, parts: Parts, knowledge: Knowledge) -> None:
        """Start nothing yet: the process begins with the first question."""
        self._store, self._clock, self._knowledge = parts.store, parts.clock, knowledge
        self._wall = parts.wall
        self._child = Child(partial(look_ahead, parts.store.jobs.database), waiting=WAITING)
        self._told: dict[str, float | None] = {}  # the estimates as they are stored
        self._latest: Foreseen | None = None
        self._latest_wall_s = parts.wall()
        self._refreshing = Lock()
        self._running: anyio.CancelScope | None = None

    def suppose(self, hypothesis: Hypothesis, horizon_s: float) -> Foreseen:
        """What a hypothesis would change. Raises `BadInput` and `Overloaded`."""
        return self._ask(Limits(horizon_s=horizon_s), hypothesis)

    def estimates(self) -> Foreseen:
        """When the jobs that wait will start; foreseen anew where the last time is `EVERY_S` ago.

        While that goes on, others are told what was foreseen before. Raises `Overloaded`.
        """
        if self._refreshing.acquire(blocking=False):
            try:
                if self._latest is None or self._is_due():
                    self._latest_wall_s = self._wall()
                    foreseen = self._ask(Limits())
                    self._keep(foreseen)
                    self._latest = foreseen
            finally:
                self._refreshing.release()
        if self._latest is None:
            raise Overloaded("the first look ahead is being taken", retry_after_s=5)
        return self._latest

    def error(self) -> Error | None:
        """How far off first estimates were; None while no job has started that had one."""
        off_s = sorted(abs(late_s) for late_s in self._store.estimates.misses())
        if not off_s:
            return None
        if len(off_s) == 1:
            return Error(off_s[0], off_s[0], 1)
        tenths = quantiles(off_s, n=10, method="inclusive")
        return Error(tenths[4], tenths[8], len(off_s))

    async def run(self) -> None:
        """Estimate again and again while anything waits, until `close`."""
        rest_s = EVERY_S
        with anyio.CancelScope() as self._running:
            while True:
                await anyio.sleep(rest_s)
                taken_s = await anyio.to_thread.run_sync(self._refresh, abandon_on_cancel=True)
                rest_s = max(EVERY_S, REST * taken_s)

    def close(self) -> None:
        """End the process that looks ahead; `run` ends too."""
        if self._running:
            self._running.cancel()
        self._child.close()

    def _refresh(self) -> float:
        """Estimate where anything waits; the seconds that it took."""
        since = elapsed()
        try:
            is_due = self._is_due()
            if is_due and self._store.jobs.page(JobFilter(state=JobState.QUEUED), limit=1):
                self.estimates()
        except UNANSWERED as error:
            log.warning("jobs that wait are not estimated", error=str(error))
        return elapsed() - since

    def _is_due(self) -> bool:
        """Whether the latest estimates are old; a clock that was set back makes them so too."""
        return not 0 <= self._wall() - self._latest_wall_s < EVERY_S

    def _ask(self, limits: Limits, hypothesis: Hypothesis | None = None) -> Foreseen:
        known = self._knowledge.need()
        question = Ahead(
            cluster=known.cluster,
            policy=known.policy,
            demand_source=known.demand_source,
            now_s=self._clock.now(),
            limits=limits,
            hypothesis=hypothesis,
        )
        return self._child.ask(question, WITHIN_S)

    def _keep(self, foreseen: Foreseen) -> None:
        """Store the estimates that are new, have moved, or no longer hold."""
        now, starts_s = foreseen.now_s, foreseen.starts_s
        changed = [
            job_id
            for job_id, start_s in starts_s.items()
            if _has_moved(self._told.get(job_id), start_s, now)
        ]
        for first in range(0, len(changed), WRITTEN):
            some = {job_id: starts_s[job_id] for job_id in changed[first : first + WRITTEN]}
            self._store.estimates.put(some, now)
        kept = self._told | {job_id: starts_s[job_id] for job_id in changed}
        self._told = {job_id: kept[job_id] for job_id in starts_s if job_id in kept}


def _has_moved(before_s: float | None, after_s: float | None, now: float) -> bool:
    """Whether an estimate differs by more than it is good for."""
    if before_s is None or after_s is None:
        return before_s is not after_s
    return abs(after_s - before_s) > max(EVERY_S, TOLERANCE * (after_s - now))
