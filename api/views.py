"""What there is to see, as it is told: every question that reads, for routes and the dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import get_args

from api.foresight import ended_bins, forecast_out
from api.known import Knowledge, Known
from api.pages import page_of, place_of
from api.parts import ApiSettings, Wall
from api.schemas.cluster import (
    DemandOut,
    ForecastOut,
    LoanOut,
    PoolOut,
    ServerOut,
    ServerState,
    SightOut,
)
from api.schemas.fields import Page
from api.schemas.jobs import JobOut
from api.schemas.plans import PlanDetailOut, PlanOut
from api.schemas.service import (
    AuditOut,
    EventOut,
    JobCounts,
    LeaderOut,
    PolicyOut,
    StatusOut,
    TokenOut,
)
from api.shaping import (
    Setting,
    event_out,
    job_out,
    loan_out,
    plan_detail_out,
    plan_out,
    pool_out,
    server_out,
    shares_of,
)
from aryl.engine.lifecycle import JobState
from aryl.engine.ports import Clock
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster, Pool
from aryl.model.errors import Missing
from aryl.store import JobFilter, ServiceStore
from aryl.store.series import HISTORY_S, history_of

RUNNING_JOBS = 1_000_000  # at once: no cluster has as many GPUs
NO_CLUSTER = Cluster(())


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a long list is asked for."""

    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Views:
    """Answers what is asked about the service; every call looks at the store anew."""

    store: ServiceStore
    clock: Clock
    wall: Wall
    knowledge: Knowledge
    settings: ApiSettings

    def status(self) -> StatusOut:
        """How the service stands."""
        known = self.knowledge.look()
        servers = self.servers()
        counts = self.store.jobs.counts()
        return StatusOut(
            now_s=self.clock.now(),
            speed=known.speed if known else 1.0,
            mode=known.mode if known else self.settings.mode,
            role=self.settings.role,
            leader=self._leader(),
            policy=_policy_out(known) if known else None,
            jobs=JobCounts(**{state.value: count for state, count in counts.items()}),
            servers=_counted(servers),
            pools=_pools(known, servers),
            version=self.settings.version,
        )

    def jobs(self, wanted: JobFilter, asked: Asked) -> Page[JobOut]:
        """Jobs in the order of submission, or against it."""
        after = place_of("jobs", asked.cursor)
        records = self.store.jobs.page(wanted, after, asked.limit + 1)
        rows, further = page_of("jobs", records, asked.limit, at=lambda row: row.sequence)
        return Page(items=self.jobs_of(rows), next=further)

    def job(self, job_id: str) -> JobOut:
        """One job. Raises `Missing`."""
        return self.jobs_of([self.record(job_id)])[0]

    def record(self, job_id: str) -> JobRecord:
        """One job as it is stored. Raises `Missing`."""
        record = self.store.jobs.get(job_id)
        if record is None:
            raise Missing("job", job_id)
        return record

    def jobs_of(self, records: Sequence[JobRecord]) -> list[JobOut]:
        """Jobs with why they wait, and for how long they will."""
        setting = self.setting()
        waits = self.store.waits.of(records)
        queued = [record.id for record in records if record.state is JobState.QUEUED]
        estimates = self.store.estimates.of(queued) if queued else {}
        return [
            job_out(
                record,
                setting,
                waits.get(record.id),
                estimates[record.id].latest_start_s if record.id in estimates else None,
            )
            for record in records
        ]

    def new_job(self, record: JobRecord) -> JobOut:
        """A job that has just been submitted: nothing more is known of it."""
        return job_out(record, self.setting())

    def setting(self) -> Setting:
        """What jobs are looked at against."""
        known = self.knowledge.look()
        return Setting(self.clock.now(), known.cluster if known else NO_CLUSTER)

    def job_events(self, job_id: str, asked: Asked) -> Page[EventOut]:
        """What happened to a job, oldest first. Raises `Missing`."""
        self.record(job_id)
        after = place_of("events", asked.cursor) or 0
        found = self.store.events.of_job(job_id, after, asked.limit + 1)
        rows, further = page_of("events", found, asked.limit, at=lambda row: row.id)
        return Page(items=[event_out(row) for row in rows], next=further)

    def servers(self) -> list[ServerOut]:
        """Every server of both pools; none while no scheduler has said which there are."""
        known = self.knowledge.look()
        if known is None:
            return []
        is_running = JobFilter(state=JobState.RUNNING)
        shares = shares_of(self.store.jobs.page(is_running, limit=RUNNING_JOBS))
        loans = self.store.loans.open()
        cluster = known.cluster
        return [server_out(s, cluster, shares, loans.get(s.id)) for s in cluster.servers]

    def servers_page(self, pool: str | None, state: str | None, asked: Asked) -> Page[ServerOut]:
        """Servers of a pool, in a state, or all, in the cluster's order."""
        after = place_of("servers", asked.cursor)
        wanted = [
            (place, server)
            for place, server in enumerate(self.servers())
            if pool in {None, server.pool}
            and state in {None, server.state}
            and (after is None or place > after)
        ]
        rows, further = page_of("servers", wanted, asked.limit, at=lambda row: row[0])
        return Page(items=[server for _, server in rows], next=further)

    def server(self, server_id: str) -> ServerOut:
        """One server. Raises `Missing`."""
        found = next((server for server in self.servers() if server.id == server_id), None)
        if found is None:
            raise Missing("server", server_id)
        return found

    def pools(self) -> list[PoolOut]:
        """Both pools in numbers."""
        return _pools(self.knowledge.look(), self.servers())

    def loans(self, asked: Asked, *, is_open: bool | None = None) -> Page[LoanOut]:
        """Loans that go on, that ended, or all, newest first."""
        before = place_of("loans", asked.cursor)
        found = self.store.loans.page(is_open=is_open, before=before, limit=asked.limit + 1)
        rows, further = page_of("loans", found, asked.limit, at=lambda row: row.id)
        return Page(items=[loan_out(row) for row in rows], next=further)

    def plans(self, asked: Asked) -> Page[PlanOut]:
        """Plans that did something or looked ahead, newest first."""
        found = self.store.plans.page(place_of("plans", asked.cursor), asked.limit + 1)
        rows, further = page_of("plans", found, asked.limit, at=lambda row: row.id)
        return Page(items=[plan_out(row) for row in rows], next=further)

    def plan(self, plan_id: int) -> PlanDetailOut:
        """One plan with its actions. Raises `Missing`."""
        plan = self.store.plans.get(plan_id)
        if plan is None:
            raise Missing("plan", str(plan_id))
        return plan_detail_out(plan, self.store.plans.actions_of(plan_id))

    def snapshot(self, plan_id: int) -> bytes:
        """What a plan was decided on, as JSON. Raises `Missing`."""
        body = self.store.plans.snapshot(plan_id)
        if body is None:
            raise Missing("snapshot of a plan", str(plan_id))
        return body

    def demand(self, from_s: float, to_s: float, asked: Asked) -> Page[DemandOut]:
        """Inference demand in bins that start within a time, oldest first."""
        first_s = max(from_s, _behind("demand", asked.cursor))
        found = self.store.demand.page(first_s, to_s, asked.limit + 1)
        rows, further = page_of("demand", found, asked.limit, at=lambda row: row.t_s)
        told = [DemandOut(t_s=row.t_s, servers=row.servers, source=row.source) for row in rows]
        return Page(items=told, next=further)

    def timeline(self, from_s: float, to_s: float, asked: Asked) -> Page[SightOut]:
        """What was to be seen at the start of each bin within a time, oldest first."""
        first_s = max(from_s, _behind("timeline", asked.cursor))
        found = self.store.samples.page(first_s, to_s, asked.limit + 1)
        rows, further = page_of("timeline", found, asked.limit, at=lambda row: row.t_s)
        return Page(items=[SightOut.model_validate(row) for row in rows], next=further)

    def forecast(self) -> ForecastOut:
        """What inference will need. Raises `Overloaded` while no scheduler has been there."""
        known, now = self.knowledge.need(), self.clock.now()
        end_s = ended_bins(now)
        bins = [
            (row.t_s, row.servers)
            for row in self.store.demand.page(now - HISTORY_S, end_s)
            if row.source == known.demand_source
        ]
        return forecast_out(known, history_of(bins, end_s), len(self.store.loans.open()), now)

    def tokens(self) -> Page[TokenOut]:
        """Every token without its secret, oldest first."""
        return Page(items=[TokenOut.model_validate(token) for token in self.store.tokens.list()])

    def audit(self, asked: Asked) -> Page[AuditOut]:
        """Who changed what, newest first."""
        found = self.store.audit.page(place_of("audit", asked.cursor), asked.limit + 1)
        rows, further = page_of("audit", found, asked.limit, at=lambda row: row.id)
        return Page(items=[AuditOut.model_validate(row) for row in rows], next=further)

    def _leader(self) -> LeaderOut | None:
        leader = self.store.lease.leader()
        if leader is None:
            return None
        is_current = leader.expires_wall_s > self.wall()
        return LeaderOut(holder=leader.holder, term=leader.term, is_current=is_current)


def _behind(kind: str, cursor: str | None) -> float:
    place = place_of(kind, cursor)
    return -inf if place is None else place + 1.0  # bins start at whole multiples of 300 s


def _pools(known: Known | None, servers: Sequence[ServerOut]) -> list[PoolOut]:
    return [pool_out(pool, known.cluster, servers) for pool in Pool] if known else []


def _counted(servers: Sequence[ServerOut]) -> dict[ServerState, int]:
    states: tuple[ServerState, ...] = get_args(ServerState)
    return {state: sum(server.state == state for server in servers) for state in states}


def _policy_out(known: Known) -> PolicyOut:
    return PolicyOut.model_validate(known.policy)
