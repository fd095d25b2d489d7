"""A sweep's rows, tables, charts and page, from figures that are made up."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from simulator.report_format import NOTHING, TIMES
from simulator.sweep.cells import Study, cells_of, studies_of
from simulator.sweep.charts import study_charts
from simulator.sweep.report import write_sweep
from simulator.sweep.results import Run, row_of
from simulator.sweep.spec import Spec, read_spec
from simulator.sweep.tables import study_table
from simulator.sweep.work import Failure, Figures
from tests.run_folders import make_summary

SPEC = """
title = "Made <up>"
baseline = "fifo"
[[trace]]
name = "t"
synth = {}
[[grid]]
name = "schemes"
scenario = ["basic", "ideal"]
scheme = ["sjf", "aryl"]
seed = [0, 1]
[[grid]]
name = "baseline"
scenario = "basic"
scheme = "fifo"
seed = [0, 1]
[[grid]]
name = "half a baseline"
scenario = "ideal"
scheme = "fifo"
[[grid]]
name = "headroom"
policy.headroom = [0.0, 0.02, 0.1]
[[grid]]
name = "estimates"
policy.estimate_error = [{ share = 0.2, max = 0.25 }, { share = 0.4, max = 0.25 }]
"""
QUEUING_S = {"fifo": 3000.0, "sjf": 2000.0, "aryl": 1000.0}

Swept = tuple[Spec, Sequence[Study], dict[str, Run]]


@pytest.fixture
def sweep(tmp_path: Path) -> Swept:
    """Queuing by scheme, 10 % more or less by seed, and as much as the headroom more."""
    file = tmp_path / "spec.toml"
    file.write_text(SPEC, encoding="utf-8")
    spec = read_spec(file)
    studies = studies_of(spec)
    runs = [
        Run(cell, Figures(_summary(cell.coordinates), {"cpu_s": 1.0}), is_new=True)
        for cell in cells_of(studies)
    ]
    return spec, studies, {run.cell.key: run for run in runs}


def _summary(where: Mapping[str, Any]) -> dict[str, Any]:
    mean = QUEUING_S[where["scheme"]] * (0.9 if where["seed"] else 1.1)
    mean *= 1 + where["policy.headroom"] - 0.02
    queuing = {"mean": mean, "p50": mean, "p75": mean, "p95": mean, "p99": mean, "max": mean}
    bound = {"mean": 11236.0 / 1.25}
    return make_summary(queuing_s=queuing, jct_bound_s=bound, preemption_ratio=0.0)


def failed(runs: Mapping[str, Run], study: Study, place: int) -> dict[str, Run]:
    cell = study.points[place].cell
    return {**runs, cell.key: Run(cell, Failure("SolverFailed: <no answer>"), is_new=True)}


def test_seeds_are_joined_and_ratios_are_to_the_baseline_of_the_same_seed(sweep: Swept) -> None:
    _, studies, runs = sweep

    table = study_table(studies[0], runs, "fifo")

    assert table.axes == ("scenario", "scheme")
    assert [names for names, _ in table.rows] == [
        *(("basic", "sjf"), ("basic", "aryl"), ("ideal", "sjf"), ("ideal", "aryl")),
    ]
    assert [figures[:2] for _, figures in table.rows] == [
        *(("2,000 ± 10 %", f"1.50{TIMES}"), ("1,000 ± 10 %", f"3.00{TIMES}")) * 2,
    ]
    assert table.rows[0][1][table.head.index("JCT by bound")] == f"1.25{TIMES}"
    assert "seeds 0, 1" in table.common
    assert "under fifo" in table.note


def test_without_a_baseline_there_are_no_ratios(sweep: Swept) -> None:
    _, studies, runs = sweep

    table = study_table(studies[3], runs, "")

    assert TIMES not in table.head
    assert [(names, figures[0]) for names, figures in table.rows] == [
        *((("0",), "1,078"), (("0.02",), "1,100"), (("0.1",), "1,188")),
    ]
    assert table.common == "trace t, scheme aryl, seed 0"


def test_a_failed_run_is_left_out_of_means_and_shown_where_nothing_is_left(sweep: Swept) -> None:
    _, studies, runs = sweep
    one = failed(runs, studies[0], 0)
    both = failed(one, studies[0], 1)

    rows = [study_table(studies[0], some, "fifo").rows[0][1] for some in (one, both)]

    assert rows[0][0].startswith("1,800")
    assert rows[1][0] == NOTHING


def test_a_table_on_an_axis_goes_by_its_entries(sweep: Swept) -> None:
    _, studies, runs = sweep

    names = [names for names, _ in study_table(studies[4], runs, "").rows]

    assert names == [("share 0.2, max 0.25",), ("share 0.4, max 0.25",)]


def test_numbers_are_drawn_as_a_line_and_names_as_bars_beside_each_other(sweep: Swept) -> None:
    _, studies, runs = sweep

    bars, lines = (study_charts(studies[n], runs, n) for n in (0, 3))

    assert [chart.title for chart in bars] == ["Mean queuing time", "Mean completion time (JCT)"]
    assert [trace.type for trace in bars[0].figure.data] == ["bar", "bar"]
    assert [trace.name for trace in bars[0].figure.data] == ["sjf", "aryl"]
    assert list(bars[0].figure.data[1].y) == pytest.approx([1000 / 60] * 2)
    assert list(bars[0].figure.data[1].error_y.array) == pytest.approx([100 / 60] * 2)
    assert [chart.figure.layout.yaxis.title.text for chart in bars] == ["minutes", "hours"]
    assert [trace.type for trace in lines[0].figure.data] == ["scatter"]
    assert [c.figure.layout.xaxis.type for c in (bars[0], lines[0])] == ["category", "linear"]
    assert list(lines[0].figure.data[0].x) == [0.0, 0.02, 0.1]
    sentence = lines[0].sentence.replace("\xa0", " ")
    assert sentence == "From 18.0 min (0) to 19.8 min (0.1)."


def test_a_study_of_one_group_has_no_charts(sweep: Swept) -> None:
    _, studies, runs = sweep

    assert study_charts(studies[1], runs, 1) == []


def test_the_page_names_every_study_and_what_failed(sweep: Swept, tmp_path: Path) -> None:
    spec, studies, runs = sweep
    runs = failed(runs, studies[0], 0)

    page = write_sweep(tmp_path, spec, studies, list(runs.values())).read_text(encoding="utf-8")

    assert "Made &lt;up&gt;" in page
    assert "schemes: scenario basic, scheme sjf, seed 0" in page
    assert "SolverFailed: &lt;no answer&gt;" in page
    assert all(f">{study.name}</h2>" in page for study in studies)
    assert "https://" not in page.split("<script>", 1)[0]


def test_a_failed_run_has_its_coordinates_and_its_error_in_its_row(sweep: Swept) -> None:
    _, studies, runs = sweep
    run = failed(runs, studies[0], 0)[studies[0].points[0].cell.key]

    row = row_of(run)

    assert row["error"] == "SolverFailed: <no answer>"
    assert (row["scheme"], row["scenario"], row["policy.headroom"]) == ("sjf", "basic", 0.02)
    assert "jct_s.mean" not in row


def test_lists_are_counted_and_nested_names_joined(sweep: Swept) -> None:
    cell = sweep[1][0].points[0].cell
    summary = make_summary(rejected=[{"job_id": "a", "reason": "too wide"}])

    row = row_of(Run(cell, Figures(summary, {}), is_new=True))

    assert (row["rejected"], row["jct_s.p50"], row["error"]) == (1, 568.0, None)
