"""What the soak calls stuck, and what it compares."""

from collections.abc import Iterable
from math import inf

import pytest

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.model.cluster import Loan
from aryl.model.demand import DemandHistory
from aryl.model.job import Job
from aryl.store.picture import Picture
from bench.support.books import fitting, overdue
from tests.builders import base, make_cluster, make_job, make_running, make_spec

CLUSTER = make_cluster((8, 8), (8,))


def picture(
    queued: Iterable[Job] = (), running: Iterable[Job] = (), loans: Iterable[Loan] = ()
) -> Picture:
    return Picture(
        queued={job.id: JobRecord(job=job, name=job.id) for job in queued},
        running={
            job.id: JobRecord(job=job, name=job.id, state=JobState.RUNNING) for job in running
        },
        loans={loan.server_id: loan for loan in loans},
        demand=DemandHistory(()),
    )


@pytest.mark.parametrize(("now_s", "late"), [(100.0, []), (110.0, []), (110.1, ["a"])])
def test_a_job_is_overdue_once_it_should_have_finished_more_than_a_cycle_ago(
    now_s: float, late: list[str]
) -> None:
    job = make_running(CLUSTER, make_spec("a", workers=2, duration_s=100.0), [base(1, 2)])

    assert list(overdue(picture(running=[job]), now_s)) == late


def test_a_job_that_stands_still_is_not_overdue() -> None:
    job = make_running(CLUSTER, make_spec("a"), [base(1)], speed=0.0)

    assert list(overdue(picture(running=[job]), inf)) == []


def test_only_waiting_jobs_whose_base_workers_fit_on_training_servers_are_told() -> None:
    runs = make_running(CLUSTER, make_spec("runs", workers=5), [base(1, 5)])
    queued = [
        make_job("fits", workers=1, gpus_per_worker=8),
        make_job(
            "elastic", workers=3, num_gpus=32, gpus_per_worker=4, min_workers=2, max_workers=9
        ),
        make_job("too-wide", workers=2, gpus_per_worker=8),
    ]

    found = fitting(picture(queued, [runs], [Loan("infer-0001", 0.0)]), CLUSTER)

    assert list(found) == ["fits", "elastic"]
