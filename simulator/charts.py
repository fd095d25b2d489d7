"""The building blocks of every chart: lines, areas and axes whose colours follow the page.

Colours are CSS variables (`var(--blue)`); the page's script puts the light or the dark value in
their place before plotly.js draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from numpy.typing import NDArray

from simulator.report_format import LOG_TICKS_S, duration
from simulator.report_input import Column
from simulator.report_sampling import MAX_POINTS, cumulative_shares, extreme_rows

_DAY_S, _HOUR_S, _MINUTE_S = 86400.0, 3600.0, 60.0
_TAIL_SHOWN = 0.15  # of the time until the last submission
TAIL_POINTS = 300
PANEL_PX = 190
LONE_PANEL_PX = 260
GAP_PX = 46
_TIME_LAYOUT = {"template": "none", "hovermode": "x unified", "hoversubplots": "axis"}


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart with its name in the page and the sentence that says what it shows."""

    id: str
    title: str
    sentence: str
    figure: go.Figure

    def json(self) -> Markup:
        """The figure as JSON that may stand inside a script element."""
        return htmlsafe_json_dumps(self.figure, dumps=lambda figure, **_: str(figure.to_json()))

    @property
    def height_px(self) -> int:
        """The height that the page keeps free for it."""
        return int(self.figure.layout.height)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Trace time in the unit that suits its length.

    Usage and means are measured from `first_s` to `last_s`, the first and the last submission; the
    axis ends a little later, at `until_s`, while the last jobs may go on for weeks, until `end_s`.
    """

    unit: str
    unit_s: float
    first_s: float
    last_s: float
    until_s: float
    end_s: float

    @classmethod
    def fitting(cls, first_s: float, last_s: float, end_s: float) -> "TimeAxis":
        """Days, hours or minutes, whatever the part that is shown calls for."""
        until_s = min(end_s, last_s + max(_TAIL_SHOWN * last_s, _HOUR_S))
        units = (("day", _DAY_S), ("hour", _HOUR_S), ("minute", _MINUTE_S))
        unit, unit_s = next((u for u in units if until_s >= 2 * u[1]), units[-1])
        return cls(unit, unit_s, first_s, last_s, until_s, end_s)

    def places(self, times_s: Column) -> Column:
        """Times on this axis."""
        return times_s / self.unit_s

    def name(self, time_s: float) -> str:
        """A moment in words: `day 3.2`."""
        return f"{self.unit} {time_s / self.unit_s:.1f}"

    def mean(self, times_s: Column, values: Column) -> float:
        """The mean of evenly spaced values from the first to the last submission, gaps apart."""
        measured = values[(times_s >= self.first_s) & (times_s <= self.last_s)]
        return float(np.nanmean(measured)) if np.isfinite(measured).any() else 0.0

    def rows(self, times_s: Column, columns: Sequence[Column]) -> NDArray[np.intp]:
        """The rows to draw: most of the points go to the part that is shown at first."""
        shown = int(np.searchsorted(times_s, self.until_s, side="right"))
        if shown in {0, len(times_s)}:
            return extreme_rows(columns)
        tail = extreme_rows([column[shown:] for column in columns], TAIL_POINTS)
        head = extreme_rows([column[:shown] for column in columns], MAX_POINTS - TAIL_POINTS)
        return np.concatenate([head, shown + tail])


def line(name: str, x: Column, y: Column, color: str, dash: str = "solid") -> go.Scatter:
    """A step line in the page's colour variable `--color`."""
    style = {"color": f"var(--{color})", "width": 1.6, "shape": "hv", "dash": dash}
    return go.Scatter(name=name, x=_compact(x), y=_compact(y), mode="lines", line=style)


def area(name: str, x: Column, y: Column, color: str, fill: str = "tozeroy") -> go.Scatter:
    """A step line filled down to zero, or to the line before it (`fill="tonexty"`)."""
    return line(name, x, y, color).update(fill=fill, fillcolor=f"var(--{color}-fill)")


def limit(name: str, time: TimeAxis, height: float) -> go.Scatter:
    """A dotted horizontal line: a limit such as the size of a pool."""
    style = {"color": "var(--muted)", "width": 1.5, "dash": "dot"}
    ends = [0.0, time.end_s / time.unit_s]
    return go.Scatter(name=name, x=ends, y=[height] * 2, mode="lines", line=style, hoverinfo="skip")


def cdf_line(name: str, seconds: Column, color: str, dash: str = "solid") -> go.Scatter:
    """The share of jobs that took at most so many seconds; less than one second counts as one."""
    values, shares = cumulative_shares(seconds)
    return line(name, np.maximum(values, 1.0), shares, color, dash).update(
        text=[duration(value) for value in values.tolist()],
        hovertemplate="%{y:.1%} within %{text}",
    )


def time_figure(time: TimeAxis, panels: Mapping[str, Sequence[go.Scatter]]) -> go.Figure:
    """Panels under each other that share one time axis; the keys are the panels' titles."""
    panel_px = PANEL_PX if len(panels) > 1 else LONE_PANEL_PX
    height = len(panels) * panel_px + (len(panels) - 1) * GAP_PX + 70
    figure = go.Figure(layout={"height": height, **_TIME_LAYOUT})
    step = 1 / len(panels)
    for place, (title, traces) in enumerate(panels.items()):
        name = "" if place == 0 else str(place + 1)
        top = 1 - place * step
        gap = 0.0 if place == len(panels) - 1 else 0.2 * step
        figure.layout[f"yaxis{name}"] = {
            "domain": [max(0.0, top - step + gap), top],
            "rangemode": "tozero",
            "tickformat": "~s",
            "title": {"text": title},
        }
        for trace in traces:
            figure.add_trace(trace.update(xaxis="x", yaxis=f"y{name}"))
    figure.layout.showlegend = any(len(traces) > 1 for traces in panels.values())
    note = ""
    if time.until_s > time.last_s:
        figure.add_shape(_last_submission(time))
        note = "; dotted: last submission"
    figure.layout.xaxis = {
        "range": [0, time.until_s / time.unit_s],
        "anchor": f"y{len(panels)}" if len(panels) > 1 else "y",
        "title": {"text": f"{time.unit}s{note}"},
        "unifiedhovertitle": {"text": f"{time.unit} %{{x:.2f}}"},
    }
    return figure


def cdf_figure(traces: Sequence[go.Scatter]) -> go.Figure:
    """Shares of jobs over a logarithmic axis of seconds with ticks in minutes, hours and days."""
    figure = go.Figure(
        list(traces), layout={"height": 340, "hovermode": "closest", "template": "none"}
    )
    longest = max((float(max(trace.x, default=1.0)) for trace in traces), default=1.0)
    figure.layout.xaxis = {
        "type": "log",
        "range": [0, max(1.0, float(np.log10(max(longest, 1.0))) + 0.05)],
        "tickvals": list(LOG_TICKS_S),
        "ticktext": list(LOG_TICKS_S.values()),
    }
    figure.layout.yaxis = {
        "range": [0, 1.01],
        "tickformat": ".0%",
        "title": {"text": "share of jobs"},
    }
    return figure


def _last_submission(time: TimeAxis) -> dict[str, object]:
    place = time.last_s / time.unit_s
    ends = {"x0": place, "x1": place, "y0": 0, "y1": 1}
    style = {"color": "var(--muted)", "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x", "yref": "paper", "layer": "below", "line": style, **ends}


def _compact(values: Column) -> NDArray[np.float32]:
    # Far finer than a pixel, in half the bytes.
    return values.astype(np.float32)
