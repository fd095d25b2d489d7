"""Plans are durable before they act, and what became of them is noted once."""

import json

import pytest

from aryl.engine.capture import captured
from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import Correction
from aryl.engine.ports import Outcome, Status
from aryl.model.errors import InvalidTransition, StalePlan
from aryl.model.plan import Action, Outlook, Plan, Solve, Waiting
from aryl.model.reason import ReasonCode, because
from aryl.policy.config import PolicyConfig
from aryl.store import Database
from aryl.store.captures import SNAPSHOT_JOBS_MAX
from tests.builders import base, flexible, make_job, make_snapshot, make_spec
from tests.contract.worlds import (
    Desk,
    effect,
    lend,
    preempt,
    reclaim,
    resize,
    start,
    wish,
)


@pytest.fixture
def desk(database: Database) -> Desk:
    """Users and a leader."""
    return Desk(database)


def test_a_plan_is_readable_before_its_fate_is_known(desk: Desk) -> None:
    desk.submit(make_spec("a"), make_spec("b"))
    note = because(ReasonCode.SOLVER_LIMIT, nodes=5)
    snapshot = desk.snapshot(10.0)
    actions = (start("a", base(1)), lend("infer-0001"))
    outlook = Outlook(2.5, 3)
    plan = Plan(snapshot.version, actions, (), (note,), outlook, (Solve("mckp", 4, 0.25),))

    desk.store.record(snapshot, plan)

    (found,) = desk.users.plans.page()
    assert (found.t_s, found.due, found.version) == (10.0, snapshot.due, snapshot.version)
    assert (found.term, found.mode, found.scheme) == (desk.store.term, "live", "aryl")
    assert (found.outlook, found.notes, found.solves) == (outlook, (note,), plan.solves)
    assert found.solves[0].seconds == 0.25
    assert (found.queued_jobs, found.running_jobs, found.settled_s) == (2, 0, None)
    listed = desk.users.plans.actions_of(found.id)
    assert [(it.action, it.status, it.t_s) for it in listed] == [(a, None, 10.0) for a in actions]
    assert desk.known("a").plan_id == found.id
    assert desk.known("b").plan_id is None


def test_each_action_gets_its_fate(desk: Desk) -> None:
    desk.submit(make_spec("a"), make_spec("b"))
    actions = (start("a", base(1)), start("b", base(1)), lend("infer-0001"))
    desk.record(*actions, now=10.0)

    job = effect(desk.store.live()["a"].job, actions[0], 10.0)
    desk.store.settle(
        [
            Outcome(actions[0], Status.DONE, job),
            Outcome(actions[1], Status.REFUSED, detail="the workers do not fit"),
            Outcome(actions[2], Status.FAILED, detail="no answer"),
        ]
    )

    (plan,) = desk.users.plans.page()
    fates = [(it.status, it.detail) for it in desk.users.plans.actions_of(plan.id)]
    assert fates == [
        (Status.DONE, ""),
        (Status.REFUSED, "the workers do not fit"),
        (Status.FAILED, "no answer"),
    ]
    assert plan.settled_s == 10.0
    assert (desk.known("a").state, desk.known("b").state) == (JobState.RUNNING, JobState.QUEUED)
    assert (desk.known("a").version, desk.known("b").version) == (2, 1)
    assert desk.known("a").plan_id is desk.known("b").plan_id is None


def test_the_newest_actions_on_a_job_come_first(desk: Desk) -> None:
    desk.submit(make_spec("j", max_workers=2))
    done: list[Action] = [start("j", base(1)), resize("j", add=[flexible(2)]), preempt("j")]
    for number, action in enumerate(done):
        desk.carry_out(action, now=float(number))

    assert [it.action for it in desk.users.plans.acting_on("j")] == done[::-1]
    assert [it.action for it in desk.users.plans.acting_on("j", limit=1)] == done[2:]
    assert desk.users.plans.acting_on("i") == []
    newest, older, oldest = desk.users.plans.page()
    assert newest.id > older.id > oldest.id
    assert desk.users.plans.page(before=older.id, limit=5) == [oldest]
    assert desk.users.plans.get(older.id) == older
    assert desk.users.plans.get(10**9) is None


def test_a_plan_that_does_and_foresees_nothing_is_not_kept(desk: Desk) -> None:
    desk.record(now=1.0)
    desk.settle(now=1.0)
    assert desk.users.plans.page() == []

    desk.record(now=2.0, outlook=Outlook(1.0, 0))
    desk.settle(now=2.0)
    (plan,) = desk.users.plans.page()
    assert (plan.outlook, plan.settled_s) == (Outlook(1.0, 0), 2.0)
    assert desk.users.events.last_id() == 0  # nothing happened


def test_a_plan_about_a_job_that_its_user_changed_is_stale(desk: Desk) -> None:
    desk.submit(make_spec("a"), make_spec("b"))
    snapshot = desk.snapshot(1.0)
    waiting = (Waiting(because(ReasonCode.GROWS, workers=1, saved_s=1), ("b",)),)
    plan = Plan(snapshot.version, (start("a", base(1)), start("b", base(2))), waiting)
    desk.users.jobs.request_cancel("b", wish(0.5))

    with pytest.raises(StalePlan, match="1 of 2 jobs have changed"):
        desk.store.record(snapshot, plan)

    assert desk.users.plans.page() == []
    assert desk.known("a").plan_id is desk.known("b").plan_id is None
    assert desk.users.waits.of([desk.known("b")]) == {}
    desk.store.refresh()
    desk.carry_out(start("a", base(1)), now=2.0)
    assert desk.known("a").state is JobState.RUNNING


def test_a_plan_about_a_job_that_has_ended_is_stale(desk: Desk) -> None:
    desk.submit(make_spec("j"))
    snapshot = desk.snapshot(1.0)
    desk.end("j", JobEvent.CANCEL, 1.0)

    with pytest.raises(StalePlan, match="have ended"):
        desk.store.record(snapshot, Plan(snapshot.version, (start("j", base(1)),)))

    assert desk.users.plans.page() == []


def test_events_tell_what_happened_to_a_job_and_why(desk: Desk) -> None:
    desk.submit(make_spec("j", submit_s=1.0, max_workers=2))
    desk.carry_out(start("j", base(1)), now=5.0)
    desk.carry_out(resize("j", add=[flexible(2)]), now=6.0)
    lost = because(ReasonCode.LOST)
    job = effect(desk.store.live()["j"].job, preempt("j"), 8.0)
    desk.store.correct([Correction(job, JobEvent.PREEMPT, 8.0, lost)])
    desk.end("j", JobEvent.CANCEL, 9.0)

    events = [it.event for it in desk.users.events.of_job("j")]

    assert [(it.kind, it.t_s, it.origin) for it in events] == [
        ("submitted", 1.0, "api"),
        ("started", 5.0, "scheduler"),
        ("resized", 6.0, "scheduler"),
        ("preempted", 8.0, "scheduler"),
        ("cancelled", 9.0, "scheduler"),
    ]
    assert [it.detail.get("reason", {}).get("code") for it in events] == [
        None,
        "FITS",
        "GROWS",
        "LOST",
        None,
    ]
    assert [len(it.detail.get("placements", ())) for it in events] == [0, 1, 2, 0, 0]
    assert [it.plan_id is not None for it in events] == [False, True, True, False, False]


def test_several_corrections_of_one_job_are_noted_in_their_order(desk: Desk) -> None:
    desk.submit(make_spec("j", submit_s=1.0))
    job = effect(desk.store.live()["j"].job, start("j", base(1)), 3.0)

    desk.store.correct([Correction(job, JobEvent.START, 3.0), Correction(job, JobEvent.FAIL, 4.0)])

    record = desk.known("j")
    assert (record.state, record.first_start_s, record.finish_s) == (JobState.FAILED, 3.0, 4.0)
    assert (record.queuing_s, record.version) == (2.0, 2)
    assert "j" not in desk.store.live()


def test_what_can_not_happen_is_refused_whole(desk: Desk) -> None:
    desk.submit(make_spec("j"))
    job = desk.store.live()["j"].job

    with pytest.raises(InvalidTransition, match="j is queued: it can't finish"):
        desk.store.correct([Correction(job, JobEvent.FINISH, 1.0)])

    assert desk.known("j").state is JobState.QUEUED
    assert len(desk.store.queue()) == 1


def test_several_resizes_at_one_instant_count_once(desk: Desk) -> None:
    desk.submit(make_spec("j", max_workers=4))
    desk.carry_out(start("j", base(1)), now=0.0)

    desk.carry_out(resize("j", add=[flexible(2)]), resize("j", add=[flexible(3)]), now=1.0)
    desk.carry_out(resize("j", remove=[flexible(2)]), now=1.0)
    assert desk.known("j").resizes == 1

    desk.carry_out(resize("j", remove=[flexible(3)]), now=2.0)
    assert desk.known("j").resizes == 2


def test_a_preemption_is_charged_for_what_it_discards(desk: Desk) -> None:
    spec = make_spec("j", workers=2, gpus_per_worker=4, checkpoint_s=10.0, duration_s=1_000.0)
    desk.submit(spec)
    desk.carry_out(start("j", base(1, 2)), now=5.0)

    desk.carry_out(preempt("j"), now=20.0)

    record = desk.known("j")
    assert (record.job.done, record.job.preemptions) == (20.0, 1)
    assert record.lost_gpu_s == (30.0 - 20.0) * 4
    assert (record.queuing_s, record.queued_since_s) == (5.0, 20.0)
    assert record.waited_by(22.0) == 7.0
    desk.carry_out(start("j", base(1, 2)), now=30.0)
    assert (desk.known("j").queuing_s, desk.known("j").first_start_s) == (15.0, 5.0)


def test_what_users_wish_survives_what_the_cluster_says(desk: Desk) -> None:
    desk.submit(make_spec("j", max_workers=4))
    desk.carry_out(start("j", base(1)), now=1.0)
    before = desk.store.live()["j"].job
    desk.users.jobs.change_bounds("j", wish(2.0), max_workers=2)
    desk.users.jobs.report_checkpoint("j", 1.0, wish(2.0))
    desk.store.refresh()

    grown = effect(before, resize("j", add=[flexible(2)]), 3.0)  # the cluster has not heard of it
    desk.store.correct([Correction(grown, JobEvent.RESIZE, 3.0)])

    for job in (desk.store.live()["j"].job, desk.known("j").job):
        assert (job.spec.max_workers, job.saved, len(job.placements)) == (2, 1.0, 2)


def test_a_wait_that_ends_by_cancelling_counts(desk: Desk) -> None:
    desk.submit(make_spec("j", submit_s=2.0))

    desk.end("j", JobEvent.CANCEL, 12.0)

    record = desk.known("j")
    assert (record.queuing_s, record.waited_by(100.0), record.finish_s) == (10.0, 10.0, 12.0)


def test_snapshots_are_stored_from_time_to_time_and_read_back(database: Database) -> None:
    desk = Desk(database, snapshot_every_s=60.0)
    desk.submit(*(make_spec(f"j{n}") for n in range(4)))
    first = desk.snapshot(0.0)
    expected = captured(first, PolicyConfig())

    desk.carry_out(start("j0", base(1)), now=0.0)
    desk.carry_out(start("j1", base(2)), now=59.0)
    desk.carry_out(start("j2", base(3)), now=60.0)
    desk.carry_out(preempt("j0"), now=61.0)
    desk.carry_out(reclaim("infer-0001"), now=62.0)
    desk.record(now=200.0, outlook=Outlook(1.0, 1))

    plans = desk.users.plans.page()[::-1]
    bodies = [desk.users.plans.snapshot(plan.id) for plan in plans]
    assert [body is not None for body in bodies] == [True, False, True, True, True, False]
    assert bodies[0] is not None
    assert json.loads(bodies[0]) == json.loads(json.dumps(expected))


def test_a_snapshot_of_very_many_jobs_is_not_stored(desk: Desk) -> None:
    desk.submit(make_spec("j"))
    many = [make_job(f"q{n}") for n in range(SNAPSHOT_JOBS_MAX)]
    snapshot = make_snapshot(queued=[desk.store.live()["j"].job, *many], now=1.0)

    desk.store.record(snapshot, Plan(snapshot.version, (start("j", base(1)),)))

    (plan,) = desk.users.plans.page()
    assert plan.queued_jobs == SNAPSHOT_JOBS_MAX + 1
    assert desk.users.plans.snapshot(plan.id) is None
