"""What the store had missed of jobs, in series."""

import pytest

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import Correction
from aryl.engine.records import JobRecord
from aryl.model.reason import Reason, ReasonCode, because
from tests.builders import (
    base,
    make_cluster,
    make_job,
    make_running,
    make_spec,
)
from tests.unit.metrics.reading import Reading

# Corrections


def ended(event: JobEvent, *, submit_s: float = 100.0, at_s: float = 700.0) -> Correction:
    return Correction(make_job("a", submit_s=submit_s), event, at_s)


def test_a_job_that_finished_took_the_time_since_its_submission(reading: Reading) -> None:
    reading.metrics.corrected([ended(JobEvent.FINISH)], {})

    assert reading["job_completion_seconds_sum"] == 600.0
    assert reading.of("jobs_ended_total", {"state": "finished"}) == 1


@pytest.mark.parametrize(
    ("event", "state"), [(JobEvent.FAIL, "failed"), (JobEvent.CANCEL, "cancelled")]
)
def test_a_job_that_did_not_finish_counts_as_ended_and_has_no_completion_time(
    reading: Reading, event: JobEvent, state: str
) -> None:
    reading.metrics.corrected([ended(event)], {})

    assert reading.of("jobs_ended_total", {"state": state}) == 1
    assert reading["job_completion_seconds_count"] == 0


@pytest.mark.parametrize(
    ("reason", "label"), [(because(ReasonCode.LOST), "lost"), (None, "missed")]
)
def test_a_preemption_that_was_not_ours_counts_with_what_it_discarded(
    reading: Reading, reason: Reason | None, label: str
) -> None:
    job = make_running(make_cluster(), make_spec("a", workers=4), [base(1, 4)], started_s=0.0)
    known = {"a": JobRecord(job=job, name="a", state=JobState.RUNNING)}
    after = make_job(spec=job.spec, done=100.0, progress_s=50.0, preemptions=1)

    reading.metrics.corrected([Correction(after, JobEvent.PREEMPT, 50.0, reason)], known)

    assert reading.of("preemptions_total", {"reason": label}) == 1
    assert reading["lost_gpu_seconds_total"] == 50.0 * 4 - 100.0
