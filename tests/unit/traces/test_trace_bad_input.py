"""Every kind of bad input is refused with file, row, column, value and what was expected."""

import gzip
from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from traces.table import TraceJob, job_specs, read_trace, trace_of
from traces.writing import write_trace

HEADER = "job_id,submit_s,num_gpus,duration_s"


def refusal_of(path: Path, gpus_per_server: int = 8) -> BadInput:
    with pytest.raises(BadInput) as caught:
        job_specs(read_trace(path), gpus_per_server)
    return caught.value


def written(folder: Path, text: str, name: str = "jobs.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


BAD_CELLS = {
    "negative submission": ("b,-1,1,5", "submit_s", "-1", "is negative"),
    "NaN duration": ("b,1,1,nan", "duration_s", "nan", "is not a finite number"),
    "infinite duration": ("b,1,1,inf", "duration_s", "inf", "is not a finite number"),
    "negative duration": ("b,1,1,-0.5", "duration_s", "-0.5", "is negative"),
    "text for a number": ("b,soon,1,5", "submit_s", "soon", "is not a number"),
    "digits with underscores": ("b,1_000,1,5", "submit_s", "1_000", "is not a number"),
    "digits of another script": ("b,1,٤,5", "num_gpus", "٤", "is not a number"),
    "no submission": ("b,,1,5", "submit_s", "", "is empty"),
    "blank job id": (" ,1,1,5", "job_id", " ", "is empty"),
    "fractional size": ("b,1,2.5,5", "num_gpus", "2.5", "is not a whole number"),
    "no GPU": ("b,1,0,5", "num_gpus", "0", "is not positive"),
    "negative size": ("b,1,-8,5", "num_gpus", "-8", "is negative"),
    "duplicate id": ("a,1,1,5", "job_id", "a", "is already the id of row 2"),
}


@pytest.mark.parametrize(
    ("row", "column", "value", "problem"), BAD_CELLS.values(), ids=BAD_CELLS.keys()
)
def test_a_bad_cell_is_named(
    tmp_path: Path, row: str, column: str, value: str, problem: str
) -> None:
    path = written(tmp_path, f"{HEADER}\na,0,1,5\n{row}\nc,3,1,5\n")

    error = refusal_of(path)

    assert (error.file, error.row, error.column, error.value) == (str(path), 3, column, value)
    assert error.problem == problem
    assert error.expected


BAD_OPTIONAL_CELLS = {
    "gpus_per_worker": ("1.5", "is not a whole number"),
    "min_workers": ("0", "is not positive"),
    "max_workers": ("many", "is not a number"),
    "allowed_workers": ("1|2;4", "is not a number"),
    "fungible": ("2", "is not a flag"),
    "heterogeneous": ("-1", "is not a flag"),
    "checkpoint_s": ("-60", "is negative"),
    "estimated_duration_s": ("nan", "is not a finite number"),
    "carry_in": ("yes", "is not a flag"),
    "priority": ("1.5", "is not a whole number"),
}


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [(column, *rest) for column, rest in BAD_OPTIONAL_CELLS.items()],
    ids=BAD_OPTIONAL_CELLS.keys(),
)
def test_a_bad_cell_of_an_optional_column_is_named(
    tmp_path: Path, column: str, value: str, problem: str
) -> None:
    path = written(tmp_path, f"{HEADER},{column}\na,0,1,5,\nb,0,1,5,{value}\n")

    error = refusal_of(path)

    assert (error.row, error.column, error.value) == (3, column, value)
    assert error.problem == problem


BAD_SHAPES = {
    "min above max": (
        "gpus_per_worker,min_workers,max_workers",
        "1,4,2",
        ("min_workers", 4, "is more than max_workers"),
    ),
    "requested below min": ("min_workers", "2", ("num_gpus", 2, "asks for 1 workers")),
    "requested above max": (
        "gpus_per_worker,max_workers",
        "1,1",
        ("num_gpus", 2, "asks for 2 workers"),
    ),
    "part of a worker": (
        "gpus_per_worker",
        "4",
        ("num_gpus", 2, "is not a whole number of workers"),
    ),
    "requested not allowed": (
        "gpus_per_worker,min_workers,max_workers,allowed_workers",
        "1,1,4,1|4",
        ("allowed_workers", "1|4", "leaves out the least (1) or the requested (2) workers"),
    ),
    "least not allowed": (
        "gpus_per_worker,min_workers,max_workers,allowed_workers",
        "1,1,4,2|4",
        ("allowed_workers", "2|4", "leaves out the least (1) or the requested (2) workers"),
    ),
}


@pytest.mark.parametrize(
    ("columns", "cells", "expected"), BAD_SHAPES.values(), ids=BAD_SHAPES.keys()
)
def test_workers_that_contradict_each_other_are_named(
    tmp_path: Path, columns: str, cells: str, expected: tuple[str, object, str]
) -> None:
    empty = "," * columns.count(",")
    path = written(tmp_path, f"{HEADER},{columns}\na,0,1,5,{empty}\nb,0,2,5,{cells}\n")

    error = refusal_of(path)

    assert (error.column, error.value, error.problem) == expected
    assert error.row == 3


BAD_FILES = {
    "nothing at all": (b"", None, "is empty"),
    "header only": (b"job_id,submit_s,num_gpus,duration_s\n", None, "has a header but no jobs"),
    "blank lines only": (b"\n\n\n", None, "is empty"),
    "a column is missing": (b"job_id,submit_s,duration_s\na,0,1\n", 1, "is missing"),
    "a column twice": (
        b"job_id,submit_s,num_gpus,num_gpus,duration_s\na,0,1,1,1\n",
        1,
        "appears more than once",
    ),
    "a cell too few": (b"job_id,submit_s,num_gpus,duration_s\na,0,1,1\nb,0,1\n", 3, "has 3 cells"),
    "a cell too many": (
        b"job_id,submit_s,num_gpus,duration_s\na,0,1,1\n\nb,0,1,1,1\n",
        4,
        "has 5 cells",
    ),
    "not UTF-8": (
        b"job_id,submit_s,num_gpus,duration_s\na,0,1,1\n\xff\xfe,0,1,1\n",
        3,
        "is not UTF-8 text",
    ),
    "an open quote": (
        b'job_id,submit_s,num_gpus,duration_s\n"a,0,1,1\n',
        2,
        "is not CSV (unexpected end of data)",
    ),
}


@pytest.mark.parametrize(("content", "row", "problem"), BAD_FILES.values(), ids=BAD_FILES.keys())
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_bad_file_is_named(
    tmp_path: Path, content: bytes, row: int | None, problem: str, suffix: str
) -> None:
    path = tmp_path / f"jobs{suffix}"
    path.write_bytes(gzip.compress(content) if suffix == ".csv.gz" else content)

    error = refusal_of(path)

    assert (error.file, error.row, error.problem) == (str(path), row, problem)


def test_a_missing_column_is_named_with_those_that_a_trace_needs(tmp_path: Path) -> None:
    path = written(tmp_path, "job_id,submit_s,duration_s\na,0,1\n")

    assert str(refusal_of(path)) == (
        f"{path}, row 1, column num_gpus: is missing; "
        "expected a header with job_id, submit_s, num_gpus, duration_s"
    )


@pytest.mark.parametrize("name", ["gone.csv", "gone.csv.gz", "gone.parquet"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    error = refusal_of(tmp_path / name)

    assert str(error).startswith(f"{tmp_path / name}: no such file")


def test_a_folder_is_no_trace(tmp_path: Path) -> None:
    assert "can't be read" in refusal_of(tmp_path).problem


@pytest.mark.parametrize("kept", [0.3, 0.9], ids=["early", "in the checksum"])
def test_a_truncated_gzip_is_refused(tmp_path: Path, kept: float) -> None:
    rows = "".join(f"job-{number},{number},1,5\n" for number in range(20_000))
    whole = gzip.compress(f"{HEADER}\n{rows}".encode())
    path = tmp_path / "jobs.csv.gz"
    path.write_bytes(whole[: int(kept * len(whole))] if kept < 0.5 else whole[:-4])

    assert "is damaged or cut short" in refusal_of(path).problem


def test_plain_text_with_a_gzip_name_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER}\na,0,1,5\n", "jobs.csv.gz")

    assert "is damaged or cut short" in refusal_of(path).problem


def test_text_with_a_parquet_name_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER}\na,0,1,5\n", "jobs.parquet")

    assert "is damaged or not Parquet" in refusal_of(path).problem


def test_the_row_is_found_far_into_a_large_file(tmp_path: Path) -> None:
    rows = [f"job-{number},{number},1,5" for number in range(20_000)]
    rows[17_001] = "job-17001,17001,1,late"
    path = written(tmp_path, "\n".join([HEADER, *rows]))

    error = refusal_of(path)

    assert (error.row, error.value) == (17_003, "late")


def test_a_bad_cell_of_a_parquet_file_is_named_by_its_row(tmp_path: Path) -> None:
    trace = trace_of("made-up", [TraceJob(2, "a", 0.0, 1, 5.0), TraceJob(3, "b", 1.0, 1, -5.0)])
    write_trace(tmp_path / "jobs.parquet", trace)

    error = refusal_of(tmp_path / "jobs.parquet")

    assert (error.row, error.column, error.value) == (2, "duration_s", "-5.0")
