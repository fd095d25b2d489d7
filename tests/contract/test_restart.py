"""Whatever happens, a scheduler that starts anew knows what the last one knew."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.ports import Outcome, Status
from aryl.engine.records import JobRecord
from aryl.model.errors import Conflict, StalePlan
from aryl.model.job import Job
from aryl.model.plain import job_plain
from aryl.model.plan import Action, Plan, Waiting
from aryl.model.queue import JobQueue
from aryl.model.reason import ReasonCode, because
from aryl.policy.config import PolicyConfig
from aryl.policy.rules import rules_of
from aryl.store import Database
from simulator.store import MemoryStore
from tests.builders import base, flexible, make_spec
from tests.contract.worlds import Desk, effect, preempt, resize, start, submission, wish
from tests.databases import PostgresServer

FATES = st.sampled_from([Status.DONE, Status.DONE, Status.DONE, Status.REFUSED, Status.FAILED])
CONFIG = PolicyConfig()


def plain_queue(queue: JobQueue) -> dict[str, Any]:
    """A queue as plain values: jobs compare by identity."""
    groups = {
        shape: [(rank, job_plain(job)) for rank, job in zip(group.ranks, group.jobs, strict=True)]
        for shape, group in queue.groups.items()
    }
    return {"ranking": queue.ranking, "groups": groups, "jobs": sorted(queue.jobs)}


def plain_records(records: Mapping[str, JobRecord]) -> dict[str, Any]:
    """Records as plain values."""
    return {
        job_id: asdict(replace(record, job=Job(record.job.spec))) | {"job": job_plain(record.job)}
        for job_id, record in records.items()
    }


class Life(RuleBasedStateMachine):
    """Users, plans and restarts at random; a store in memory is the model of what waits."""

    open_database: Callable[[], Database]

    @initialize()
    def begin(self) -> None:
        self.database = type(self).open_database()
        self.desk = Desk(self.database, CONFIG)
        self.model = MemoryStore(rules_of(CONFIG))
        self.now = 0.0
        self.names = count()
        self.ended: set[str] = set()

    def _pick(self, data: st.DataObject, state: JobState) -> JobRecord | None:
        known = [it for it in self.desk.store.live().values() if it.state is state]
        return data.draw(st.sampled_from(known)) if known else None

    def _carry_out(self, status: Status, *actions: Action) -> None:
        jobs = {job_id: record.job for job_id, record in self.desk.store.live().items()}
        snapshot = self.desk.snapshot(self.now)
        self.desk.store.record(snapshot, Plan(snapshot.version, actions))
        outcomes = []
        for action in actions:
            assert not hasattr(action, "server_id")
            done = status is Status.DONE
            if done:
                jobs[action.job_id] = effect(jobs[action.job_id], action, self.now)
            outcomes.append(Outcome(action, status, jobs[action.job_id] if done else None))
        self.desk.store.settle(outcomes)
        self.model.settle(outcomes)

    @rule(workers=st.integers(1, 2), duration_s=st.integers(1, 5), checkpoint=st.booleans())
    def submit(self, workers: int, duration_s: int, checkpoint: bool) -> None:
        spec = make_spec(
            f"j{next(self.names)}",
            submit_s=self.now,
            workers=workers,
            max_workers=4,
            duration_s=float(duration_s),
            checkpoint_s=0.5 if checkpoint else 0.0,
        )
        self.desk.submit(spec)
        self.model.submit(Job(spec))

    @rule(seconds=st.sampled_from([0.25, 1.0, 7.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(data=st.data(), status=FATES)
    def start(self, data: st.DataObject, status: Status) -> None:
        record = self._pick(data, JobState.QUEUED)
        if record:
            placement = base(1, record.job.spec.min_workers)
            self._carry_out(status, start(record.id, placement))

    @rule(data=st.data(), status=FATES)
    def grow_and_shrink(self, data: st.DataObject, status: Status) -> None:
        record = self._pick(data, JobState.RUNNING)
        if record and not any(p.kind.value == "flexible" for p in record.job.placements):
            self._carry_out(status, resize(record.id, add=[flexible(2)]))
        elif record:
            self._carry_out(status, resize(record.id, remove=[flexible(2)]))

    @rule(data=st.data(), status=FATES)
    def preempt(self, data: st.DataObject, status: Status) -> None:
        record = self._pick(data, JobState.RUNNING)
        if record:
            self._carry_out(status, preempt(record.id))

    @rule(data=st.data(), event=st.sampled_from([JobEvent.FINISH, JobEvent.FAIL]))
    def end(self, data: st.DataObject, event: JobEvent) -> None:
        record = self._pick(data, JobState.RUNNING)
        if record:
            self.desk.end(record.id, event, self.now)
            self.model.finish(record.id)
            self.ended.add(record.id)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        record = self._pick(data, JobState.QUEUED)
        if record:
            self.desk.users.jobs.request_cancel(record.id, wish(self.now))
            snapshot = self.desk.snapshot(self.now)
            action = start(record.id, base(1))
            if self.desk.store.live()[record.id].cancel_requested_s is None:
                with pytest.raises(StalePlan):
                    self.desk.store.record(snapshot, Plan(snapshot.version, (action,)))
            self.desk.store.refresh()
            self.desk.end(record.id, JobEvent.CANCEL, self.now)
            self.model.settle([Outcome(action, Status.DONE, record.job)])
            self.model.finish(record.id)
            self.ended.add(record.id)

    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        record = self._pick(data, JobState.RUNNING)
        if record:
            self.desk.users.jobs.report_checkpoint(record.id, 0.25, wish(self.now))
            self.desk.store.refresh()

    @precondition(lambda self: self.ended)
    @rule()
    def touch_what_has_ended(self) -> None:
        with pytest.raises(Conflict):
            self.desk.users.jobs.request_cancel(min(self.ended), wish(self.now))

    @rule()
    def restart(self) -> None:
        self.desk = Desk(self.database, CONFIG)

    @invariant()
    def waits_what_the_model_says(self) -> None:
        if hasattr(self, "desk"):
            assert plain_queue(self.desk.store.queue()) == plain_queue(self.model.queue())

    @invariant()
    def users_see_what_the_scheduler_knows(self) -> None:
        if hasattr(self, "desk"):
            queued, running = self.desk.users.jobs.live()
            seen = {record.id: record for record in (*queued, *running)}
            assert plain_records(seen) == plain_records(self.desk.store.live())

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()


@contextmanager
def _databases(request: pytest.FixtureRequest, kind: str) -> Iterator[Callable[[], Database]]:
    if kind == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        yield lambda: Database(server.url_of(server.emptied()))
        return
    template: Path = request.getfixturevalue("sqlite_template")
    folder: Path = request.getfixturevalue("tmp_path")
    numbers = count()

    def fresh() -> Database:
        return Database(f"sqlite:///{copy(template, folder / f'{next(numbers)}.db')}")

    yield fresh


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_any_life_is_remembered(request: pytest.FixtureRequest, kind: str) -> None:
    with _databases(request, kind) as opener:
        machine = type("LifeThere", (Life,), {"open_database": staticmethod(opener)})
        few = settings(max_examples=settings().max_examples // 4, stateful_step_count=25)
        run_state_machine_as_test(machine, settings=few)


def test_a_first_look_shows_what_runs_and_what_was_cancelled(database: Database) -> None:
    desk = Desk(database)
    desk.submit(*(make_spec(f"j{n}") for n in range(4)))
    desk.carry_out(start("j0", base(1)), start("j1", base(2)), now=1.0)
    desk.end("j1", JobEvent.FINISH, 2.0)
    desk.users.jobs.request_cancel("j2", wish(3.0))
    later = Desk(database)

    fresh = type(later.store)(database, CONFIG, term=later.store.term)
    inbox = fresh.refresh()

    assert inbox.arrived == 0
    assert sorted(record.id for record in inbox.edited) == ["j0", "j2"]
    assert fresh.refresh().edited == ()


def test_a_job_that_ended_before_a_wish_was_seen_is_no_news(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("j"))
    desk.carry_out(start("j", base(1)), now=1.0)
    desk.users.jobs.request_cancel("j", wish(2.0))
    desk.end("j", JobEvent.FINISH, 2.0)

    inbox = desk.store.refresh()

    assert (inbox.arrived, inbox.edited) == (0, ())
    assert desk.store.live() == {}


def test_a_job_cancelled_as_soon_as_it_came_is_shown_as_both(database: Database) -> None:
    desk = Desk(database)
    desk.users.jobs.submit([submission(make_spec("a")), submission(make_spec("b"))])
    desk.users.jobs.request_cancel("b", wish(0.0))

    inbox = desk.store.refresh()

    assert (inbox.arrived, [record.id for record in inbox.edited]) == (2, ["b"])


def test_jobs_that_a_dead_scheduler_held_are_let_go(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("j", max_workers=3))
    desk.record(start("j", base(1)), now=1.0)
    assert desk.known("j").plan_id is not None

    later = Desk(database)

    assert desk.known("j").plan_id is None
    assert later.store.live()["j"].plan_id is None
    desk.users.jobs.change_bounds("j", wish(), max_workers=2)


def test_why_jobs_wait_and_since_when_survives_a_restart(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("a"))
    reason = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=0)
    desk.record(now=10.0, waiting=(Waiting(reason, ("a",)),))

    later = Desk(database)
    later.record(now=20.0, waiting=(Waiting(reason, ("a",)),))

    assert later.users.waits.of([later.known("a")]) == {"a": (reason, 10.0)}


def test_a_file_reopened_holds_everything(sqlite_url: str) -> None:
    with closing(Database(sqlite_url)) as database:
        desk = Desk(database)
        desk.submit(make_spec("a"), make_spec("b"))
        desk.carry_out(start("a", base(1)), now=1.0)
        before = plain_records(desk.store.live())

    with closing(Database(sqlite_url)) as database:
        assert plain_records(Desk(database).store.live()) == before
