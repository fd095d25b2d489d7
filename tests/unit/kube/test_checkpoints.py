"""What a user tells of a checkpoint is what a preempted job keeps."""

from dataclasses import replace

import pytest

from aryl.kube.checkpoints import Checkpoints
from aryl.kube.names import LAST_CHECKPOINT
from aryl.kube.statuses import moment
from tests.builders import make_job
from tests.unit.kube.workloads import make_view

# two workers' work a second since t = 1,000, when 500 worker-seconds were done
JOB = replace(make_job(workers=2, duration_s=10_000.0), done=500.0, progress_s=1_000.0, speed=2.0)


def saved(text: str, now: float = 2_000.0) -> float:
    view = make_view(annotations={LAST_CHECKPOINT: text})
    return Checkpoints().noted(JOB, view, now).saved


@pytest.mark.parametrize(
    ("text", "work"),
    [
        (moment(1_100.0), 700.0),
        ("1970-01-01T01:18:20+01:00", 700.0),
        (moment(1_000.0), 500.0),
        (moment(900.0), 0.0),  # before the job was changed last
        (moment(99_000.0), 2_500.0),  # clocks differ: no more than is done
        ("this morning", 0.0),
        ("", 0.0),
    ],
)
def test_a_checkpoint_holds_the_work_done_by_then(text: str, work: float) -> None:
    assert saved(text) == work


def test_a_job_without_news_is_the_same_job() -> None:
    checkpoints, view = Checkpoints(), make_view(annotations={LAST_CHECKPOINT: moment(1_100.0)})

    noted = checkpoints.noted(JOB, view, 2_000.0)

    assert checkpoints.noted(JOB, view, 3_000.0) is noted
    assert checkpoints.noted(noted, view, 3_000.0) is noted
    assert checkpoints.noted(JOB, make_view(), 2_000.0) is JOB
    checkpoints.forget({})
    assert checkpoints.noted(JOB, view, 2_000.0) is not noted


def test_a_preempted_job_keeps_what_it_told() -> None:
    view = make_view(annotations={LAST_CHECKPOINT: moment(1_100.0)})

    noted = Checkpoints().noted(JOB, view, 1_200.0)

    assert noted.kept_if_preempted(1_300.0) == 700.0
