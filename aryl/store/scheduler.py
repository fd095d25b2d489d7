"""The Store port of the one scheduler that leads: a mirror in memory of all that has not ended.

Each write is one transaction, first asks whether this scheduler still leads (`LeaseLost`), and
costs what it changes, however long the queue is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from sqlalchemy import Connection, func, select

from aryl.engine.lifecycle import JobState
from aryl.engine.live import Correction, Inbox, Wishes
from aryl.engine.ports import Outcome, Status
from aryl.engine.records import JobRecord
from aryl.model.cluster import Cluster, Loan
from aryl.model.demand import DemandHistory
from aryl.model.errors import StalePlan
from aryl.model.plain import cluster_plain, reason_plain
from aryl.model.plan import LoanServer, Plan, ReclaimServer
from aryl.model.queue import JobQueue
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.rules import rules_of
from aryl.store.beliefs import Beliefs
from aryl.store.captures import Captures
from aryl.store.claims import SCHEDULER, changed_by_users, claim, let_go
from aryl.store.database import Database, replace_rows
from aryl.store.lease import fence
from aryl.store.lives import EVENT_OF, LIVE, Change, write_moves
from aryl.store.loans import load_loans, write_loans
from aryl.store.mirror import Mirror
from aryl.store.plans import Context, insert_plan, insert_snapshot, settle_plan
from aryl.store.retention import KEEP_S, ROWS_AT_ONCE, prune
from aryl.store.rows import Event, append_events, job_rows, records_of
from aryl.store.series import note_shown, pushed_history, put_fact, shown_bins
from aryl.store.tables import EVENTS, JOBS, SAMPLES
from aryl.store.templates import Template, template_of
from aryl.store.waiting import load_waits, waits_after, write_waits
from aryl.store.wishes import take_up

OnServer = LoanServer | ReclaimServer  # what an action is about where it is not about a job


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A recorded plan whose fate is not known yet."""

    plan_id: int
    now: float
    job_ids: tuple[str, ...]


class SchedulerStore:
    """What the leader of a term remembers."""

    def __init__(
        self,
        database: Database,
        config: PolicyConfig,
        *,
        term: int,
        mode: str = "live",
        snapshot_every_s: float = 60.0,
    ) -> None:
        """Load every job that has not ended; a snapshot is stored once in `snapshot_every_s`."""
        self._database = database
        self._context = Context(term, mode, config.scheme)
        self._captures = Captures(config, snapshot_every_s)
        self._in_flight: _InFlight | None = None
        self._is_first_look = True
        self._why: dict[str, tuple[int, dict[str, Any]]] = {}  # loans and returns not seen yet
        with database.read() as connection:
            self._seen_event = connection.execute(select(func.max(EVENTS.c.id))).scalar() or 0
            live = JOBS.c.state.in_([state.value for state in LIVE])
            rows = connection.execute(job_rows().where(live).order_by(JOBS.c.sequence))
            self._mirror = Mirror(rules_of(config), records_of(rows))
            self._waits = load_waits(connection)
            self._beliefs = Beliefs(connection, config.estimates, self._writing)
            self._loans = load_loans(connection)

    @property
    def term(self) -> int:
        """The lease's term under which it writes."""
        return self._context.term

    def queue(self) -> JobQueue:
        """The jobs that wait, ranked as the policy in force ranks them."""
        return self._mirror.queue()

    def live(self) -> Mapping[str, JobRecord]:
        """The jobs that have not ended, by name; it changes with the store."""
        return self._mirror.records

    def template(self, job_id: str) -> Template | None:
        """What a job's workers are to run; None where it brought nothing."""
        with self._database.read() as connection:
            return template_of(connection, job_id)

    def refresh(self) -> Inbox:
        """Take in what users have submitted, cancelled and amended since the last look.

        The first look answers every running job and every job with an open cancel request, and
        lets go of the jobs that a plan of an earlier term held.
        """
        is_first, self._is_first_look = self._is_first_look, False
        if is_first:
            self._let_go_of_old_plans()
        with self._database.read() as connection:
            changed, seen_event = changed_by_users(connection, self._seen_event)
        known = self._mirror.records
        arrived = [r for r in changed if r.id not in known and r.state in LIVE]
        news = {**known, **{r.id: r for r in changed}}.values() if is_first else arrived
        believed, self._seen_event = self._beliefs.of(news), seen_event
        edited = {
            record.id: None
            for record in changed
            if record.id in known or record.cancel_requested_s is not None
        }
        self._put([*changed, *believed])
        if is_first:
            edited |= {record.id: None for record in known.values() if _is_of_interest(record)}
        return Inbox(len(arrived), tuple(known[job_id] for job_id in edited if job_id in known))

    def record(self, snapshot: Snapshot, plan: Plan) -> None:
        """Make a plan durable, with what it answers, before any of it takes effect.

        Raises `StalePlan` where a user has changed a job that the plan touches, and `LeaseLost`.
        """
        waits = self._waits
        if Due.SCHEDULE in snapshot.due:
            waits = waits_after(waits, snapshot, plan.waiting)
        is_kept = bool(plan.actions) or plan.outlook is not None
        body = self._captures.body(snapshot, plan)
        if not is_kept and waits == self._waits:
            return
        in_flight = None
        with self._writing() as connection:
            if is_kept:
                in_flight = self._written(connection, snapshot, plan)
            if in_flight and body:
                insert_snapshot(connection, in_flight.plan_id, body)
            write_waits(connection, self._waits, waits)
        self._waits, self._in_flight = waits, in_flight
        if body:
            self._captures.stored(snapshot.now)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Note what became of the plan recorded last; it happened at its snapshot's `now`.

        Actions that are done move jobs; any other fate is noted on the action alone.
        """
        in_flight, self._in_flight = self._in_flight, None
        if in_flight is None:
            assert not outcomes, "what is carried out has been recorded"
            return
        done = [outcome for outcome in outcomes if outcome.status is Status.DONE]
        changes = [change for outcome in done for change in _change(outcome, in_flight)]
        records = self._mirror.after(changes)
        moved_ids = {record.id for record in records}
        with self._writing() as connection:
            settle_plan(connection, in_flight.plan_id, outcomes, in_flight.now)
            write_moves(connection, records, changes)
            let_go(connection, (name for name in in_flight.job_ids if name not in moved_ids))
        self._put(records)
        for outcome in done:
            action = outcome.action
            if isinstance(action, OnServer):
                self._why[action.server_id] = (in_flight.plan_id, reason_plain(action.reason))

    def correct(self, corrections: Iterable[Correction]) -> None:
        """Note what happened to jobs outside a plan, cancelling included."""
        changes = [
            Change(event=it.event, job=it.job, at_s=it.at_s, reason=it.reason) for it in corrections
        ]
        if not changes:
            return
        records = self._mirror.after(changes)
        with self._writing() as connection:
            write_moves(connection, records, changes)
        self._put(records)
        self._beliefs.learn(records)

    def take_up(self, wishes: Wishes, now: float) -> None:
        """Note what users have asked of the cluster, as if they had asked the service."""
        with self._writing() as connection:
            take_up(connection, wishes, self._mirror.records, now)

    def shaped(self, cluster: Cluster) -> None:
        """Tell the API's processes which servers there are, and in what condition."""
        self.put_fact("cluster", cluster_plain(cluster))

    def lent(self, loans: Mapping[str, Loan], now: float) -> None:
        """Note which servers are on loan by now, and which are back."""
        if loans == self._loans:
            return
        after = dict(loans)
        with self._writing() as connection:
            write_loans(connection, self._loans, after, now, self._why)
        self._loans, self._why = after, {}

    def demanded(self, bins: Sequence[tuple[float, float]]) -> None:
        """Note inference demand as the cluster shows it: where each bin starts, and its servers.

        A bin that users have told stays as they told it.
        """
        if bins:
            with self._writing() as connection:
                note_shown(connection, bins)

    def demand_bins(self, since_s: float) -> list[tuple[float, float]]:
        """What `demanded` has noted from a time on: where each bin starts, and its servers."""
        with self._database.read() as connection:
            return shown_bins(connection, since_s)

    def pushed_demand(self, until_s: float = inf) -> DemandHistory:
        """Inference demand as users have told it, in bins that ended by `until_s`."""
        with self._database.read() as connection:
            return pushed_history(connection, until_s)

    def sampled(self, sight: Mapping[str, float | int | None]) -> None:
        """Add a row to the timeline."""
        with self._writing() as connection:
            replace_rows(connection, SAMPLES, [sight])
        self._beliefs.look(self._mirror.records.values(), float(sight["t_s"] or 0.0))

    def put_fact(self, key: str, value: object) -> None:
        """Tell the API's processes a plain value under a name."""
        with self._writing() as connection:
            put_fact(connection, key, value)

    def prune(self, now: float, keep_s: float = KEEP_S, *, rows_max: int = ROWS_AT_ONCE) -> int:
        """Delete some of what is older than `keep_s`, oldest first; 0 where nothing is left of it.

        That is `rows_max` plans, samples, and events and templates of ended jobs each: call it
        again for more.
        """
        with self._writing() as connection:
            return prune(connection, now - keep_s, rows_max)

    def _written(self, connection: Connection, snapshot: Snapshot, plan: Plan) -> _InFlight:
        """Write a plan, and let it hold the jobs that it touches."""
        plan_id = insert_plan(connection, self._context, snapshot, plan)
        touched = dict.fromkeys(a.job_id for a in plan.actions if not isinstance(a, OnServer))
        known = self._mirror.records
        if not touched.keys() <= known.keys():
            raise StalePlan(f"plan {plan_id} touches jobs that have ended")
        claim(connection, plan_id, [known[job_id] for job_id in touched])
        if plan.actions:
            detail = {"actions": len(plan.actions)}
            planned = Event(
                t_s=snapshot.now, kind="planned", origin=SCHEDULER, plan_id=plan_id, detail=detail
            )
            append_events(connection, [planned])
        return _InFlight(plan_id, snapshot.now, tuple(touched))

    def _let_go_of_old_plans(self) -> None:
        held = [record for record in self._mirror.records.values() if record.plan_id is not None]
        if held:
            with self._writing() as connection:
                let_go(connection, (record.id for record in held))
            self._put(replace(record, plan_id=None) for record in held)

    def _put(self, records: Iterable[JobRecord]) -> None:
        for record in records:
            self._mirror.put(record)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A write that only the leader of the newest term may do."""
        with self._database.write() as connection:
            fence(connection, self.term)
            yield connection


def _change(outcome: Outcome, in_flight: _InFlight) -> Iterator[Change]:
    """What an action that is done did to a job, if it is about one."""
    action = outcome.action
    if isinstance(action, OnServer):
        return
    assert outcome.job is not None, "what is done to a job shows how it left it"
    yield Change(
        event=EVENT_OF[type(action)],
        job=outcome.job,
        at_s=in_flight.now,
        reason=action.reason,
        plan_id=in_flight.plan_id,
    )


def _is_of_interest(record: JobRecord) -> bool:
    """Whether a new leader must look at a job although no user has changed it."""
    return record.state is JobState.RUNNING or record.cancel_requested_s is not None
