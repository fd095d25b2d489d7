"""Bad input is refused before anything runs: spec §3's kinds, through the command itself."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.command import Answer, aryl

HEAD = "job_id,submit_s,num_gpus,duration_s"
GOOD = f"{HEAD}\na,0,1,60\nb,5,2,60\n"
SHAPED = f"{HEAD},gpus_per_worker,min_workers,max_workers"
CLUSTER = """
[pools.training]
servers = 2
gpus_per_server = 8
gpu_type = "V100"
[pools.inference]
servers = 2
gpus_per_server = 8
gpu_type = "T4"
[gpu_types.T4]
workers_per_training_worker = 3
"""

# the trace's text, and what the message must name: row, column, value, what was expected
TRACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no job_id": ("submit_s,num_gpus,duration_s\n0,1,60\n", ("row 1", "column job_id", "missing")),
    "no submit_s": ("job_id,num_gpus,duration_s\na,1,60\n", ("row 1", "column submit_s")),
    "no num_gpus": ("job_id,submit_s,duration_s\na,0,60\n", ("row 1", "column num_gpus")),
    "no duration_s": ("job_id,submit_s,num_gpus\na,0,1\n", ("row 1", "column duration_s")),
    "negative time": (
        f"{HEAD}\na,0,1,60\nb,-5,2,60\n",
        ("row 3", "column submit_s", "'-5'", "negative", "at least 0"),
    ),
    "negative run time": (
        f"{HEAD}\na,0,1,-60\n",
        ("row 2", "column duration_s", "'-60'", "negative", "at least 0"),
    ),
    "NaN": (
        f"{HEAD}\na,0,1,nan\n",
        ("row 2", "column duration_s", "'nan'", "finite", "at least 0"),
    ),
    "infinite": (f"{HEAD}\na,inf,1,60\n", ("row 2", "column submit_s", "'inf'", "finite")),
    "no number": (f"{HEAD}\na,soon,1,60\n", ("row 2", "column submit_s", "'soon'", "a number")),
    "half a GPU": (
        f"{HEAD}\na,0,1.5,60\n",
        ("row 2", "column num_gpus", "'1.5'", "whole number", "at least 1"),
    ),
    "no GPU": (f"{HEAD}\na,0,0,60\n", ("row 2", "column num_gpus", "'0'", "at least 1")),
    "half a worker": (
        f"{SHAPED}\na,0,4,60,1,2.5,4\n",
        ("row 2", "column min_workers", "'2.5'", "whole number"),
    ),
    "min > max": (
        f"{SHAPED}\na,0,4,60,1,4,4\nb,0,4,60,1,5,3\n",
        ("row 3", "column min_workers", "5", "max_workers", "at most 3"),
    ),
    "requested below min": (
        f"{SHAPED}\na,0,4,60,1,6,8\n",
        ("row 2", "column num_gpus", "4", "between min_workers = 6 and max_workers = 8"),
    ),
    "requested above max": (
        f"{SHAPED}\na,0,4,60,1,1,2\n",
        ("row 2", "column num_gpus", "4", "between min_workers = 1 and max_workers = 2"),
    ),
    "no whole workers": (
        f"{SHAPED}\na,0,5,60,2,,\n",
        ("row 2", "column num_gpus", "5", "a multiple of gpus_per_worker = 2"),
    ),
    "the same id twice": (
        f"{HEAD}\na,0,1,60\na,5,2,60\n",
        ("row 3", "column job_id", "'a'", "unique"),
    ),
    "nothing at all": ("", ("is empty", "expected a header with job_id")),
    "no rows": (f"{HEAD}\n", ("no jobs", "at least one row")),
    "no flag": (f"{HEAD},fungible\na,0,1,60,maybe\n", ("row 2", "column fungible", "'maybe'")),
}

DEMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "no time": ("servers\n1\n", ("row 1", "column t_s", "is missing")),
    "no measure": ("t_s,load\n0,1\n", ("row 1", "one of demand_norm, gpus, servers, demand")),
    "negative": ("t_s,servers\n0,1\n300,-1\n", ("row 3", "column servers", "'-1'", "negative")),
    "NaN": ("t_s,servers\n0,nan\n", ("row 2", "column servers", "'nan'", "finite")),
    "above the peak": ("t_s,demand_norm\n0,1.2\n", ("row 2", "column demand_norm", "'1.2'")),
    "above the pool": ("t_s,servers\n0,99\n", ("row 2", "column servers", "99", "at most the 2")),
    "back in time": ("t_s,servers\n300,1\n0,1\n", ("row 3", "column t_s", "0", "increase")),
    "nothing at all": ("", ("is empty", "a header with t_s")),
}

CLUSTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown table": (CLUSTER + "[pool]\n", ("pool", "is unknown", "gpu_types, pools")),
    "unknown pool": (CLUSTER + "[pools.spare]\n", ("pools.spare", "is unknown", "pools.training")),
    "unknown key": (
        CLUSTER.replace('gpu_type = "T4"', 'gpu_type = "T4"\ncolour = 3'),
        ("pools.inference.colour", "is unknown", "pools.inference.gpus_per_server"),
    ),
    "negative servers": (
        CLUSTER.replace("servers = 2", "servers = -2", 1),
        ("pools.training.servers", "-2", "a whole number of 1 or more"),
    ),
    "no factor": (
        CLUSTER.replace('gpu_type = "T4"', 'gpu_type = "A10"'),
        ("gpu_types.A10.workers_per_training_worker", "is missing"),
    ),
    "no TOML": ("[pools", ("is not TOML",)),
}

POLICIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown knob": ("[policy]\nheadrom = 0.1\n", ("headrom", "is no entry", "headroom")),
    "unknown table": ("[policies]\n", ("policies", "is unknown", "policy")),
    "wrong type": ('[policy]\ncycle_s = "often"\n', ("cycle_s", "'often'", "float")),
    "out of range": ("[policy]\nheadroom = 2\n", ("headroom", "2.0", "from 0 to 1")),
    "negative": ("[policy]\nvacate_s = -1\n", ("vacate_s", "-1.0", ">= 0")),
    "infinite": ("[policy]\ncycle_s = inf\n", ("cycle_s", "inf", ">= 0")),
    "NaN": ("[policy]\norchestrator_s = nan\n", ("orchestrator_s", "nan", ">= 1")),
    "unknown entry": ('[policy]\nreclaim = "kind"\n', ("reclaim", "'kind'", "greedy")),
    "unknown scheme": ('[policy]\nscheme = "best"\n', ("scheme", "'best'", "fifo-backfill")),
    "unknown speed-up": ('[policy]\nspeedup = "warp"\n', ("speedup", "'warp'", "linear")),
    "no TOML": ("[policy", ("is not TOML",)),
}


def _run(tmp_path: Path, *words: object, trace: str = GOOD) -> Answer:
    file = tmp_path / "trace.csv"
    file.write_text(trace, encoding="utf-8")
    return aryl("sim", "run", file, "--cluster", "testbed", *words, "--out", tmp_path / "run")


def _assert_refused(answer: Answer, tmp_path: Path, *named: object) -> None:
    assert answer.exit_code == 2, answer
    assert answer.out == ""
    for name in named:
        assert str(name) in answer.err, answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", TRACES)
def test_a_bad_trace_is_refused(kind: str, tmp_path: Path) -> None:
    text, named = TRACES[kind]

    answer = _run(tmp_path, trace=text)

    _assert_refused(answer, tmp_path, tmp_path / "trace.csv", *named)


@pytest.mark.parametrize("kind", DEMANDS)
def test_bad_demand_is_refused(kind: str, tmp_path: Path) -> None:
    text, named = DEMANDS[kind]
    file = tmp_path / "demand.csv"
    file.write_text(text, encoding="utf-8")
    cluster = tmp_path / "two.toml"
    cluster.write_text(CLUSTER, encoding="utf-8")

    answer = _run(tmp_path, "--inference", file, "--cluster", cluster)

    _assert_refused(answer, tmp_path, file, *named)


@pytest.mark.parametrize("kind", CLUSTERS)
def test_a_bad_cluster_is_refused(kind: str, tmp_path: Path) -> None:
    text, named = CLUSTERS[kind]
    file = tmp_path / "cluster.toml"
    file.write_text(text, encoding="utf-8")

    answer = _run(tmp_path, "--cluster", file)

    _assert_refused(answer, tmp_path, file, *named)


@pytest.mark.parametrize("kind", POLICIES)
def test_a_bad_policy_is_refused(kind: str, tmp_path: Path) -> None:
    text, named = POLICIES[kind]
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")

    answer = _run(tmp_path, "--policy", file)

    _assert_refused(answer, tmp_path, file, *named)


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--scheme", "best", "aryl-loaning"),
        ("--scenario", "worst", "basic, advanced, heterogeneous, ideal, as-is"),
        ("--workload", "elastic_jobs", "NAME=NUMBER"),
        ("--workload", "elastic=0.4", "elastic_jobs"),
        ("--workload", "elastic_jobs=1.4", "from 0 to 1"),
        ("--cluster", "huge", "paper, testbed, philly"),
        ("--cluster", "missing.toml", "can't be read"),
        ("--policy", "missing.toml", "can't be read"),
        ("--inference", "missing.csv", "missing.csv"),
        ("--inference-peak", "1.5", "between 0 and 1"),
        ("--seed", "-1", "--seed"),
        ("--seed", "x", "--seed"),
        ("--colour", "red", "--colour"),
    ],
)
def test_a_bad_flag_is_refused(flag: str, value: str, expected: str, tmp_path: Path) -> None:
    answer = _run(tmp_path, flag, value)

    _assert_refused(answer, tmp_path, expected)


def test_a_missing_trace_is_refused(tmp_path: Path) -> None:
    answer = aryl("sim", "run", tmp_path / "gone.csv", "--out", tmp_path / "run")

    _assert_refused(answer, tmp_path, tmp_path / "gone.csv")


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv.gz"
    file.write_bytes(gzip.compress(GOOD.encode() * 99)[:-12])

    answer = aryl("sim", "run", file, "--out", tmp_path / "run")

    _assert_refused(answer, tmp_path, file)


def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    file = tmp_path / "trace.csv"
    file.write_text(GOOD, encoding="utf-8")

    answer = aryl("sim", "run", file, "--out", tmp_path / "taken")

    _assert_refused(answer, tmp_path, "--out", tmp_path / "taken", "is a file")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--schemes", "fifo,best"], "'best'"),
        (["--schemes", "fifo", "--scenario", "worst"], "'worst'"),
        (["--schemes", "fifo", "--cluster", "huge"], "'huge'"),
    ],
)
def test_a_bad_comparison_is_refused(words: list[str], expected: str, tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text(GOOD, encoding="utf-8")

    answer = aryl("sim", "compare", tmp_path / "trace.csv", *words, "--out", tmp_path / "run")

    _assert_refused(answer, tmp_path, expected)


@pytest.mark.parametrize("kind", ["negative run time", "nothing at all"])
def test_the_command_itself_ends_with_exit_code_2(kind: str, tmp_path: Path) -> None:
    text, named = TRACES[kind]
    (tmp_path / "trace.csv").write_text(text, encoding="utf-8")

    done = subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-c", "from aryl.cli import main; main()"),
            *("sim", "run", "trace.csv", "--out", "run"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    _assert_refused(Answer(done.returncode, done.stdout, done.stderr), tmp_path, *named)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("big,3,800,60", "needs 100 workers of 8 GPUs"),  # more than all training GPUs
        ("big,3,12,60", "needs 1 workers of 12 GPUs"),  # a worker wider than any server
    ],
)
def test_a_job_that_can_never_fit_is_left_out(row: str, reason: str, tmp_path: Path) -> None:
    size = "12" if ",12," in row else ""
    text = f"{HEAD},gpus_per_worker\na,0,1,60,\n{row},{size}\n"

    answer = _run(tmp_path, trace=text)

    assert answer.exit_code == 0, answer
    assert "big" in answer.err
    run = tmp_path / "run"
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert [entry["job_id"] for entry in summary["rejected"]] == ["big"]
    assert reason in summary["rejected"][0]["reason"]
    assert summary["jobs"] == 1
    for table in run.glob("*.csv"):
        assert "big" not in table.read_text(encoding="utf-8")


def test_a_job_that_can_never_fit_is_warned_of_beside_json(tmp_path: Path) -> None:
    answer = _run(tmp_path, "--json", trace=f"{HEAD}\na,0,1,60\nbig,0,800,60\n")

    assert answer.exit_code == 0
    assert json.loads(answer.out)["rejected"][0]["job_id"] == "big"
    assert "big" in answer.err
