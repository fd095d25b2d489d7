"""The charts of one run's report: jobs, GPUs, loans and waiting times."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.charts import (
    Chart,
    TimeAxis,
    area,
    cdf_figure,
    cdf_line,
    limit,
    line,
    time_figure,
)
from simulator.report_format import duration, percent, quantity
from simulator.report_input import Column, RunOutput


@dataclass(frozen=True, slots=True)
class PoolSizes:
    """What the summary says of the cluster; None where it says nothing."""

    training_gpus: float | None
    inference_servers: float | None
    gpus_per_inference_server: float | None

    @classmethod
    def of(cls, summary: Mapping[str, Any]) -> "PoolSizes":
        """Read the summary's `cluster`, which runs of other versions may lack."""
        cluster = summary.get("cluster") or {}
        training, inference = cluster.get("training") or {}, cluster.get("inference") or {}
        servers, gpus_per_server = training.get("servers"), training.get("gpus_per_server")
        return cls(
            servers * gpus_per_server if servers and gpus_per_server else None,
            inference.get("servers"),
            inference.get("gpus_per_server"),
        )


def run_charts(run: RunOutput) -> list[Chart]:
    """Every chart of a run's report, in reading order."""
    if not len(run.timeline["t_s"]):
        return [_waiting(run)]
    time = time_axis(run)
    sizes = PoolSizes.of(run.summary)
    return [_jobs(run, time), _usage(run, time, sizes), _loans(run, time, sizes), _waiting(run)]


def time_axis(run: RunOutput) -> TimeAxis:
    """The axis that suits a run."""
    times, submits = run.timeline["t_s"], run.jobs["submit_s"]
    end_s = float(times[-1]) if len(times) else 0.0
    if not len(submits):
        return TimeAxis.fitting(0.0, end_s, end_s)
    return TimeAxis.fitting(float(submits.min()), float(submits.max()), end_s)


def _jobs(run: RunOutput, time: TimeAxis) -> Chart:
    times, queued = run.timeline["t_s"], run.timeline["queued_jobs"]
    running = run.timeline["running_jobs"]
    kept = time.rows(times, [queued, running])
    x = time.places(times[kept])
    panels = {
        "queued": [area("queued jobs", x, queued[kept], "orange")],
        "running": [line("running jobs", x, running[kept], "blue")],
    }
    peak = int(queued.argmax())
    sentence = (
        f"While jobs were submitted, {quantity(time.mean(times, queued))} waited and "
        f"{quantity(time.mean(times, running))} ran on average; at most "
        f"{quantity(float(queued[peak]))} waited at once ({time.name(float(times[peak]))}). "
        f"The last job ended on {time.name(time.end_s)}."
    )
    return Chart("jobs-over-time", "Jobs queued and running", sentence, time_figure(time, panels))


def _usage(run: RunOutput, time: TimeAxis, sizes: PoolSizes) -> Chart:
    times, used = run.timeline["t_s"], run.timeline["training_gpus_used"]
    on_loan = run.timeline["on_loan_gpus_used"]
    lent = run.timeline["on_loan_servers"] * (sizes.gpus_per_inference_server or np.nan)
    kept = time.rows(times, [used, on_loan, lent])
    x = time.places(times[kept])
    panels = {"training": [area("training, used", x, used[kept], "blue")]}
    of_all = ""
    if sizes.training_gpus is not None:
        panels["training"].append(limit("training, all", time, sizes.training_gpus))
        of_all = f" of {sizes.training_gpus:,.0f}"
    sentence = (
        f"While jobs were submitted, {quantity(time.mean(times, used))}{of_all} training GPUs "
        f"were busy on average ({percent(run.summary.get('training_usage'))})"
    )
    if run.timeline["on_loan_servers"].any():
        panels["on loan"] = [area("on loan, used", x, on_loan[kept], "green")]
        if np.isfinite(lent).any():
            panels["on loan"].insert(0, line("on loan, all", x, lent[kept], "muted"))
        share = percent(run.summary.get("on_loan_usage"))
        sentence += f", and {quantity(time.mean(times, on_loan))} GPUs on loan ({share} of those)"
    return Chart("gpu-usage", "GPUs in use", sentence + ".", time_figure(time, panels))


def _loans(run: RunOutput, time: TimeAxis, sizes: PoolSizes) -> Chart:
    times, on_loan = run.timeline["t_s"], run.timeline["on_loan_servers"]
    demand = run.timeline["inference_demand_servers"]
    forecast = run.timeline["forecast_servers"]
    kept = time.rows(times, [demand, forecast, on_loan])
    x = time.places(times[kept])
    traces = [area("demand", x, demand[kept], "purple")]
    lent_words = "none was on loan"
    if on_loan.any():
        lent_words = (
            f"{quantity(time.mean(times, on_loan))} were on loan on average and "
            f"{quantity(float(on_loan.max()))} at most"
        )
        lent = area("on loan", x, (demand + on_loan)[kept], "green", fill="tonexty")
        # Its upper edge is drawn, but its thickness is what a reader wants told.
        traces.append(lent.update(customdata=on_loan[kept], hovertemplate="%{customdata}"))
    if np.isfinite(forecast).any():
        traces.append(line("forecast", x, forecast[kept], "orange").update(line_width=1))
    of_all = ""
    if sizes.inference_servers is not None:
        traces.append(limit("pool", time, sizes.inference_servers))
        of_all = f", of {sizes.inference_servers:,.0f}"
    sentence = (
        f"Inference needed {quantity(time.mean(times, demand))} servers on average and "
        f"{quantity(float(np.nanmax(demand, initial=0.0)))} at most; "
        f"{lent_words}{of_all}."
    )
    title = "Loans against inference demand, in servers"
    return Chart("loans", title, sentence, time_figure(time, {"servers": traces}))


def _waiting(run: RunOutput) -> Chart:
    queuing, jct = run.jobs["queuing_s"], run.jobs["jct_s"]
    figure = cdf_figure(
        [cdf_line("queuing", queuing, "orange"), cdf_line("completion", jct, "blue", "dash")]
    )
    if not np.isfinite(queuing).any():
        sentence = "No job finished."
    else:
        sentence = (
            f"{percent(float((queuing < 1).mean()))} of jobs started within a second; "
            f"one in twenty waited longer than {duration(_quantile(queuing, 0.95))}. "
            f"Half completed within {duration(_quantile(jct, 0.5))}, "
            f"one in twenty took longer than {duration(_quantile(jct, 0.95))}."
        )
    return Chart("waiting-cdf", "Queuing and completion times", sentence, figure)


def _quantile(values: Column, share: float) -> float:
    return float(np.nanquantile(values, share))
