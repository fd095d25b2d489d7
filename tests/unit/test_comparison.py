import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aryl.model.errors import BadInput
from aryl.policy.config import SCHEMES
from simulator.comparison import comparison_table, lowest_bound, scheme_rows, write_comparison
from simulator.comparison_charts import scheme_styles
from simulator.report import write_report
from simulator.report_format import NOTHING, TIMES
from tests.run_folders import make_summary, write_run

PAPER_SCHEMES = ("fifo", "fifo-backfill", "sjf", "aryl-loaning", "aryl-scaling", "aryl")


def spread(mean: float, p50: float, p95: float) -> dict[str, float]:
    return {"mean": mean, "p50": p50, "p75": p95, "p95": p95, "p99": p95, "max": p95}


def baseline() -> dict[str, Any]:
    return make_summary(
        scheme="fifo",
        queuing_s=spread(3072.0, 55.0, 8357.0),
        jct_s=spread(16610.0, 791.0, 82933.0),
        training_usage=0.72,
        overall_usage=0.52,
        preemption_ratio=0.0,
        inference_shortfall_server_s=0.0,
    )


def bounded(mean: float) -> dict[str, Any]:
    return {"jct_bound_s": {"mean": mean, "alone": mean, "pooled": mean / 2}}


def printed(summaries: dict[str, dict[str, Any]]) -> list[str]:
    pipe = Console(file=StringIO(), width=80, color_system=None)
    pipe.print(comparison_table(summaries))
    assert isinstance(pipe.file, StringIO)
    return [line.rstrip() for line in pipe.file.getvalue().splitlines()]


def test_the_table_shows_the_papers_columns_for_every_scheme() -> None:
    lines = printed({"fifo": baseline(), "aryl": make_summary()})

    figures = [" ".join(line.split()) for line in lines]
    assert "fifo queuing 3,072 55 8,357 1.00 72.0 52.0 0 0" in figures
    assert f"JCT 16,610 791 82,933 1.00 {NOTHING}" in figures
    assert "aryl queuing 2,010 26 3,358 1.53 86.0 65.0 12.2 2" in figures
    assert f"JCT 11,236 568 56,477 1.48 {NOTHING}" in figures


def test_the_table_fits_eighty_columns_even_with_large_figures() -> None:
    large = baseline() | {
        "queuing_s": spread(111_200.0, 93_072.0, 1_482_357.0),
        "jct_s": spread(226_610.0, 90_791.0, 2_982_933.0),
        "inference_shortfall_server_s": 3600.0 * 12_345,
        **bounded(100_000.0),
    }

    lines = printed(dict.fromkeys(PAPER_SCHEMES, large))

    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for figure in (*PAPER_SCHEMES, "1,482,357", "2,982,933", "226,610", "12,345", "100,000"):
        assert figure in text
    assert "…" not in text


def test_the_bound_has_a_line_and_every_scheme_its_distance_to_it() -> None:
    lines = printed({"fifo": baseline() | bounded(8305.0), "aryl": make_summary()})

    words = [line.split() for line in lines]
    assert ["JCT", "16,610", "791", "82,933", "1.00", "2.00"] in words
    assert ["JCT", "11,236", "568", "56,477", "1.48", NOTHING] in words
    assert ["lower", "bound", "JCT", "8,305", NOTHING, NOTHING, "2.00", "1.00"] in words
    assert lines[-1] == "JCT/LB: mean JCT by the lower bound for any scheduler"


def test_the_bound_of_all_schemes_is_the_lowest_of_those_for_the_jobs_that_each_ran() -> None:
    summaries = {"fifo": baseline() | bounded(9000.0), "aryl": make_summary() | bounded(8000.0)}

    rows = scheme_rows(summaries)

    assert lowest_bound(summaries) == {
        "mean_jct_s": 8000.0,
        "alone_jct_s": 8000.0,
        "pooled_jct_s": 4000.0,
    }
    assert [row.bound_ratio for row in rows] == [f"1.85{TIMES}", f"1.40{TIMES}"]
    assert lowest_bound({"fifo": baseline() | {"jct_bound_s": {"mean": None}}}) is None


def test_scheme_names_are_never_read_as_markup() -> None:
    assert any("[bold]" in line for line in printed({"[bold]": baseline()}))


@pytest.mark.parametrize(
    ("mean", "ratio"),
    [(1536.0, f"2.00{TIMES}"), (6144.0, f"0.50{TIMES}"), (0.0, f"∞{TIMES}"), (None, NOTHING)],
    ids=["shorter", "longer", "nothing left", "unknown"],
)
def test_ratios_say_how_many_times_as_short_a_scheme_is(mean: float | None, ratio: str) -> None:
    other = baseline() | {"queuing_s": None if mean is None else spread(mean, 1.0, 1.0)}

    rows = scheme_rows({"fifo": baseline(), "other": other})

    assert [row.queuing_ratio for row in rows] == [f"1.00{TIMES}", ratio]


def test_two_schemes_without_any_queuing_are_equal() -> None:
    idle = baseline() | {"queuing_s": spread(0.0, 0.0, 0.0)}

    assert [row.queuing_ratio for row in scheme_rows({"a": idle, "b": idle})] == [
        f"1.00{TIMES}"
    ] * 2


def test_an_empty_comparison_is_an_empty_table() -> None:
    assert comparison_table({}).row_count == 0


def test_a_comparison_page_overlays_every_scheme(tmp_path: Path) -> None:
    for name in ("fifo", "aryl"):
        write_run(tmp_path / name, scheme=name, lends=name == "aryl", jobs=50, **bounded(9000.0))
    write_report(tmp_path / "aryl")

    page = write_comparison(tmp_path, ["fifo", "aryl"]).read_text(encoding="utf-8")

    figures = {
        chart: json.loads(page.split(f'id="{chart}-figure">')[1].split("</script>")[0])
        for chart in ("queuing-cdf", "jct-cdf", "queue-over-time", "usage-over-time")
    }
    for figure in figures.values():
        assert [trace["name"] for trace in figure["data"]] == ["fifo", "aryl"]
        assert len({trace["line"]["color"] for trace in figure["data"]}) == 2
    on_loan = json.loads(page.split('id="loans-over-time-figure">')[1].split("</script>")[0])
    assert [trace["name"] for trace in on_loan["data"]] == ["aryl"]
    assert '<a href="aryl/report.html">aryl</a>' in page
    assert 'href="fifo/' not in page
    assert "below 9,000 s" in page
    assert f"1.25{TIMES}" in page


def test_scheme_names_in_a_page_are_text(tmp_path: Path) -> None:
    name = "<b>aryl+"
    write_report(write_run(tmp_path / name, jobs=5))

    page = write_comparison(tmp_path, [name]).read_text(encoding="utf-8")

    assert "<b>" not in page.split("<body>")[1].split("<noscript>")[0]
    assert '<a href="%3Cb%3Earyl%2B/report.html">&lt;b&gt;aryl+</a>' in page


def test_writing_a_comparison_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    write_run(tmp_path / "fifo", jobs=50)

    first, again = (write_comparison(tmp_path, ["fifo"]).read_bytes() for _ in range(2))

    assert first == again


def test_a_comparison_of_a_missing_run_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"jobs.csv: is missing"):
        write_comparison(tmp_path, ["fifo"])


def test_a_scheme_looks_the_same_in_every_comparison_and_unlike_the_others() -> None:
    many = scheme_styles([*SCHEMES, "aryl+", "mine", "yours"])

    assert len(set(many.values())) == len(many)
    assert scheme_styles(["aryl", "fifo"]) == {name: many[name] for name in ("aryl", "fifo")}
