"""The evaluation joins specs with what their sweeps found, and says what is missing."""

from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from evaluation.markdown import percent, seconds, table
from evaluation.results import Results, read_results
from evaluation.tables import against, ours
from tests.simulation.sweeps import swept
from traces.synthetic import generate
from traces.writing import write_trace

SPEC = """
[[trace]]
name = "small"
file = "trace.csv"
cluster = "testbed"

[[grid]]
name = "baseline"
scheme = "fifo"

[[grid]]
name = "headroom"
scheme = ["sjf", "aryl"]
policy.headroom = [0.02, 0.25]
seed = [0, 1]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Specs and the results of one of them."""
    folder = tmp_path_factory.mktemp("evaluation")
    specs = folder / "specs"
    specs.mkdir()
    write_trace(specs / "trace.csv", generate(seed=0, jobs=60, days=0.2, gpus=32))
    (specs / "small.toml").write_text(SPEC)
    swept(specs / "small.toml", folder / "runs" / "small", "--processes", 2)
    return folder


@pytest.fixture
def results(folder: Path) -> Results:
    return read_results(folder / "specs", folder / "runs")


def test_a_run_is_found_by_the_values_of_its_grid(results: Results) -> None:
    wide = results.all("small", "headroom", scheme="aryl", policy__headroom=0.25)
    baseline = results.all("small", "baseline")

    assert [(run.values["seed"], run.row["policy.headroom"]) for run in wide] == [
        (0, 0.25),
        (1, 0.25),
    ]
    assert [(run.row["scheme"], run.row["seed"]) for run in baseline] == [("fifo", 0)]
    assert len(results.all("small", "headroom")) == 8


def test_a_mean_is_over_the_runs_that_have_the_values(results: Results) -> None:
    runs = results.all("small", "headroom", scheme="aryl", policy__headroom=0.02)
    first, second = (run.row["jct_s.mean"] for run in runs)

    mean = results.mean("jct_s.mean", "small", "headroom", scheme="aryl", policy__headroom=0.02)

    assert first != second
    assert mean == pytest.approx((first + second) / 2)
    assert results.mean("jct_s.mean", "small", "headroom", scheme="fifo") is None


def test_tables_say_what_the_runs_say(results: Results) -> None:
    (fifo,) = results.all("small", "baseline")
    of_aryl = results.mean("jct_s.mean", "small", "headroom", scheme="aryl", policy__headroom=0.25)
    bound = results.mean("jct_bound_s.mean", "small", "headroom", scheme="aryl")
    assert of_aryl is not None
    assert bound is not None

    rows = ours(results, "small", "headroom", "policy.headroom").splitlines()
    ratios = against(results, "small", "headroom", "policy.headroom").splitlines()

    assert len(rows) == 2 + 4
    (row,) = [row for row in rows if row.startswith("| 0.25 | aryl |")]
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[4] == seconds(of_aryl)
    assert float(cells[5]) == pytest.approx(of_aryl / bound, abs=1e-3)
    assert len(ratios) == 2 + 8
    run = results.all("small", "headroom", scheme="sjf")[0]
    assert f"{fifo.row['jct_s.mean'] / run.row['jct_s.mean']:.2f}" in ratios[2]


def test_a_missing_run_is_named(folder: Path, tmp_path: Path) -> None:
    spec = (folder / "specs" / "small.toml").read_text()
    (tmp_path / "small.toml").write_text(spec.replace("0.25", "0.5"))
    (tmp_path / "trace.csv").write_bytes((folder / "specs" / "trace.csv").read_bytes())

    with pytest.raises(BadInput, match="a run is missing"):
        read_results(tmp_path, folder / "runs")


def test_a_sweep_that_was_not_run_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"results\.parquet"):
        read_results(folder / "specs", tmp_path)


def test_a_spec_without_its_trace_is_left_out_by_name(folder: Path, tmp_path: Path) -> None:
    for name in ("small.toml", "trace.csv"):
        (tmp_path / name).write_bytes((folder / "specs" / name).read_bytes())
    (tmp_path / "real.toml").write_text(SPEC.replace("trace.csv", "elsewhere.csv"))

    results = read_results(tmp_path, folder / "runs")

    assert results.has("small")
    assert not results.has("real")
    assert results.left_out == {"real": "elsewhere.csv is not there"}


def test_numbers_and_tables_are_markdown() -> None:
    assert table(("a", "b"), [["x", percent(0.1224)], ["y", None]]).splitlines() == [
        "| a | b |",
        "| --- | ---: |",
        "| x | 12.24 % |",
        "| y | \N{EN DASH} |",
    ]
