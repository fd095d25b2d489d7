"""The canonical form: what is read, in which order, and with which defaults."""

from pathlib import Path

import pytest

from traces.table import TraceJob, job_specs, read_trace

HEADER = "job_id,submit_s,num_gpus,duration_s"
CANONICAL = Path(__file__).parents[3] / "traces" / "samples" / "canonical.csv"


def written(folder: Path, text: str, name: str = "jobs.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_is_read_as_it_stands(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, f"{HEADER}\na,1.5,8,60\n"))

    assert trace.jobs == (TraceJob(2, "a", 1.5, 8, 60.0),)
    assert trace.columns == frozenset()


def test_every_optional_column_is_read() -> None:
    trace = read_trace(CANONICAL)

    assert trace.jobs[0] == TraceJob(
        line=2,
        job_id="train-a",
        submit_s=0.0,
        num_gpus=8,
        duration_s=7200.0,
        gpus_per_worker=2,
        min_workers=2,
        max_workers=8,
        allowed_workers=(2, 4, 8),
        fungible=True,
        heterogeneous=False,
        checkpoint_s=1800.0,
        estimated_duration_s=6000.0,
        carry_in=True,
        priority=0,
        user="ada",
        queue="red",
        model="bert",
        status="Pass",
    )


def test_an_empty_cell_says_nothing() -> None:
    job = read_trace(CANONICAL).jobs[1]

    assert (job.min_workers, job.fungible, job.carry_in, job.model) == (None, None, None, None)


def test_unknown_columns_are_kept_apart() -> None:
    trace = read_trace(CANONICAL)

    assert trace.extra["note"][2] == "two servers, or one"


def test_a_column_without_any_value_is_not_carried(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, f"{HEADER},fungible,min_workers\na,0,1,5,,1\nb,0,1,5,,\n"))

    assert trace.columns == {"min_workers"}


def test_jobs_are_sorted_by_submission_then_by_place_in_the_file(tmp_path: Path) -> None:
    rows = "z,5,1,1,r2\ny,0,1,1,r3\nb,5,1,1,r4\na,5,1,1,r5\n"

    trace = read_trace(written(tmp_path, f"{HEADER},note\n{rows}"))

    assert [(job.job_id, job.line) for job in trace.jobs] == [
        ("y", 3),
        ("z", 2),
        ("b", 4),
        ("a", 5),
    ]
    assert trace.extra["note"] == ("r3", "r2", "r4", "r5")


@pytest.mark.parametrize("name", ["queue", "vc", "vc_or_queue"])
def test_the_queue_goes_by_several_names(tmp_path: Path, name: str) -> None:
    trace = read_trace(written(tmp_path, f"{HEADER},{name}\na,0,1,5,red\n"))

    assert trace.jobs[0].queue == "red"
    assert trace.columns == {"queue"}
    assert trace.extra == {}


def test_the_proper_name_of_the_queue_wins_over_its_aliases(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, f"vc,{HEADER},queue\nblue,a,0,1,5,red\n"))

    assert trace.jobs[0].queue == "red"
    assert trace.extra == {"vc": ("blue",)}


@pytest.mark.parametrize("text", ["8", "8.0", "8e0", " 8 "])
def test_a_whole_number_may_be_written_in_many_ways(tmp_path: Path, text: str) -> None:
    trace = read_trace(written(tmp_path, f"{HEADER}\na,0,{text},5\nb,0,1,5\n"))

    assert [job.num_gpus for job in trace.jobs] == [8, 1]


def test_columns_may_stand_in_any_order_behind_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_bytes("\ufeffduration_s, num_gpus ,job_id,submit_s\r\n5,2,a,1\r\n".encode())

    assert read_trace(path).jobs == (TraceJob(2, "a", 1.0, 2, 5.0),)


def test_blank_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, f"\n{HEADER}\n\na,0,1,5\n\n\nb,0,1,5\n\n"))

    assert [job.line for job in trace.jobs] == [4, 7]


@pytest.mark.parametrize(
    ("num_gpus", "gpus_per_server", "gpus_per_worker"),
    [(1, 8, 1), (8, 8, 8), (16, 8, 8), (12, 8, 4), (9, 8, 1), (8, 4, 4), (3, 4, 3)],
)
def test_workers_are_as_large_as_tile_whole_servers(
    tmp_path: Path, num_gpus: int, gpus_per_server: int, gpus_per_worker: int
) -> None:
    trace = read_trace(written(tmp_path, f"{HEADER}\na,0,{num_gpus},5\n"))

    (spec,) = job_specs(trace, gpus_per_server)

    assert spec.gpus_per_worker == gpus_per_worker
    assert spec.min_workers == spec.max_workers == num_gpus // gpus_per_worker


def test_a_job_has_the_defaults_of_the_format(tmp_path: Path) -> None:
    (spec,) = job_specs(read_trace(written(tmp_path, f"{HEADER}\na,0,1,5\n")), 8)

    assert spec.estimated_duration_s == spec.duration_s == 5.0
    assert (spec.checkpoint_s, spec.priority, spec.allowed_workers) == (0.0, 0, ())
    assert (spec.fungible, spec.heterogeneous, spec.carry_in) == (False, False, False)
    assert (spec.user, spec.queue, spec.model) == ("", "", "")


def test_a_given_minimum_leaves_the_maximum_at_the_requested_size() -> None:
    trace = read_trace(CANONICAL)

    specs = {spec.job_id: spec for spec in job_specs(trace, 8)}

    assert specs["train-a"].allowed_workers == (2, 4, 8)
    assert specs["train-a"].requested_workers == 4
    assert (specs["train-c"].min_workers, specs["train-c"].max_workers) == (1, 2)


def test_allowed_workers_outside_the_range_do_not_count(tmp_path: Path) -> None:
    columns = "gpus_per_worker,min_workers,max_workers,allowed_workers"
    text = f"{HEADER},{columns}\na,0,4,5,1,2,8,16|8|4|2|1\n"

    (spec,) = job_specs(read_trace(written(tmp_path, text)), 8)

    assert [workers for workers in range(20) if spec.allows(workers)] == [2, 4, 8]


def test_a_job_that_can_never_fit_is_not_bad_input(tmp_path: Path) -> None:
    trace = read_trace(
        written(tmp_path, f"{HEADER},gpus_per_worker\na,0,100000,5,1\nb,0,16,5,16\n")
    )

    assert [spec.gpus_per_worker for spec in job_specs(trace, 8)] == [1, 16]
