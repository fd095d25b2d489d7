"""The readers of public formats, on made-up rows."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from traces.formats import FORMATS, detect_format
from traces.job import TraceJob
from traces.public import Converted

SAMPLES = Path(__file__).parents[3] / "traces" / "samples"
FILES = {
    "philly": SAMPLES / "cluster_job_log",
    "helios": SAMPLES / "cluster_log.csv",
    "pai": SAMPLES / "pai_task_table.csv",
    "openb": SAMPLES / "openb_pod_list.csv",
    "lingjun": SAMPLES / "lingjun",
}


def converted(name: str) -> Converted:
    return FORMATS[name](FILES[name])


def philly_file(folder: Path, **changes: object) -> Path:
    attempt = {
        "start_time": "2030-01-01 00:00:10",
        "end_time": "2030-01-01 00:01:10",
        "detail": [{"ip": "m1", "gpus": ["gpu0"]}],
    }
    entry = {"jobid": "a", "submitted_time": "2030-01-01 00:00:00", "attempts": [attempt]}
    path = folder / "cluster_job_log"
    path.write_text(json.dumps([entry | changes]))
    return path


JOBS = {
    "philly": (
        TraceJob(2, "application_1", 0.0, 1, 60.0, user="bob", queue="vc-blue", status="Failed"),
        TraceJob(1, "application_2", 3600.0, 8, 4200.0, user="ada", queue="vc-red", status="Pass"),
    ),
    "helios": (
        TraceJob(2, "501", 0.0, 16, 7200.0, 8, user="ada", queue="vcred", status="COMPLETED"),
        TraceJob(3, "502", 10.0, 1, 60.0, 1, user="bob", queue="vcblue", status="FAILED"),
        TraceJob(6, "505", 3600.0, 3, 1800.0, user="ada", queue="vcred", status="TIMEOUT"),
    ),
    "pai": (
        TraceJob(3, "job-b", 0.0, 2, 600.0, status="Terminated"),
        TraceJob(2, "job-a", 610.0, 8, 3600.0, 2, status="Terminated"),
        TraceJob(4, "job-c", 1600.0, 1, 60.0, 1, status="Failed"),
    ),
    "openb": (
        TraceJob(3, "pod-2", 0.0, 8, 1800.0, queue="Burstable", status="Succeeded"),
        TraceJob(2, "pod-1", 1000.0, 1, 3990.0, queue="LS", status="Running"),
    ),
    "lingjun": (
        TraceJob(3, "dlc-two", 0.0, 3, 1800.0, queue="team-b", model="resnet", status="Stopped"),
        TraceJob(
            2, "dlc-one", 1800.0, 16, 3600.0, 8, queue="team-a", model="gpt", status="Succeeded"
        ),
    ),
}


@pytest.mark.parametrize(("name", "jobs"), JOBS.items(), ids=JOBS.keys())
def test_a_reader_turns_its_format_into_jobs(name: str, jobs: tuple[TraceJob, ...]) -> None:
    assert converted(name).jobs == jobs


DROPPED = {
    "philly": {
        "ends before it starts": 1,
        "never started": 1,
        "no GPU": 1,
        "no end time": 1,
        "no submission time": 1,
    },
    "helios": {"never started": 1, "no GPU": 1},
    "pai": {"never started": 1, "no GPU": 1, "no end time": 1},
    "openb": {"never started": 1, "no GPU": 1},
    "lingjun": {
        "never started": 1,
        "no GPU": 1,
        "no end time": 1,
        "starts before it was submitted": 1,
    },
}


@pytest.mark.parametrize(("name", "causes"), DROPPED.items(), ids=DROPPED.keys())
def test_a_reader_counts_what_it_drops_by_cause(name: str, causes: Mapping[str, int]) -> None:
    assert converted(name).dropped == causes


@pytest.mark.parametrize(
    ("name", "start"),
    [("philly", "2030-03-04 09:00:00"), ("helios", "2030-03-04 10:00:00"), ("pai", "400 s")],
)
def test_time_counts_from_the_first_submission_which_is_told(name: str, start: str) -> None:
    assert converted(name).start == start


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_told_by_its_look(name: str) -> None:
    assert detect_format(FILES[name]) == name


def test_the_job_table_of_lingjun_finds_its_workers(tmp_path: Path) -> None:
    for file in FILES["lingjun"].iterdir():
        shutil.copy(file, tmp_path)

    assert detect_format(tmp_path / "job.csv") == "lingjun"
    assert FORMATS["lingjun"](tmp_path / "job.csv").jobs == JOBS["lingjun"]


def test_a_lingjun_folder_without_workers_is_refused(tmp_path: Path) -> None:
    shutil.copy(FILES["lingjun"] / "job.csv", tmp_path)

    with pytest.raises(BadInput, match=r"worker\.csv: no such file"):
        FORMATS["lingjun"](tmp_path)


@pytest.mark.parametrize(
    ("resources", "problem"),
    [
        ("8 GPUs", "is not a JSON object"),
        ("[8]", "is not a JSON object"),
        ('"{""nvidia.com/gpu"": ""half""}"', "is not a number"),
    ],
    ids=["no JSON", "a list", "no number"],
)
def test_resources_of_a_worker_that_make_no_sense_are_named(
    tmp_path: Path, resources: str, problem: str
) -> None:
    shutil.copy(FILES["lingjun"] / "job.csv", tmp_path)
    rows = f"job_name,worker_name,RES\ndlc-one,w0,\ndlc-one,w1,{resources}\n"
    (tmp_path / "worker.csv").write_text(rows)

    with pytest.raises(BadInput, match=problem) as caught:
        FORMATS["lingjun"](tmp_path)

    assert (caught.value.file, caught.value.row) == (str(tmp_path / "worker.csv"), 3)


def test_a_pai_job_that_ends_before_it_starts_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "pai_task_table.csv"
    path.write_text(FILES["pai"].read_text().replace("400.0,1000.0", "1000.0,400.0"))

    assert FORMATS["pai"](path).dropped["ends before it starts"] == 1


def test_a_file_in_no_known_format_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("when,what\n1,2\n")

    with pytest.raises(BadInput, match="--format, one of philly, helios"):
        detect_format(path)


def test_a_job_id_seen_before_is_dropped_and_counted(tmp_path: Path) -> None:
    rows = FILES["openb"].read_text().splitlines()
    path = tmp_path / "pods.csv"
    path.write_text("\n".join([*rows, rows[1]]))

    assert FORMATS["openb"](path).dropped["job id seen before"] == 1


def test_a_pai_table_may_carry_its_header(tmp_path: Path) -> None:
    path = tmp_path / "pai_task_table.csv"
    header = "job_name,task_name,inst_num,status,start_time,end_time"
    rows = FILES["pai"].read_text()
    path.write_text(f"{header},plan_cpu,plan_mem,plan_gpu,gpu_type\n{rows}")

    found = FORMATS["pai"](path)

    assert [job.job_id for job in found.jobs] == ["job-b", "job-a", "job-c"]
    assert found.dropped == DROPPED["pai"]


def test_a_source_without_any_gpu_job_is_refused_with_the_causes(tmp_path: Path) -> None:
    header, _, _, no_gpu, pending = FILES["openb"].read_text().splitlines()
    path = tmp_path / "pods.csv"
    path.write_text("\n".join([header, no_gpu, pending]))

    with pytest.raises(
        BadInput, match=r"no job that ran on a GPU \(left out: never started: 1, no GPU: 1\)"
    ):
        FORMATS["openb"](path)


BAD_CELLS = {
    "helios GPUs": ("helios", "501,ada,vcred,16,", "501,ada,vcred,1.5,", "gpu_num"),
    "helios date": ("helios", "2030-03-04 10:05:00", "yesterday", "start_time"),
    "pai instances": ("pai", "job-b,tensorflow,3.0", "job-b,tensorflow,2.5", "inst_num"),
    "pai GPUs": ("pai", "29.3,50.0", "29.3,-50.0", "plan_gpu"),
    "openb time": ("openb", "5000,9000,5010", "5000,later,5010", "deletion_time"),
    "openb infinity": ("openb", "5000,9000,5010", "inf,9000,5010", "creation_time"),
    "philly date": ("philly", "2030-03-04 10:01:00", "noon", "start_time"),
}


@pytest.mark.parametrize(("name", "old", "new", "column"), BAD_CELLS.values(), ids=BAD_CELLS.keys())
def test_a_bad_cell_of_a_source_is_named(
    tmp_path: Path, name: str, old: str, new: str, column: str
) -> None:
    text = FILES[name].read_text()
    path = tmp_path / FILES[name].name
    path.write_text(text.replace(old, new, 1))

    with pytest.raises(BadInput) as caught:
        FORMATS[name](path)

    assert (caught.value.file, caught.value.column) == (str(path), column)
    assert caught.value.row
    assert caught.value.expected


def test_a_missing_column_of_a_source_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cluster_log.csv"
    path.write_text(FILES["helios"].read_text().replace("gpu_num", "gpus", 1))

    with pytest.raises(BadInput, match="column gpu_num: is missing"):
        FORMATS["helios"](path)


@pytest.mark.parametrize("name", ["helios", "openb"])
def test_an_empty_source_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("")

    with pytest.raises(BadInput, match="is empty"):
        FORMATS[name](path)


def test_broken_json_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "cluster_job_log"
    path.write_text('[{"jobid": "a",\n "attempts": [}')

    with pytest.raises(BadInput, match="row 2: is not JSON"):
        FORMATS["philly"](path)


@pytest.mark.parametrize(
    "changes",
    [{"attempts": [{}]}, {"attempts": 5}, {"attempts": [{"detail": [{"ip": "m1"}]}]}],
    ids=["an empty attempt", "no list", "no GPUs key"],
)
def test_a_job_of_another_shape_is_refused(tmp_path: Path, changes: Mapping[str, object]) -> None:
    with pytest.raises(BadInput, match="row 1: is not a job of the Philly log"):
        FORMATS["philly"](philly_file(tmp_path, **changes))


def test_a_philly_attempt_without_times_adds_nothing(tmp_path: Path) -> None:
    held = {"detail": [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}]}
    attempts = [
        {"start_time": None, "end_time": "2030-01-01 00:00:05", **held},
        {"start_time": "2030-01-01 00:00:10", "end_time": "2030-01-01 00:01:10", **held},
    ]

    (job,) = FORMATS["philly"](philly_file(tmp_path, attempts=attempts)).jobs

    assert (job.num_gpus, job.duration_s) == (2, 60.0)


def test_a_philly_job_whose_attempts_were_never_timed_is_dropped(tmp_path: Path) -> None:
    timed = json.loads(FILES["philly"].read_text())[1]
    held = {"detail": [{"ip": "m1", "gpus": ["gpu0"]}], "start_time": None, "end_time": "None"}
    path = tmp_path / "cluster_job_log"
    path.write_text(json.dumps([timed, timed | {"jobid": "b", "attempts": [held]}]))

    assert FORMATS["philly"](path).dropped == {"never started": 1}


def test_a_philly_log_that_is_no_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cluster_job_log"
    path.write_text("{}")

    with pytest.raises(BadInput, match="is not a list of jobs"):
        FORMATS["philly"](path)
