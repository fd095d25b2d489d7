"""The commands of `aryl trace`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aryl.model.errors import BadInput
from traces.cli import app
from traces.table import read_trace

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "traces" / "samples"
CANONICAL = str(SAMPLES / "canonical.csv")
COMMANDS = ["convert", "describe", "window", "bootstrap", "validate", "synth"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == 0
    assert f"Example: aryl trace {command}" in " ".join(result.output.split())


def test_convert_writes_the_canonical_form_and_tells_what_it_left_out(tmp_path: Path) -> None:
    out = tmp_path / "jobs.csv.gz"

    result = run("convert", str(SAMPLES / "cluster_log.csv"), "--out", str(out))

    assert result.exit_code == 0
    assert "3 jobs" in result.output
    assert "1 no GPU" in result.output
    assert [job.job_id for job in read_trace(out).jobs] == ["501", "502", "505"]


def test_convert_prints_its_counts_as_json(tmp_path: Path) -> None:
    source, out = str(SAMPLES / "lingjun"), str(tmp_path / "jobs.csv")

    result = run("convert", source, "--format", "lingjun", "--json", "--out", out)

    figures = json.loads(result.output)
    assert (figures["format"], figures["jobs"], figures["dropped"]["no GPU"]) == ("lingjun", 2, 1)


def test_convert_without_a_file_gives_rows_to_stdout_and_remarks_to_stderr() -> None:
    result = run("convert", str(SAMPLES / "openb_pod_list.csv"))

    assert result.stdout.splitlines()[0] == "job_id,submit_s,num_gpus,duration_s,queue,status"
    assert len(result.stdout.splitlines()) == 3
    assert "2 jobs" in result.stderr


def test_convert_refuses_a_format_that_it_does_not_know() -> None:
    result = run("convert", CANONICAL, "--format", "borg")

    assert isinstance(result.exception, BadInput)
    assert "expected one of philly, helios, pai, openb, lingjun" in str(result.exception)


def test_describe_shows_figures_and_charts() -> None:
    result = run("describe", CANONICAL, "--gpus", "8")

    assert result.exit_code == 0
    assert "offered load" in result.output
    assert "█" in result.output


def test_describe_prints_json() -> None:
    figures = json.loads(run("describe", CANONICAL, "--json", "--gpus", "16").output)

    assert (figures["jobs"], figures["carried_in"], figures["gpus"]) == (2, 1, 16)
    assert len(figures["arrivals_by_hour"]) == 24


def test_describe_draws_the_same_page_each_time_with_nothing_from_a_network(tmp_path: Path) -> None:
    pages = [tmp_path / "one.html", tmp_path / "other.html"]
    for seed, page in enumerate(pages):
        arguments = ["describe", CANONICAL, "--gpus", "8", "--html", str(page)]
        command = [sys.executable, "-c", "from traces.cli import app; app()", *arguments]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        subprocess.run(  # noqa: S603  # our own interpreter, with another hash seed
            command, cwd=ROOT, env=environment, check=True, capture_output=True
        )

    text = pages[0].read_text(encoding="utf-8")
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert re.search(r"<(script|link|img)[^>]+(src|href)=", text) is None
    assert text.count("<h2>") == 5


def test_window_writes_the_jobs_with_those_carried_in(tmp_path: Path) -> None:
    out = tmp_path / "window.csv"

    result = run("window", CANONICAL, "--start-s", "700", "--days", "1", "--out", str(out))

    assert result.exit_code == 0
    assert "2 jobs, 1 of them carried in" in result.output
    assert [(job.job_id, job.submit_s) for job in read_trace(out).jobs] == [
        ("train-a", 0.0),
        ("train-c", 200.0),
    ]


def test_window_starts_at_a_day_as_well(tmp_path: Path) -> None:
    out = tmp_path / "window.csv"

    run("window", CANONICAL, "--start-day", "0.5", "--days", "1", "--out", str(out))

    assert [(job.job_id, job.duration_s) for job in read_trace(out).jobs] == [("train-c", 44_100.0)]


@pytest.mark.parametrize(
    "arguments",
    [[], ["--start-s", "0", "--start-day", "0"], ["--start-s", "0", "--days", "0"]],
    ids=["no start", "two starts", "no length"],
)
def test_window_refuses_arguments_that_make_no_window(arguments: list[str]) -> None:
    given = arguments if "--days" in arguments else [*arguments, "--days", "1"]

    assert run("window", CANONICAL, *given).exit_code == 2


def test_bootstrap_writes_a_trace_of_the_days_that_it_names(tmp_path: Path) -> None:
    source, out = tmp_path / "jobs.csv", tmp_path / "days.csv.gz"
    source.write_text("job_id,submit_s,num_gpus,duration_s\na,60,1,5\nb,86460,2,5\nc,172799,4,5\n")

    result = run("bootstrap", str(source), "--days", "3", "--seed", "2", "--out", str(out))

    assert result.exit_code == 0
    days = [int(day) for day in re.findall(r"of the days (\d), (\d), (\d)", result.output)[0]]
    assert [job.job_id for job in read_trace(out).jobs] == [
        f"d{new:02d}-{name}" for new, old in enumerate(days) for name in (["a"], ["b", "c"])[old]
    ]


def test_bootstrap_draws_by_its_seed(tmp_path: Path) -> None:
    source = tmp_path / "jobs.csv"
    source.write_text("job_id,submit_s,num_gpus,duration_s\na,60,1,5\nb,172799,4,5\n")

    first, second = (run("bootstrap", str(source), "--days", "9", "--seed", seed) for seed in "12")

    assert first.output != second.output


@pytest.mark.parametrize("days", ["0", "1.5", "ten"])
def test_bootstrap_takes_whole_days(days: str) -> None:
    assert run("bootstrap", CANONICAL, "--days", days).exit_code == 2


def test_validate_says_that_a_trace_is_valid() -> None:
    result = run("validate", CANONICAL)

    assert result.exit_code == 0
    assert "3 jobs, valid" in result.output


def test_validate_counts_workers_that_fit_on_no_server() -> None:
    figures = json.loads(run("validate", CANONICAL, "--gpus-per-server", "4", "--json").output)

    assert (figures["valid"], figures["too_wide"]) == (True, 1)


def test_validate_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("job_id,submit_s,num_gpus,duration_s\na,0,0,5\n")

    result = run("validate", str(path))

    assert isinstance(result.exception, BadInput)
    assert str(result.exception) == (
        f"{path}, row 2, column num_gpus: '0' is not positive; "
        "expected a whole number of at least 1"
    )


def test_bad_input_leaves_no_file_behind(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text("job_id,submit_s,num_gpus,duration_s\na,0,0,5\n")

    result = run("window", str(path), "--start-s", "0", "--days", "1", "--out", f"{tmp_path}/w.csv")

    assert result.exit_code != 0
    assert list(tmp_path.iterdir()) == [path]


def test_synth_writes_a_valid_trace_that_its_seed_decides(tmp_path: Path) -> None:
    for name, seed in (("one", "3"), ("same", "3"), ("other", "4")):
        out = str(tmp_path / f"{name}.csv.gz")
        result = run("synth", "--seed", seed, "--jobs", "300", "--days", "1", "--out", out)
        assert result.exit_code == 0

    contents = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert contents["one.csv.gz"] == contents["same.csv.gz"]
    assert contents["one.csv.gz"] != contents["other.csv.gz"]
    assert run("validate", str(tmp_path / "one.csv.gz")).exit_code == 0


@pytest.mark.parametrize("days", ["0", "-1", "inf", "nan"])
def test_synth_refuses_days_that_are_none(days: str) -> None:
    assert run("synth", "--days", days).exit_code == 2
