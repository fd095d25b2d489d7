"""Real traces, where they are to be had: all are valid."""

import os
from functools import cache
from pathlib import Path

import pytest

from traces.job import Trace
from traces.statistics import describe
from traces.table import job_specs, read_trace

FOLDER = Path(os.environ.get("ARYL_TRACES", Path(__file__).parents[3] / ".." / "shared" / "traces"))

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"left out: real traces, as ARYL_TRACES ({FOLDER}) is no folder"
)

# jobs and those carried in, as the folder's SOURCES.md has them
JOBS = {
    "window15d_philly.csv.gz": (35_594, 669),
    "train_philly_2017.csv.gz": (111_549, 0),
    "train_alibaba_lingjun_2023.csv.gz": (2_498, 0),
    "pods_alibaba_openb_2023.csv.gz": (7_064, 0),
}


@cache
def trace_in(name: str) -> Trace:
    return read_trace(FOLDER / name)


@pytest.mark.parametrize(("name", "jobs"), JOBS.items(), ids=JOBS.keys())
def test_a_real_trace_is_valid(name: str, jobs: tuple[int, int]) -> None:
    trace = trace_in(name)

    assert len(job_specs(trace, 8)) == sum(jobs)
    assert sum(bool(job.carry_in) for job in trace.jobs) == jobs[1]


def test_the_size_shares_of_philly_are_those_published() -> None:
    sizes = {s.name: s for s in describe(trace_in("train_philly_2017.csv.gz")).sizes}

    jobs = [sizes[name].jobs for name in ("1", "2", "3-4", "5-8", "9-16")]
    gpu_hours = [sizes[name].gpu_hours for name in ("1", "2", "3-4", "5-8", "9-16")]
    assert jobs == pytest.approx([0.867, 0.023, 0.049, 0.051, 0.008], abs=5e-4)
    assert gpu_hours == pytest.approx([0.178, 0.026, 0.173, 0.488, 0.103], abs=5e-4)
