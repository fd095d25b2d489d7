import base64
import csv
import hashlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from simulator.report import write_report
from simulator.report_format import NOTHING
from tests.run_folders import JOB_HEAD, LOAN_HEAD, TIMELINE_HEAD, write_rows, write_run

SPACE = "\N{NO-BREAK SPACE}"
ATTACK = '</script><script>alert("x")</script>'
CLUSTER = {
    "training": {"servers": 443, "gpus_per_server": 8},
    "inference": {"servers": 520, "gpus_per_server": 8},
}


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, scripts, and the words shown."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.programs: list[str] = []
        self.figures: list[str] = []
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            (self.figures if dict(attrs).get("type") else self.programs).append("")

    def handle_data(self, data: str) -> None:
        tag, attrs = self.elements[-1] if self.elements else ("", {})
        if tag == "script":
            kept = self.figures if attrs.get("type") else self.programs
            kept[-1] += data
        elif tag != "style":
            self.words += data

    def handle_endtag(self, tag: str) -> None:
        self.words += " "
        if tag in {"script", "style"}:
            self.elements.append((f"/{tag}", {}))

    @property
    def shown(self) -> str:
        """The words with every space the same."""
        return " ".join(self.words.split())

    def attributes(self, name: str) -> list[str | None]:
        return [attrs[name] for _, attrs in self.elements if name in attrs]


def one_job(job_id: str, **changes: object) -> list[object]:
    values: dict[str, object] = dict.fromkeys(JOB_HEAD, 0)
    values |= {"job_id": job_id, "finish_s": 60.0, "queuing_s": 5.0, "jct_s": 60.0, "num_gpus": 8}
    return list((values | changes).values())


def test_a_report_shows_the_figures_of_its_summary(tmp_path: Path) -> None:
    page = Page(write_report(write_run(tmp_path)))

    headlines = (
        *("aryl", "basic", "seed 1", "jobs 400"),
        *("33.5 min", "median 26 s", "p95 56.0 min"),
        *("3.1 h", "median 9.5 min", "p95 15.7 h"),
        *("86.0 %", "both pools 65.0 %", "on loan 95.8 %"),
        *("6,168", "of submissions 12.2 %", "GPU-hours lost 15,000"),
        *("4,211", "reclaims 3,987"),
        *("9,120", "elastic jobs 5.0 %", "their GPU-time 36.0 %", "fungible jobs 21.0 %"),
        *("53.5 %", "collateral 13.4 %"),
        "Inference shortfall, server-hours 2",
    )
    for headline in headlines:
        assert headline in page.shown


def test_the_mean_jct_stands_beside_what_no_scheduler_can_bring_it_below(tmp_path: Path) -> None:
    bound = {"mean": 10_560.0, "alone": 10_560.0, "pooled": 240.0}

    page = Page(write_report(write_run(tmp_path, jct_bound_s=bound)))

    assert "p95 15.7 h lower bound 2.9 h" in page.shown


def test_every_entry_of_the_summary_is_listed_whatever_its_name(tmp_path: Path) -> None:
    page = Page(write_report(write_run(tmp_path, forecaster="oracle", nested={"deep": 41.5})))

    assert "forecaster oracle" in page.shown
    assert "nested.deep 41.5" in page.shown


def test_a_report_has_a_chart_for_each_question_with_a_sentence_and_a_fixed_id(
    tmp_path: Path,
) -> None:
    page = Page(write_report(write_run(tmp_path, cluster=CLUSTER)))

    charts = [attrs["id"] for _, attrs in page.elements if "data-chart" in attrs]
    assert charts == ["jobs-over-time", "gpu-usage", "loans", "waiting-cdf"]
    assert len(page.figures) == len(charts)
    assert set(page.attributes("aria-describedby")) <= set(page.attributes("id"))
    assert re.search(r"[\d,]+ waited and [\d,]+ ran on average; at most [\d,]+ ", page.shown)
    assert re.search(r"[\d,]+ of 3,544 training GPUs were busy on average \(86.0 %\)", page.shown)
    assert re.search(r"[\d,]+ GPUs on loan \(95.8 % of those\)", page.shown)
    assert re.search(r"[\d,]+ were on loan on average and [\d,]+ at most, of 520", page.shown)


def test_a_report_asks_the_network_for_nothing(tmp_path: Path) -> None:
    path = write_report(write_run(tmp_path))

    page = Page(path)
    for name in ("src", "href", "srcset", "data", "poster", "action", "background"):
        assert page.attributes(name) == []
    ours = path.read_text(encoding="utf-8").replace(page.programs[0], "")
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttpRequest|import\(", ours)


def test_the_pages_own_policy_forbids_requests_and_names_every_script(tmp_path: Path) -> None:
    page = Page(write_report(write_run(tmp_path)))

    policy = next(
        attrs["content"] or ""
        for _, attrs in page.elements
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(program.encode()).digest()).decode() + "'"
        for program in page.programs
    ]
    assert policy.startswith("default-src 'none';")
    assert f"script-src {' '.join(hashes)};" in policy


def test_names_from_a_trace_are_shown_and_never_run(tmp_path: Path) -> None:
    rejected = [{"job_id": ATTACK, "reason": "<b>too large</b>"}]
    run_dir = write_run(tmp_path, scheme=ATTACK, rejected=rejected, cluster=CLUSTER)
    write_rows(run_dir / "jobs.csv", JOB_HEAD, [one_job(ATTACK, queuing_s=9e9)])

    page = Page(write_report(run_dir))

    # Plotly.js and the page's own script; the figures are no programs.
    assert len(page.programs) == 2
    assert not [tag for tag, _ in page.elements if tag == "b"]
    assert page.words.count(ATTACK) >= 3
    assert "<b>too large</b>" in page.words


def test_the_same_run_gives_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path, cluster=CLUSTER)
    program = (
        "import sys, pathlib, simulator.report as r; r.write_report(pathlib.Path(sys.argv[1]))"
    )
    pages = set()
    for seed in ("1", "2"):
        subprocess.run(  # noqa: S603 - our own interpreter on our own words
            [sys.executable, "-c", program, str(run_dir)],
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        pages.add((run_dir / "report.html").read_bytes())

    assert len(pages) == 1


def test_a_run_without_loans_has_no_loan_table_and_no_on_loan_panel(tmp_path: Path) -> None:
    lent = Page(write_report(write_run(tmp_path / "lent")))
    kept = Page(write_report(write_run(tmp_path / "kept", lends=False)))

    assert "median length" in lent.shown
    assert "median length" not in kept.shown
    assert any("on loan, used" in figure for figure in lent.figures)
    assert not any("on loan" in figure for figure in kept.figures)
    assert "none was on loan" in kept.shown


@pytest.mark.parametrize(
    ("jobs", "told"),
    [
        pytest.param([], "No job finished.", id="no job"),
        pytest.param([one_job("solo")], "Half completed within 1.0 min", id="one job"),
        pytest.param(
            [one_job("open", finish_s="", jct_s="", queuing_s="")], "No job finished.", id="open"
        ),
        pytest.param([one_job("old", carry_in=1)], "No job finished.", id="only carried in"),
    ],
)
def test_a_run_with_hardly_a_job_still_gets_its_report(
    tmp_path: Path, jobs: list[list[object]], told: str
) -> None:
    run_dir = write_run(tmp_path, queuing_s=None, jct_s=None, flexible_share=None)
    write_rows(run_dir / "jobs.csv", JOB_HEAD, jobs)
    write_rows(run_dir / "loans.csv", LOAN_HEAD, [])
    write_rows(run_dir / "timeline.csv", TIMELINE_HEAD, [])

    page = Page(write_report(run_dir))

    assert told in page.shown
    assert f"Reclaimed by shrinking alone {NOTHING}" in page.shown


def test_carried_in_jobs_are_left_out_of_the_tables(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path)
    rows = [one_job("old", carry_in=1, queuing_s=900.0), one_job("new")]
    write_rows(run_dir / "jobs.csv", JOB_HEAD, rows)

    shown = Page(write_report(run_dir)).shown

    assert "new 5 s" in shown
    assert "old 15.0 min" not in shown
    assert "2 to 8 1 5 s" in shown


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path)
    write_rows(run_dir / "timeline.csv", TIMELINE_HEAD[:-1], [])

    with pytest.raises(BadInput, match=r"timeline.csv, row 1, column forecast_servers: is missing"):
        write_report(run_dir)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path)
    (run_dir / "loans.csv").unlink()

    with pytest.raises(BadInput, match=r"loans.csv: is missing"):
        write_report(run_dir)


def test_a_long_run_gives_a_page_of_at_most_six_megabytes(tmp_path: Path) -> None:
    path = write_report(write_run(tmp_path, jobs=4000, days=69.0, cluster=CLUSTER))

    with (tmp_path / "timeline.csv").open(newline="") as file:
        assert sum(1 for _ in csv.reader(file)) > 20_000
    assert path.stat().st_size < 6_000_000
