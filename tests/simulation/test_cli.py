"""`aryl sim` from the outside: what it prints, and the files it leaves (spec §5)."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from aryl.policy.config import SCHEMES, PolicyConfig
from aryl.policy.registry import REGISTRIES
from simulator.cli import _scheme_names
from simulator.cli import app as sim_app
from tests.checker.replays import Stage
from tests.simulation.command import aryl
from traces.cli import app as trace_app
from traces.synthetic import generate
from traces.table import read_trace
from traces.writing import write_trace

COLUMNS = {
    "jobs.csv": "job_id,submit_s,first_start_s,finish_s,queuing_s,jct_s,num_gpus,gpus_per_worker,"
    "min_workers,max_workers,elastic,fungible,heterogeneous,preemptions,resizes,lost_gpu_s,"
    "carry_in",
    "allocations.csv": "job_id,server_id,kind,workers,gpus,start_s,end_s",
    "loans.csv": "server_id,start_s,reclaim_s,end_s",
    "timeline.csv": "t_s,queued_jobs,running_jobs,training_gpus_used,on_loan_servers,"
    "on_loan_gpus_used,inference_demand_servers,forecast_servers",
}
GROUPS = {"sim": sim_app, "trace": trace_app}


def _commands() -> Iterator[str]:
    for name, app in GROUPS.items():
        group = typer.main.get_command(app)
        assert isinstance(group, typer.core.TyperGroup)
        yield from (f"{name} {command}" for command in group.commands)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("traces") / "trace.csv"
    write_trace(file, generate(seed=5, jobs=60, days=0.25, gpus=32))
    return file


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("command", list(_commands()))
def test_the_help_of_every_command_has_an_example(command: str) -> None:
    answer = aryl(*command.split(), "--help")

    assert answer.exit_code == 0
    assert "Example" in answer.out
    assert f"aryl {command}" in " ".join(answer.out.split())


@pytest.mark.parametrize("words", [(), ("sim",), ("trace",)], ids=str)
def test_a_command_with_nothing_to_do_shows_its_help(words: tuple[str, ...]) -> None:
    answer = aryl(*words)

    assert "Usage" in answer.out + answer.err
    assert "--help" in answer.out + answer.err


def test_a_run_leaves_the_files_of_the_contract(trace: Path, tmp_path: Path) -> None:
    answer = aryl("sim", "run", trace, "--cluster", "testbed", "--out", tmp_path / "run")

    assert answer.exit_code == 0
    assert str(tmp_path / "run" / "report.html") in answer.out
    names = {"summary.json", "timing.json", "report.html", *COLUMNS}
    assert {file.name for file in (tmp_path / "run").iterdir()} == names
    for name, head in COLUMNS.items():
        assert (tmp_path / "run" / name).read_text(encoding="utf-8").startswith(head + "\n")


def test_a_run_prints_its_summary_as_json(trace: Path, tmp_path: Path) -> None:
    answer = aryl("sim", "run", trace, "--cluster", "testbed", "--out", tmp_path / "run", "--json")

    assert answer.err == ""
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert json.loads(answer.out) == summary
    assert (summary["scheme"], summary["scenario"], summary["seed"]) == ("aryl", "basic", 0)


@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_run_may_differ_from_its_scenario(command: str, trace: Path, tmp_path: Path) -> None:
    options = (
        "--cluster",
        "testbed",
        "--scenario",
        "advanced",
        "--out",
        tmp_path / "runs",
        "--json",
    )
    others = ("--workload", "fungible_jobs=1", "--workload", "elastic_jobs=0")
    words = ("--schemes", "sjf") if command == "compare" else ("--scheme", "sjf")

    printed = json.loads(aryl("sim", command, trace, *options, *others, *words).out)

    summary = printed["schemes"]["sjf"] if command == "compare" else printed
    assert (summary["scenario"], summary["workload"]["heterogeneous_jobs"]) == ("advanced", 0.1)
    assert (summary["workload"]["fungible_jobs"], summary["workload"]["elastic_jobs"]) == (1, 0)
    assert (summary["fungible_share"], summary["elastic_share"]) == (1, 0)


def test_a_run_that_never_lends_has_a_table_of_loans(trace: Path, tmp_path: Path) -> None:
    aryl("sim", "run", trace, "--scheme", "fifo", "--cluster", "testbed", "--out", tmp_path / "run")

    assert (tmp_path / "run" / "loans.csv").read_text() == COLUMNS["loans.csv"] + "\n"


def test_the_cells_of_a_run_are_flags_numbers_or_empty(good_run: Path) -> None:
    jobs, loans = _rows(good_run / "jobs.csv"), _rows(good_run / "loans.csv")

    flags = ("elastic", "fungible", "heterogeneous", "carry_in")
    assert {row[flag] for row in jobs for flag in flags} == {"0", "1"}
    assert {(row["reclaim_s"] == "", row["end_s"] == "") for row in loans} >= {(False, False)}
    for table in COLUMNS:
        cells = {cell for row in _rows(good_run / table) for cell in row.values()}
        assert not cells & {"None", "nan", "inf", "True", "False"}


def test_events_name_each_action_with_its_reason(stage: Stage, tmp_path: Path) -> None:
    words = ("--inference", stage.inference, "--cluster", stage.cluster, "--seed", 1, "--events")

    aryl("sim", "run", stage.trace, *words, "--out", tmp_path / "run")

    lines = (tmp_path / "run" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    kinds = {event["action"] for event in events}
    assert {"StartJob", "ResizeJob", "PreemptJob", "LoanServer", "ReclaimServer"} <= kinds
    assert all(event["reason"]["text"] for event in events)
    starts = sum(event["action"] == "StartJob" for event in events)
    jobs = _rows(tmp_path / "run" / "jobs.csv")
    assert starts == len(jobs) + sum(int(job["preemptions"]) for job in jobs)


def test_a_job_of_no_length_holds_its_gpus_once_for_no_time(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("job_id,submit_s,num_gpus,duration_s\na,3,2,0\nb,3,1,60\n", encoding="utf-8")

    aryl("sim", "run", file, "--cluster", "testbed", "--out", tmp_path / "run")

    job = _rows(tmp_path / "run" / "jobs.csv")[0]
    rows = [r for r in _rows(tmp_path / "run" / "allocations.csv") if r["job_id"] == "a"]
    assert [(row["kind"], row["gpus"]) for row in rows] == [("base", "2")]
    assert rows[0]["start_s"] == rows[0]["end_s"] == job["first_start_s"] == job["finish_s"]
    assert float(job["jct_s"]) == float(job["queuing_s"])


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet"])
def test_a_trace_replays_alike_in_every_form(suffix: str, trace: Path, tmp_path: Path) -> None:
    other = tmp_path / f"trace{suffix}"
    write_trace(other, read_trace(trace))

    for file, name in ((trace, "one"), (other, "two")):
        aryl("sim", "run", file, "--cluster", "testbed", "--out", tmp_path / name)

    for table in COLUMNS:
        one, two = (tmp_path / name / table for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_all_schemes_are_those_of_the_registry() -> None:
    assert _scheme_names("all") == list(SCHEMES)
    assert _scheme_names("aryl, fifo") == ["aryl", "fifo"]


def test_a_comparison_prints_its_summaries_as_json(trace: Path, tmp_path: Path) -> None:
    words = ("--cluster", "testbed", "--schemes", "fifo, sjf", "--json")

    answer = aryl("sim", "compare", trace, *words, "--out", tmp_path / "runs")

    found = json.loads(answer.out)
    assert list(found) == ["schemes", "bound"]
    assert list(found["schemes"]) == ["fifo", "sjf"]
    assert found["bound"]["mean_jct_s"] == found["schemes"]["fifo"]["jct_bound_s"]["mean"]
    for scheme in ("fifo", "sjf"):
        text = (tmp_path / "runs" / scheme / "summary.json").read_text(encoding="utf-8")
        assert found["schemes"][scheme] == json.loads(text)


def test_a_comparison_prints_a_table_and_keeps_one_report(trace: Path, tmp_path: Path) -> None:
    words = ("--cluster", "testbed", "--schemes", "fifo,sjf", "--out", tmp_path / "runs")

    answer = aryl("sim", "compare", trace, *words)

    assert answer.exit_code == 0
    assert {"fifo", "sjf"} <= set(answer.out.split())
    pages = [file for file in (tmp_path / "runs").iterdir() if file.suffix == ".html"]
    assert len(pages) == 1
    assert str(pages[0]) in answer.out


@pytest.mark.parametrize("schemes", ["", ",", "fifo,fifi"])
def test_a_comparison_of_nothing_known_is_refused(schemes: str, trace: Path) -> None:
    answer = aryl("sim", "compare", trace, "--schemes", schemes)

    assert answer.exit_code == 2
    assert "--scheme" in answer.err


def test_policies_lists_every_scheme_entry_and_knob() -> None:
    answer = aryl("sim", "policies")

    words = set(answer.out.replace(",", " ").split())
    assert set(SCHEMES) <= words
    assert {name for entries in REGISTRIES.values() for name in entries} <= words
    assert {knob.name for knob in fields(PolicyConfig)} <= words


def test_policies_gives_each_knob_a_default_and_a_meaning_as_json() -> None:
    knobs = json.loads(aryl("sim", "policies", "--json").out)["knobs"]

    assert list(knobs) == [knob.name for knob in fields(PolicyConfig)]
    assert knobs["headroom"]["default"] == 0.02
    assert all(knob["meaning"] and "\n" not in knob["meaning"] for knob in knobs.values())


def test_no_progress_bar_shows_in_a_pipe(trace: Path, tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-c", "from aryl.cli import main; main()", "sim", "compare"),
            *(str(trace), "--cluster", "testbed", "--schemes", "fifo,sjf"),
            *("--out", str(tmp_path / "runs")),
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
