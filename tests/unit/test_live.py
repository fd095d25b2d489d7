"""What the store has to be told when the cluster has moved on: one row for each way to differ."""

from dataclasses import replace

import pytest

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import Correction, Ending, corrections
from aryl.engine.ports import Observation
from aryl.engine.records import JobRecord
from aryl.model.job import Job
from aryl.model.reason import ReasonCode
from tests.builders import base, flexible, make_cluster, make_job, make_running, make_snapshot

CLUSTER = make_cluster([8, 8])
WAITS = make_job("job", workers=2, max_workers=4, duration_s=1_000.0)
RUNS = make_running(CLUSTER, WAITS.spec, (base(1, 2),), started_s=40.0, progress_s=40.0)
GROWN = make_running(CLUSTER, WAITS.spec, (base(1, 2), flexible(2, 2)), started_s=40.0)
BACK = make_job("job", spec=WAITS.spec, preemptions=1)
QUEUED = JobRecord(job=WAITS, name="job")
RUNNING = JobRecord(job=RUNS, name="job", state=JobState.RUNNING)


def seen(*running: Job) -> Observation:
    shown = make_snapshot(CLUSTER, running=running)
    return Observation(
        version=1,
        cluster=CLUSTER,
        capacity=shown.capacity,
        holders=shown.holders,
        running=shown.running,
        elastic=shown.elastic,
        loans=shown.loans,
        demand=shown.demand,
    )


def told(
    record: JobRecord | None, observation: Observation, *endings: Ending
) -> list[tuple[JobEvent, float]]:
    return [(c.event, c.at_s) for c in found(record, observation, *endings)]


def found(record: JobRecord | None, observation: Observation, *endings: Ending) -> list[Correction]:
    known = {record.id: record} if record else {}
    ended = {ending.job.id: ending for ending in endings}
    return list(corrections(known, observation, ended, now=500.0))


@pytest.mark.parametrize("record", [None, RUNNING], ids=["a foreign job", "as the store knows it"])
def test_what_agrees_and_what_is_foreign_is_left_alone(record: JobRecord | None) -> None:
    assert told(record, seen(RUNS)) == []


def test_a_waiting_job_that_waits_is_left_alone() -> None:
    assert told(QUEUED, seen()) == []


def test_a_start_that_was_not_noted_is_noted_when_it_happened() -> None:
    assert told(QUEUED, seen(RUNS)) == [(JobEvent.START, 40.0)]


def test_a_resize_that_was_not_noted_is_noted() -> None:
    assert told(RUNNING, seen(GROWN)) == [(JobEvent.RESIZE, 500.0)]


@pytest.mark.parametrize("event", [JobEvent.FINISH, JobEvent.FAIL, JobEvent.CANCEL])
def test_an_end_is_noted_when_it_happened(event: JobEvent) -> None:
    assert told(RUNNING, seen(), Ending(RUNS, event, 90.0)) == [(event, 90.0)]


def test_a_job_that_started_and_ended_unnoticed_did_both() -> None:
    ending = Ending(RUNS, JobEvent.FINISH, 90.0)
    assert told(QUEUED, seen(), ending) == [(JobEvent.START, 40.0), (JobEvent.FINISH, 90.0)]


def test_a_preemption_that_was_not_noted_is_noted() -> None:
    assert told(RUNNING, seen(), Ending(BACK, JobEvent.PREEMPT, 90.0)) == [(JobEvent.PREEMPT, 90.0)]


def test_a_preemption_that_was_noted_is_not_noted_again() -> None:
    record = replace(QUEUED, job=BACK)
    assert told(record, seen(), Ending(BACK, JobEvent.PREEMPT, 90.0)) == []


def test_a_job_that_runs_again_after_it_ended_runs() -> None:
    record = replace(QUEUED, job=BACK)
    ending = Ending(BACK, JobEvent.PREEMPT, 30.0)
    assert told(record, seen(RUNS), ending) == [(JobEvent.START, 40.0)]


def test_a_job_that_the_cluster_has_lost_waits_again_with_what_it_saved() -> None:
    saved = replace(RUNNING, job=replace(RUNS, saved=120.0))
    (correction,) = found(saved, seen())
    assert (correction.event, correction.at_s) == (JobEvent.PREEMPT, 500.0)
    assert (correction.job.done, correction.job.preemptions) == (120.0, 1)
    assert correction.job.placements == ()
    assert correction.reason is not None
    assert correction.reason.code is ReasonCode.LOST
