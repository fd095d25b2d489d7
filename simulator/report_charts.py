"""The charts of one run's report: jobs, GPUs, loans and waiting times."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

from simulator.charts import (
    Chart,
    TimeAxis,
    area,
    cdf_figure,
    cdf_line,
    level,
    line,
    time_figure,
)
from simulator.report_format import duration, percent, quantity
from simulator.report_input import Column, RunOutput
from simulator.report_sampling import extreme_rows


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
    """The axis that suits a run: it ends a little after the last submission."""
    times = run.timeline["t_s"]
    end_s = float(times[-1]) if len(times) else 0.0
    submits = run.jobs["submit_s"]
    return TimeAxis.fitting(end_s, float(submits.max()) if len(submits) else end_s)


def _jobs(run: RunOutput, time: TimeAxis) -> Chart:
    queued, running = run.timeline["queued_jobs"], run.timeline["running_jobs"]
    kept = extreme_rows([queued, running])
    x = time.places(run.timeline["t_s"][kept])
    panels = {
        "queued": [area("queued jobs", x, queued[kept], "orange")],
        "running": [line("running jobs", x, running[kept], "blue")],
    }
    peak = int(queued.argmax())
    sentence = (
        f"On average {quantity(_mean(queued))} jobs waited and {quantity(_mean(running))} ran; "
        f"at most {quantity(float(queued[peak]))} waited at once "
        f"({time.name(float(run.timeline['t_s'][peak]))})."
    )
    return Chart("jobs-over-time", "Jobs queued and running", sentence, time_figure(time, panels))


def _usage(run: RunOutput, time: TimeAxis, sizes: PoolSizes) -> Chart:
    used, on_loan = run.timeline["training_gpus_used"], run.timeline["on_loan_gpus_used"]
    lent = run.timeline["on_loan_servers"] * (sizes.gpus_per_inference_server or np.nan)
    kept = extreme_rows([used, on_loan, lent])
    times = run.timeline["t_s"]
    x = time.places(times[kept])
    panels = {"training": [area("training, used", x, used[kept], "blue")]}
    if sizes.training_gpus is not None:
        panels["training"].append(_limit("training, all", time, times, sizes.training_gpus))
    sentence = f"Training kept {quantity(_mean(used))} of its own GPUs busy on average"
    if sizes.training_gpus:
        sentence += f", {percent(_mean(used) / sizes.training_gpus)} of {sizes.training_gpus:,.0f}"
    if run.timeline["on_loan_servers"].any():
        panels["on loan"] = [area("on loan, used", x, on_loan[kept], "green")]
        if np.isfinite(lent).any():
            panels["on loan"].insert(0, line("on loan, all", x, lent[kept], "muted"))
        sentence += f", and {quantity(_mean(on_loan))} GPUs on loan"
    return Chart("gpu-usage", "GPUs in use", sentence + ".", time_figure(time, panels))


def _loans(run: RunOutput, time: TimeAxis, sizes: PoolSizes) -> Chart:
    demand, forecast = (
        run.timeline[name] for name in ("inference_demand_servers", "forecast_servers")
    )
    on_loan = run.timeline["on_loan_servers"]
    kept = extreme_rows([demand, forecast, on_loan])
    times = run.timeline["t_s"]
    x = time.places(times[kept])
    traces = [area("inference demand", x, demand[kept], "purple")]
    if on_loan.any():
        lent = area("on loan", x, (demand + on_loan)[kept], "green", fill="tonexty")
        # Its upper edge is drawn, but its thickness is what a reader wants told.
        traces.append(lent.update(customdata=on_loan[kept], hovertemplate="%{customdata}"))
    if np.isfinite(forecast).any():
        traces.append(line("forecast", x, forecast[kept], "orange", "dash"))
    if sizes.inference_servers is not None:
        traces.append(_limit("inference pool", time, times, sizes.inference_servers))
    sentence = (
        f"Inference needed {quantity(_mean(demand))} servers on average and "
        f"{quantity(float(np.nanmax(demand, initial=0.0)))} at most; "
        f"{quantity(_mean(on_loan))} were on loan on average and "
        f"{quantity(float(on_loan.max()))} at most"
        + (f", of {sizes.inference_servers:,.0f}." if sizes.inference_servers else ".")
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


def _limit(name: str, time: TimeAxis, times: Column, height: float) -> go.Scatter:
    ends = float(times[0] / time.unit_s), float(times[-1] / time.unit_s)
    return level(name, ends, height)


def _mean(values: Column) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def _quantile(values: Column, share: float) -> float:
    return float(np.nanquantile(values, share))
