"""Sets schemes side by side: the paper's table (Table 5) for a terminal, and a page with charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich import box
from rich.table import Table
from rich.text import Text

from simulator.comparison_charts import comparison_charts
from simulator.report_cards import run_facts
from simulator.report_format import NOTHING, TIMES, percent, quantity, times
from simulator.report_input import read_run
from simulator.report_page import write_page

_HOUR_S = 3600.0
_SPREAD = ("mean", "p50", "p95")
_HEADS = (
    *("\nmean", "\np50", "\np95", f"\n{TIMES}", "JCT/\nLB"),
    *("train\nuse%", "all\nuse%", "pre-\nempt%", "short-\nfall h"),
)
_LB = "JCT/LB: mean JCT by the lower bound for any scheduler"


@dataclass(frozen=True, slots=True)
class SchemeRow:
    """A scheme's figures as text; the ratios say how many times as short as the first scheme's.

    `bound_ratio` is the mean JCT by the lower bound for the jobs that the scheme ran.
    """

    scheme: str
    queuing_s: tuple[str, ...]
    queuing_ratio: str
    jct_s: tuple[str, ...]
    jct_ratio: str
    bound_ratio: str
    training_usage: str
    overall_usage: str
    preemption_ratio: str
    shortfall_server_h: str


def scheme_rows(summaries: Mapping[str, Mapping[str, Any]]) -> list[SchemeRow]:
    """Every scheme's row, in the given order; the first is what the others are measured by."""
    first = next(iter(summaries.values()), {})
    return [_row(name, summary, first) for name, summary in summaries.items()]


def lowest_bound(summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, float] | None:
    """The lower bound of the mean JCT that holds for every scheme, in seconds, and its parts.

    Schemes may reject different jobs, and each has the bound for those that it ran.
    """
    bounds = [summary.get("jct_bound_s") or {} for summary in summaries.values()]
    known = [bound for bound in bounds if bound.get("mean") is not None]
    if not known:
        return None
    lowest = min(known, key=lambda bound: float(bound["mean"]))
    return {f"{part}_jct_s": lowest[part] for part in ("mean", "alone", "pooled")}


def comparison_table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """The paper's table, at most 80 columns wide: two lines per scheme, queuing over completion.

    The lower bound of the mean JCT has a line of its own.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, caption_justify="left")
    table.caption = (
        f"{TIMES}: how many times as short as {next(iter(summaries), 'the first')}\n{_LB}"
    )
    table.add_column("\nscheme", overflow="fold", min_width=10)
    table.add_column("\nseconds", no_wrap=True)
    for head in _HEADS:
        table.add_column(head, justify="right", no_wrap=True)
    for row in scheme_rows(summaries):
        shares = row.training_usage, row.overall_usage, row.preemption_ratio
        cells = *row.queuing_s, row.queuing_ratio, "", *shares, row.shortfall_server_h
        table.add_row(Text(row.scheme), "queuing", *map(_bare, cells))
        table.add_row("", "JCT", *row.jct_s, _bare(row.jct_ratio), _bare(row.bound_ratio))
    bound = lowest_bound(summaries)
    if bound:
        first = next(iter(summaries.values()))
        ratio = times(_ratio(first, {"jct_s": {"mean": bound["mean_jct_s"]}}, "jct_s"))
        figures = quantity(bound["mean_jct_s"]), NOTHING, NOTHING, _bare(ratio)
        table.add_row("lower bound", "JCT", *figures, "1.00")
    return table


def write_comparison(out_dir: Path, names: Sequence[str]) -> Path:
    """Write `out_dir/comparison.html` from the runs in `out_dir/<name>` and return its path.

    Raises BadInput where a run's file is missing or lacks a column.
    """
    assert names, "a comparison compares at least one scheme"
    runs = {name: read_run(out_dir / name) for name in names}
    summaries = {name: run.summary for name, run in runs.items()}
    bound = lowest_bound(summaries)
    first = next(iter(runs.values()))
    content = {
        "kind": "comparison",
        "title": "Schemes on one trace",
        "facts": [fact for fact in run_facts(first.summary) if fact[0] != "scheme"],
        "rows": scheme_rows(summaries),
        "bound": quantity(bound["mean_jct_s"]) if bound else None,
        "reports": {
            name: f"{quote(name)}/report.html"
            for name in names
            if (out_dir / name / "report.html").is_file()
        },
        "charts": comparison_charts(runs),
    }
    return write_page(out_dir / "comparison.html", "comparison.html.j2", content)


def _bare(cell: str) -> str:
    """The figure without its unit, which stands in the column's head so that the table fits."""
    return cell.removesuffix(TIMES).removesuffix("%").strip()


def _row(name: str, summary: Mapping[str, Any], first: Mapping[str, Any]) -> SchemeRow:
    shortfall_s = summary.get("inference_shortfall_server_s")
    return SchemeRow(
        scheme=name,
        queuing_s=_spread(summary, "queuing_s"),
        queuing_ratio=times(_ratio(first, summary, "queuing_s")),
        jct_s=_spread(summary, "jct_s"),
        jct_ratio=times(_ratio(first, summary, "jct_s")),
        bound_ratio=times(_over_bound(summary)),
        training_usage=percent(summary.get("training_usage")),
        overall_usage=percent(summary.get("overall_usage")),
        preemption_ratio=percent(summary.get("preemption_ratio")),
        shortfall_server_h=NOTHING if shortfall_s is None else quantity(shortfall_s / _HOUR_S),
    )


def _spread(summary: Mapping[str, Any], key: str) -> tuple[str, ...]:
    spread = summary.get(key) or {}
    return tuple(quantity(spread.get(part)) for part in _SPREAD)


def _ratio(first: Mapping[str, Any], summary: Mapping[str, Any], key: str) -> float | None:
    before, after = ((one.get(key) or {}).get("mean") for one in (first, summary))
    if before is None or after is None:
        return None
    if after == 0:
        return 1.0 if before == 0 else inf
    return float(before / after)


def _over_bound(summary: Mapping[str, Any]) -> float | None:
    return _ratio(summary, {"jct_s": summary.get("jct_bound_s")}, "jct_s")
