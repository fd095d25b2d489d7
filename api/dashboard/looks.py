"""What pages show, asked of the views that answer the API too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from threading import Lock
from typing import Final

from api.known import Known
from api.schemas.cluster import LoanOut, ServerOut, SightOut
from api.schemas.jobs import JobOut
from api.schemas.plans import PlanDetailOut
from api.schemas.service import StatusOut
from api.views import Asked, Views
from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.policy.rules import rules_of
from aryl.store import UNAVAILABLE, JobFilter

SHOWN: Final = 50  # jobs of each table
RANKED: Final = 1_000  # queued jobs up to which they are ranked: every look reads all of them
RECENT: Final = 200  # ended jobs that the figures count, beside those that are shown
SIGHTS_S: Final = 7 * 86_400.0
_LOANS: Final = 1_000
_PLANS: Final = 200  # most recent ones that are looked through for actions
_SHOWN_PLANS: Final = 30
_SIGHTS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything at one moment that the overview shows.

    The first queued jobs come in the policy's order; of a very long queue, as they were submitted.
    """

    status: StatusOut
    servers: Sequence[ServerOut] = ()
    queued: Sequence[JobOut] = ()
    is_ranked: bool = True
    running: Sequence[JobOut] = ()
    recent: Sequence[JobOut] = ()
    loans: Sequence[LoanOut] = ()
    plans: Sequence[PlanDetailOut] = ()
    sights: Sequence[SightOut] = ()
    headroom: float = 0.0
    is_stale: bool = False

    @property
    def trouble(self) -> str:
        """What is wrong with the service; empty while it is healthy."""
        if self.is_stale:
            return "database out of reach"
        if self.status.leader is None:
            return "no scheduler yet"
        return "" if self.status.leader.is_current else "scheduler lost"


class Looks:
    """Takes frames; what can't change any more is remembered from one to the next."""

    def __init__(self, views: Views) -> None:
        """Start with nothing remembered."""
        self._views = views
        self._plans: list[PlanDetailOut] = []
        self._newest_plan = 0
        self._sights: list[SightOut] = []
        self._last: Frame | None = None
        self._lock = Lock()

    def frame(self) -> Frame:
        """How everything stands now, or did when the database was within reach.

        Any thread may call it. Raises one of `UNAVAILABLE` where it has not been since the start.
        """
        with self._lock:
            try:
                self._last = self._frame()
            except UNAVAILABLE:
                if self._last is None:
                    raise
                self._last = replace(self._last, is_stale=True)
            return self._last

    def _frame(self) -> Frame:
        views, known = self._views, self._views.knowledge.look()
        status = views.status()
        queued = views.store.jobs.page(JobFilter(state=JobState.QUEUED), limit=RANKED + 1)
        running = self._jobs(JobState.RUNNING, SHOWN)
        ended = self._jobs(JobState.FINISHED, RECENT, newest_first=True)
        first = views.jobs_of(_first(queued, known))
        return Frame(
            status=status,
            servers=views.servers(),
            queued=first,
            is_ranked=_can_rank(queued),
            running=running,
            recent=[*first, *running, *ended],
            loans=views.loans(Asked(_LOANS), is_open=True).items,
            plans=self._latest_plans(),
            sights=self._latest_sights(status.now_s),
            headroom=known.policy.headroom if known else 0.0,
        )

    def _jobs(self, state: JobState, limit: int, *, newest_first: bool = False) -> list[JobOut]:
        wanted = JobFilter(state=state, newest_first=newest_first)
        return self._views.jobs(wanted, Asked(limit)).items

    def _latest_plans(self) -> list[PlanDetailOut]:
        """The newest plans that do something; those that only look ahead are many."""
        fresh = {plan.id: plan for plan in self._unsettled()}
        for plan in self._views.plans(Asked(_PLANS)).items:
            if plan.id <= self._newest_plan:
                break
            fresh[plan.id] = self._views.plan(plan.id)
        self._newest_plan = max(self._newest_plan, *fresh, 0)
        known = {plan.id: plan for plan in self._plans} | fresh
        acting = [known[number] for number in sorted(known, reverse=True) if known[number].actions]
        self._plans = acting[:_SHOWN_PLANS]
        return self._plans

    def _unsettled(self) -> list[PlanDetailOut]:
        """Plans whose actions were under way, as they stand now."""
        under_way = [plan.id for plan in self._plans if plan.settled_s is None]
        return [self._views.plan(number) for number in under_way]

    def _latest_sights(self, now: float) -> list[SightOut]:
        since_s = self._sights[-1].t_s + 1.0 if self._sights else now - SIGHTS_S
        fresh = self._views.timeline(since_s, inf, Asked(_SIGHTS)).items
        kept = [sight for sight in self._sights if sight.t_s >= now - SIGHTS_S]
        self._sights = [*kept, *fresh]
        return self._sights


def _can_rank(queued: Sequence[JobRecord]) -> bool:
    return len(queued) <= RANKED


def _first(queued: Sequence[JobRecord], known: Known | None) -> list[JobRecord]:
    """Those at the head of the queue."""
    ordered = list(queued)
    if known and _can_rank(queued):
        rules = rules_of(known.policy)
        ordered.sort(key=lambda record: rules.rank(record.job))
    return ordered[:SHOWN]
