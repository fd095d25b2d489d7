"""Writing: what was written is read back, and the same jobs give the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from traces.job import TraceJob, trace_of
from traces.table import read_trace
from traces.writing import csv_bytes, write_trace

CANONICAL = Path(__file__).parents[3] / "traces" / "samples" / "canonical.csv"
SUFFIXES = [".csv", ".csv.gz", ".parquet"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_trace_survives_writing_and_reading(tmp_path: Path, suffix: str) -> None:
    trace = read_trace(CANONICAL)

    write_trace(tmp_path / f"copy{suffix}", trace)
    copy = read_trace(tmp_path / f"copy{suffix}")

    assert [replace(job, line=0) for job in copy.jobs] == [
        replace(job, line=0) for job in trace.jobs
    ]
    assert (copy.columns, copy.extra) == (trace.columns, trace.extra)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_trace_gives_the_same_bytes_under_any_name(tmp_path: Path, suffix: str) -> None:
    trace = read_trace(CANONICAL)

    for name in ("one", "other"):
        write_trace(tmp_path / f"{name}{suffix}", trace)

    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()


def test_columns_that_no_job_fills_are_left_out() -> None:
    trace = trace_of("made-up", [TraceJob(2, "a", 0.25, 1, 60.0, fungible=True)])

    assert csv_bytes(trace) == b"job_id,submit_s,num_gpus,duration_s,fungible\na,0.25,1,60,1\n"


def test_numbers_keep_every_digit() -> None:
    trace = trace_of("made-up", [TraceJob(2, "a", 0.1 + 0.2, 1, 1e-9)])

    assert csv_bytes(trace).splitlines()[1] == b"a,0.30000000000000004,1,1e-09"


def test_an_unknown_suffix_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="suffix that we don't write"):
        write_trace(tmp_path / "copy.xlsx", read_trace(CANONICAL))

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")

    with pytest.raises(BadInput, match="can't be written"):
        write_trace(tmp_path / "taken" / "copy.csv", read_trace(CANONICAL))
