"""The charts as ECharts options; colours are variables of the page, and follow its theme."""

from collections.abc import Callable, Sequence
from math import ceil, floor
from typing import Any, Final

from api.schemas.cluster import PoolOut, SightOut
from api.schemas.whatif import StepOut, WhatIfOut

Options = dict[str, Any]
Points = list[tuple[float, float | None]]

MAX_POINTS: Final = 480  # more than that no screen shows
_HOURS: Final = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672)
_TICKS_S: Final = (300, 600, 1_800, *(3_600 * hours for hours in _HOURS))
_TICKS: Final = 5  # at most, on an axis of time
_NO_SAMPLES: Final = {
    "text": "The first sample comes within five minutes of cluster time",
    "left": "center",
    "top": "middle",
    "textStyle": {"color": "var(--muted)", "fontSize": 13, "fontWeight": "normal"},
}
_TEXT: Final = {"color": "var(--muted)", "fontFamily": "inherit", "fontSize": 11}
_RULE: Final = {"lineStyle": {"color": "var(--rule)"}}
_LEGEND: Final = {
    "top": 0,
    "left": 0,
    "itemGap": 14,
    "itemWidth": 12,
    "itemHeight": 4,
    "icon": "roundRect",
    "textStyle": _TEXT,
}
_TOOLTIP: Final = {
    "trigger": "axis",
    "confine": True,
    "backgroundColor": "var(--card)",
    "borderColor": "var(--rule)",
    "textStyle": {"color": "var(--text)", "fontSize": 12},
    "axisPointer": {"type": "line", "lineStyle": {"color": "var(--muted)"}, "animation": False},
    ":formatter": "arylTip",
}


def lending(sights: Sequence[SightOut], pools: Sequence[PoolOut], headroom: float) -> Options:
    """Inference demand, its forecast, what that leaves to lend, and what is on loan, in servers."""
    servers = sum(pool.servers for pool in pools if pool.name == "inference")

    def lendable(sight: SightOut) -> float | None:
        if sight.forecast_servers is None:
            return None
        return max(0, floor((1 - headroom) * servers - sight.forecast_servers))

    return _chart(
        sights,
        [
            _area("on loan", "orange", _points(sights, lambda sight: sight.on_loan_servers)),
            _line("lendable", "orange", _points(sights, lendable), "dotted"),
            _line("demand", "blue", _points(sights, lambda s: s.inference_demand_servers)),
            _line("forecast", "purple", _points(sights, lambda s: s.forecast_servers), "dashed"),
        ],
        [{"name": "servers"}],
    )


def load(sights: Sequence[SightOut], pools: Sequence[PoolOut]) -> Options:
    """Jobs that wait, and the share of training GPUs in use."""
    gpus = sum(pool.gpus for pool in pools if pool.name == "training") or 1
    usage = _points(sights, lambda sight: round(100 * sight.training_gpus_used / gpus, 1))
    return _chart(
        sights,
        [
            _area("training GPUs in use, %", "blue", usage) | {"yAxisIndex": 1},
            _line("queued jobs", "red", _points(sights, lambda sight: sight.queued_jobs)),
            _line("running jobs", "green", _points(sights, lambda sight: sight.running_jobs)),
        ],
        [{"name": "jobs"}, {"name": "%", "max": 100, "interval": 25, "splitLine": {"show": False}}],
    )


def loans(told: WhatIfOut) -> Options:
    """Servers on loan from now on, as things are and as is supposed."""

    def course(name: str, colour: str, steps: Sequence[StepOut], dash: str = "solid") -> Options:
        points: Points = [(step.t_s, step.value) for step in steps]
        last = [(told.until_s, steps[-1].value)] if steps else []
        return _line(name, colour, [*points, *last], dash)

    courses = [
        course("on loan, as things are", "blue", told.loans.base),
        course("on loan, as supposed", "orange", told.loans.changed, "dashed"),
    ]
    return _options((told.now_s, told.until_s), courses, [{"name": "servers"}])


def thinned(sights: Sequence[SightOut]) -> list[SightOut]:
    """Evenly chosen ones, the last among them, as many as a screen can show."""
    step = -(-len(sights) // MAX_POINTS) or 1
    return list(sights[::-1][::step][::-1])


def _points(sights: Sequence[SightOut], value: Callable[[SightOut], float | None]) -> Points:
    return [(sight.t_s, value(sight)) for sight in sights]


def _line(name: str, colour: str, points: Points, dash: str = "solid") -> Options:
    paint = f"var(--{colour})"
    return {
        "name": name,
        "type": "line",
        "step": "end",
        "showSymbol": False,
        "data": points,
        "color": paint,
        "lineStyle": {"width": 1.6, "type": dash, "color": paint},
        "emphasis": {"disabled": True},
    }


def _area(name: str, colour: str, points: Points) -> Options:
    fill = {"areaStyle": {"color": f"var(--{colour}-fill)", "opacity": 1}}
    return _line(name, colour, points) | fill


def _chart(sights: Sequence[SightOut], series: list[Options], axes: list[Options]) -> Options:
    if not sights:
        return _options((0.0, 0.0), series, axes) | {"title": _NO_SAMPLES}
    return _options((sights[0].t_s, sights[-1].t_s), series, axes)


def _options(span_s: tuple[float, float], series: list[Options], axes: list[Options]) -> Options:
    value_axis = {"type": "value", "min": 0, "minInterval": 1, "splitNumber": 4}
    value_axis |= {"axisLabel": _TEXT, "nameTextStyle": _TEXT, "splitLine": _RULE}
    return {
        "animation": False,
        "grid": {"left": 4, "right": 4, "top": 52, "bottom": 6, "containLabel": True},
        "legend": _LEGEND,
        "tooltip": _TOOLTIP,
        "title": {"show": False},
        "xAxis": _time_axis(*span_s),
        "yAxis": [value_axis | axis for axis in axes],
        "series": series,
    }


def _time_axis(first: float, last: float) -> Options:
    """An axis with its ticks at whole hours or days."""
    step = next((s for s in _TICKS_S if (last - first) / s <= _TICKS), _TICKS_S[-1])
    ticks = {"customValues": [step * k for k in range(ceil(first / step), floor(last / step) + 1)]}
    ends = {"hideOverlap": True, "alignMinLabel": "left", "alignMaxLabel": "right"}
    return {
        "type": "value",
        "min": first,
        "max": last,
        "axisLabel": _TEXT | {":formatter": "arylMoment"} | ends | ticks,
        "axisLine": _RULE,
        "axisTick": _RULE | ticks,
        "splitLine": {"show": False},
    }
