"""The charts of a comparison: every scheme in one colour and dash, the same on every page."""

from collections.abc import Iterable, Mapping
from itertools import cycle, product

import numpy as np

from simulator.charts import Chart, TimeAxis, cdf_figure, cdf_line, line, time_figure
from simulator.report_charts import PoolSizes, time_axis
from simulator.report_format import duration, percent, quantity
from simulator.report_input import Column, RunOutput
from simulator.report_sampling import stretch_means

# The schemes that are built in always look the same; others take what is left.
_STYLES = {
    "fifo": ("grey", "dash"),
    "fifo-backfill": ("gold", "dot"),
    "sjf": ("orange", "solid"),
    "srtf": ("sky", "solid"),
    "las": ("sky", "dash"),
    "opportunistic": ("grey", "dot"),
    "aryl-loaning": ("green", "dash"),
    "aryl-scaling": ("purple", "dot"),
    "gandiva": ("gold", "dash"),
    "afs": ("green", "solid"),
    "pollux": ("purple", "solid"),
    "aryl": ("blue", "solid"),
    "aryl+": ("red", "solid"),
}
_COLORS = ("sky", "red", "gold", "green", "purple", "orange", "grey", "blue")
_FREE_STYLES = tuple((color, dash) for dash, color in product(("dashdot", "longdash"), _COLORS))
_STRETCHES = 240


def scheme_styles(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and dash by scheme name."""
    free = cycle(_FREE_STYLES)
    return {name: _STYLES[name] if name in _STYLES else next(free) for name in names}


def comparison_charts(runs: Mapping[str, RunOutput]) -> list[Chart]:
    """Every chart of a comparison, in reading order; those without data are left out."""
    charts = [
        _cdfs("queuing-cdf", "Queuing time", runs, "queuing_s"),
        _cdfs("jct-cdf", "Job completion time (JCT)", runs, "jct_s"),
    ]
    shown = {name: run for name, run in runs.items() if len(run.timeline["t_s"])}
    if not shown:
        return charts
    time = max((time_axis(run) for run in shown.values()), key=lambda axis: axis.until_s)
    charts += [_queues(shown, time), _usage(shown, time)]
    lending = {name: run for name, run in shown.items() if run.timeline["on_loan_servers"].any()}
    return [*charts, _loans(lending, time)] if lending else charts


def _cdfs(chart_id: str, title: str, runs: Mapping[str, RunOutput], column: str) -> Chart:
    styles = scheme_styles(runs)
    traces = [cdf_line(name, run.jobs[column], *styles[name]) for name, run in runs.items()]
    medians = {
        name: f"{duration(_quantile(run.jobs[column], 0.5))} and "
        f"{duration(_quantile(run.jobs[column], 0.95))}"
        for name, run in runs.items()
    }
    sentence = f"Median and 95th percentile: {_listed(medians)}."
    return Chart(chart_id, title, sentence, cdf_figure(traces))


def _queues(runs: Mapping[str, RunOutput], time: TimeAxis) -> Chart:
    curves = {name: run.timeline["queued_jobs"] for name, run in runs.items()}
    means = {name: _mean(runs[name], values, time) for name, values in curves.items()}
    return Chart(
        "queue-over-time",
        "Queued jobs",
        f"Jobs waiting, means over {duration(_stretch_s(time))}. "
        f"While jobs were submitted, on average: {_listed(means)}.",
        time_figure(time, {"queued jobs": _smooth_lines(runs, curves, time)}),
    )


def _usage(runs: Mapping[str, RunOutput], time: TimeAxis) -> Chart:
    totals = {name: PoolSizes.of(run.summary).training_gpus for name, run in runs.items()}
    known = all(totals.values())
    curves = {
        name: run.timeline["training_gpus_used"] / ((totals[name] or 1.0) if known else 1.0)
        for name, run in runs.items()
    }
    usage = {name: percent(run.summary.get("training_usage")) for name, run in runs.items()}
    unit = "share of GPUs in use" if known else "GPUs in use"
    figure = time_figure(time, {unit: _smooth_lines(runs, curves, time)})
    if known:
        figure.layout.yaxis.update(tickformat=".0%", range=[0, 1.01])
    sentence = (
        f"Training's own GPUs, means over {duration(_stretch_s(time))}. "
        f"From the first to the last submission: {_listed(usage)}."
    )
    return Chart("usage-over-time", "Training usage", sentence, figure)


def _loans(runs: Mapping[str, RunOutput], time: TimeAxis) -> Chart:
    styles = scheme_styles(runs)
    traces, means = [], {}
    for name, run in runs.items():
        on_loan = run.timeline["on_loan_servers"]
        kept = time.rows(run.timeline["t_s"], [on_loan])
        x = time.places(run.timeline["t_s"][kept])
        traces.append(line(name, x, on_loan[kept], *styles[name]))
        means[name] = _mean(run, on_loan, time)
    sentence = f"Servers on loan while jobs were submitted, on average: {_listed(means)}."
    return Chart(
        "loans-over-time", "On-loan servers", sentence, time_figure(time, {"servers": traces})
    )


def _smooth_lines(
    runs: Mapping[str, RunOutput], curves: Mapping[str, Column], time: TimeAxis
) -> list[object]:
    styles = scheme_styles(runs)
    traces = []
    for name, run in runs.items():
        starts, means = stretch_means(run.timeline["t_s"], curves[name], _stretch_s(time))
        traces.append(line(name, time.places(starts), means, *styles[name]))
    return traces


def _stretch_s(time: TimeAxis) -> float:
    """A round length that divides the axis into about `_STRETCHES`, at least one sample long."""
    lengths_s = (300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0)
    wanted_s = time.until_s / _STRETCHES
    return next((length_s for length_s in lengths_s if length_s >= wanted_s), 86400.0)


def _listed(figures: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {figure}" for name, figure in figures.items())


def _mean(run: RunOutput, values: Column, time: TimeAxis) -> str:
    return quantity(time.mean(run.timeline["t_s"], values))


def _quantile(values: Column, share: float) -> float | None:
    return float(np.nanquantile(values, share)) if np.isfinite(values).any() else None
