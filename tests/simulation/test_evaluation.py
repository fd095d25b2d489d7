"""The evaluation joins specs with what their sweeps found, and says what is missing."""

from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from evaluation.forecasts import pinball_loss
from evaluation.markdown import percent, seconds, table
from evaluation.plus import against_aryl, goals
from evaluation.results import Found, Results, read_results
from evaluation.tables import against, ours
from simulator.report_format import TIMES
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


def _seeded(scheme: str, queuing_s: tuple[float, float], jct_s: tuple[float, float]) -> list[Found]:
    """Runs of two seeds, the later one first."""
    rows = [
        {
            "trace": "paper",
            "scenario": "basic",
            "scheme": scheme,
            "seed": seed,
            "queuing_s.mean": queuing_s[seed],
            "jct_s.mean": jct_s[seed],
            "jct_bound_s.mean": 1_000.0,
            "preemption_ratio": 0.01 * (seed + 1),
            "inference_shortfall_share": 0.0001 * seed,
            "on_loan_usage": 0.5,
            "lost_gpu_s": 3_600.0 * (seed + 1),
        }
        for seed in (1, 0)
    ]
    return [Found({"scheme": scheme}, row) for row in rows]


@pytest.fixture
def seeded() -> Results:
    runs = [
        *_seeded("fifo", (100.0, 400.0), (3_000.0, 3_000.0)),
        *_seeded("sjf", (40.0, 60.0), (2_000.0, 2_000.0)),
        *_seeded("aryl", (20.0, 40.0), (1_500.0, 1_300.0)),
        *_seeded("aryl+", (10.0, 20.0), (1_200.0, 1_100.0)),
    ]
    return Results({("seeds", "basic"): tuple(runs)}, {})


def test_goals_show_means_and_the_worst_seed(seeded: Results) -> None:
    rows = {line.split("|")[1].strip(): line for line in goals(seeded).splitlines()}
    cells = {name: [cell.strip() for cell in line.split("|")[2:5]] for name, line in rows.items()}

    assert cells["preempted"] == ["at most 2 %", "1.50 %; worst 2.00 %", "1.50 %; worst 2.00 %"]
    # each seed against the same seed: 100 / 10 and 400 / 20
    assert cells["queuing, times as short as `fifo`"][2] == f"15.00 {TIMES}; worst 10.00 {TIMES}"
    assert cells["JCT / bound"][1:] == ["1.400; worst 1.500", "1.150; worst 1.200"]
    assert cells["shortfall"][2] == "0.0050 %; worst 0.0100 %"


def test_both_stand_beside_the_spread_of_the_seeds(seeded: Results) -> None:
    (row,) = against_aryl(seeded).splitlines()[2:]

    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        *("paper", "basic", "30", "15", "20", "1,400", "1,150", "200"),
        *("1.50 %", "1.50 %", "2", "2"),
    ]


def test_a_forecast_of_a_high_quantile_pays_most_for_being_too_low() -> None:
    assert pinball_loss([10.0], 0.95) == pytest.approx(9.5)
    assert pinball_loss([-10.0], 0.95) == pytest.approx(0.5)
    assert pinball_loss([10.0, -10.0, 0.0], 0.5) == pytest.approx(10.0 / 3.0)
