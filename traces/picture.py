"""Draws a trace as one self-contained HTML page: the same trace gives the same bytes."""

from html import escape
from pathlib import Path

import plotly.graph_objects as go  # type: ignore[import-untyped]  # it ships no types
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # as above

from traces.job import Trace
from traces.statistics import DAY_S, HOUR_S, ClassShare, Description, gpus_asked_for
from traces.writing import write_whole

COLOURS = ("#3b82c4", "#e08a3c")
GREY = "#8a8f98"  # readable on white and on black
GRID = "rgba(138,143,152,0.25)"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem; }}
h1 {{ font-size: 1.3rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1rem; margin: 1.5rem 0 0; }}
</style>
<script>{script}</script>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
{charts}
</body>
</html>
"""


def write_picture(path: Path, trace: Trace, description: Description) -> None:
    """Write the page; raises BadInput for a place that can't be written."""
    charts = {
        "Submissions by hour of the day": _arrivals(description),
        "GPUs held if every job started at once": _held(trace, description.gpus),
        "Shares by GPUs per job": _shares(description.sizes),
        "Shares by run time": _shares(description.run_times),
        "Run time, share of jobs that run no longer": _run_times(trace),
    }
    sections = [
        f"<h2>{escape(title)}</h2>\n{_section(figure, number)}"
        for number, (title, figure) in enumerate(charts.items(), start=1)
    ]
    page = PAGE.format(
        title=escape(f"Trace {Path(description.path).name}"),
        summary=escape(_summary(description)),
        script=get_plotlyjs(),
        charts="\n".join(sections),
    )
    write_whole(path, page.encode())


def _summary(of: Description) -> str:
    carried = f" ({of.carried_in:,} more carried in)" if of.carried_in else ""
    load = "" if of.offered_load is None else f"; offered load {of.offered_load:.2f}"
    days = of.span_s / DAY_S
    return f"{of.jobs:,} jobs{carried} in {days:.1f} days, {of.gpu_hours:,.0f} GPU-hours{load}."


def _section(figure: go.Figure, number: int) -> str:
    figure.update_layout(
        height=300,
        margin={"l": 50, "r": 10, "t": 10, "b": 40},
        font={"color": GREY},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.1},
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GREY, automargin=True)
    # the library would make up an id for each chart
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=f"chart-{number}",
            config={"displayModeBar": False, "responsive": True},
        )
    )


def _arrivals(of: Description) -> go.Figure:
    figure = go.Figure(go.Bar(x=list(range(24)), y=of.arrivals_by_hour, marker_color=COLOURS[0]))
    return figure.update_xaxes(title="hour").update_yaxes(title="jobs")


def _held(trace: Trace, gpus: int | None) -> go.Figure:
    held = gpus_asked_for(trace, HOUR_S)
    days = [hour * HOUR_S / DAY_S for hour in range(len(held))]
    figure = go.Figure(go.Scatter(x=days, y=held, line={"color": COLOURS[0], "shape": "hv"}))
    if gpus is not None:
        figure.add_hline(gpus, line={"color": COLOURS[1], "dash": "dash"})
    return figure.update_xaxes(title="day").update_yaxes(title="GPUs", rangemode="tozero")


def _shares(shares: tuple[ClassShare, ...]) -> go.Figure:
    names = [share.name for share in shares]
    jobs = [100 * share.jobs for share in shares]
    gpu_hours = [100 * share.gpu_hours for share in shares]
    bars = (
        go.Bar(name="jobs", x=names, y=jobs, marker_color=COLOURS[0]),
        go.Bar(name="GPU-hours", x=names, y=gpu_hours, marker_color=COLOURS[1]),
    )
    return go.Figure(bars).update_xaxes(type="category").update_yaxes(title="%")


def _run_times(trace: Trace) -> go.Figure:
    """Draw the distribution at 201 ranks: more would not be seen, and would weigh much."""
    ordered = sorted(job.duration_s for job in trace.jobs)
    ranks = [round(step * (len(ordered) - 1) / 200) for step in range(201)]
    seconds = [max(1.0, ordered[rank]) for rank in ranks]
    percent = [step / 2 for step in range(201)]
    figure = go.Figure(go.Scatter(x=seconds, y=percent, line={"color": COLOURS[0]}))
    return figure.update_xaxes(title="seconds", type="log").update_yaxes(title="%")
