"""The charts of a study: queuing, completion and preemptions by the axis with most values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

from simulator.charts import Chart
from simulator.comparison_charts import scheme_styles
from simulator.report_format import duration, percent
from simulator.sweep.cells import Study
from simulator.sweep.groups import Group, Spread, axes_of, grouped, named, titled
from simulator.sweep.results import Run
from simulator.sweep.tables import JCT, PREEMPTED, QUEUING, Measure

_HEIGHT_PX = 300
_LINE_FROM = 3  # numbers on an axis; fewer are bars
_TIMES = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
_SHARES = (("", 1.0),)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A figure as a chart shows it: in the first of its units that is small enough."""

    measure: Measure
    written: Callable[[float | None], str]
    title: str
    units: Sequence[tuple[str, float]]
    tickformat: str


_FIGURES = (
    _Drawn(QUEUING, duration, "Mean queuing time", _TIMES, ""),
    _Drawn(JCT, duration, "Mean completion time (JCT)", _TIMES, ""),
    _Drawn(PREEMPTED, percent, "Preemptions by submissions", _SHARES, ".2~%"),
)


def study_charts(study: Study, runs: Mapping[str, Run], number: int) -> list[Chart]:
    """The charts of a study, the `number`-th of its page; none where nothing varies.

    Figures that are 0 throughout have none.
    """
    groups = [group for group in grouped(study, runs) if group.summaries]
    axes = axes_of(study)
    if not axes or len(groups) < 2:
        return []
    across = max(axes, key=lambda axis: len({named(g.values[axis]) for g in groups}))
    return [
        _chart(f"study-{number}-{place}", drawn, groups, across)
        for place, drawn in enumerate(_FIGURES)
        if any((s := group.spread(drawn.measure.of)) and s.high for group in groups)
    ]


def _chart(chart_id: str, drawn: _Drawn, groups: Sequence[Group], across: str) -> Chart:
    series: dict[str, list[Group]] = {}
    for group in groups:
        others = [named(value) for axis, value in group.values.items() if axis != across]
        series.setdefault(" · ".join(others), []).append(group)
    styles = scheme_styles(series)
    most = max(s.mean for group in groups if (s := group.spread(drawn.measure.of)))
    unit, length = next((u for u in drawn.units if most >= 2 * u[1]), drawn.units[-1])
    is_numeric = _is_numeric(groups, across)
    form = _line if is_numeric else _bar
    traces = [
        form([group.values[across] for group in members], styles[name]).update(
            name=name or drawn.title, **_heights(members, drawn, 1 / length)
        )
        for name, members in series.items()
    ]
    layout = {"height": _HEIGHT_PX, "template": "none", "showlegend": len(series) > 1}
    figure = go.Figure(traces, layout=layout)
    kind = "linear" if is_numeric else "category"
    figure.layout.xaxis = {"title": {"text": titled(across)}, "type": kind}
    title = {"text": unit}
    figure.layout.yaxis = {"rangemode": "tozero", "tickformat": drawn.tickformat, "title": title}
    return Chart(chart_id, drawn.title, _sentence(groups, drawn), figure)


def _line(values: Sequence[object], style: tuple[str, str]) -> Any:  # noqa: ANN401 - plotly ships no types
    line = {"color": f"var(--{style[0]})", "width": 1.6, "dash": style[1]}
    return go.Scatter(x=values, mode="lines+markers", line=line)


def _bar(values: Sequence[object], style: tuple[str, str]) -> Any:  # noqa: ANN401 - as above
    marker = {"color": f"var(--{style[0]})"}
    return go.Bar(x=[named(value) for value in values], marker=marker, textposition="none")


def _heights(groups: Sequence[Group], drawn: _Drawn, scale: float) -> dict[str, Any]:
    spreads = [group.spread(drawn.measure.of) for group in groups]
    return {
        "y": [s and s.mean * scale for s in spreads],
        "text": [drawn.written(s.mean if s else None) for s in spreads],
        "hovertemplate": "%{x}: %{text}",
        "error_y": _bars([s for s in spreads if s], scale),
    }


def _bars(spreads: Sequence[Spread], scale: float) -> dict[str, Any] | None:
    """From the least to the most over the seeds, where there are several."""
    if all(s.low == s.high for s in spreads):
        return None
    up = [(s.high - s.mean) * scale for s in spreads]
    down = [(s.mean - s.low) * scale for s in spreads]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1}


def _is_numeric(groups: Sequence[Group], across: str) -> bool:
    """Whether the axis is one of enough numbers to draw a line."""
    values = {named(group.values[across]): group.values[across] for group in groups}.values()
    return len(values) >= _LINE_FROM and all(type(value) in (int, float) for value in values)


def _sentence(groups: Sequence[Group], drawn: _Drawn) -> str:
    """The least and the most, and where."""
    found = [(s.mean, g) for g in groups if (s := g.spread(drawn.measure.of))]
    least, most = min(found, key=lambda one: one[0]), max(found, key=lambda one: one[0])
    ends = [
        f"{drawn.written(value)} ({' · '.join(named(v) for v in group.values.values())})"
        for value, group in (least, most)
    ]
    return f"From {ends[0]} to {ends[1]}."
