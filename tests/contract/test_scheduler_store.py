"""What the scheduler's store does that only a database shows."""

from aryl.engine.lifecycle import JobState
from aryl.engine.ports import Outcome, Status
from aryl.model.plan import Plan, StartJob
from aryl.model.reason import ReasonCode, because
from aryl.store.database import Database
from tests.builders import base, make_job, make_snapshot, make_spec
from tests.contract.worlds import leader, service, submission


def test_a_submitted_job_is_started_and_both_sides_agree(database: Database) -> None:
    users, store = service(database), leader(database)
    users.jobs.submit([submission(make_spec("j1", submit_s=3.0))])

    assert store.refresh().arrived == 1
    queued = store.live()["j1"].job
    reason = because(ReasonCode.FITS, gpus=1, place=1)
    start = StartJob("j1", (base(1),), reason)
    snapshot = make_snapshot(queued=[queued], now=10.0)
    store.record(snapshot, Plan(7, (start,)))
    running = make_job(spec=queued.spec, placements=(base(1),), started_s=10.0, speed=1.0)
    store.settle([Outcome(start, Status.DONE, running)])

    record = users.jobs.get("j1")
    assert record is not None
    assert (record.state, record.queuing_s) == (JobState.RUNNING, 7.0)
    assert [e.event.kind for e in users.events.of_job("j1")] == ["submitted", "started"]
    assert users.plans.actions_of(1)[0].status is Status.DONE
    assert users.plans.snapshot(1) is not None
