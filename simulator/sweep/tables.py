"""The tables of a sweep's report: for each study a row per group, with the paper's figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from simulator.report_format import NOTHING, TIMES, percent, quantity, times
from simulator.sweep.cells import Study
from simulator.sweep.groups import Group, Reading, axes_of, baselines, grouped, named, titled
from simulator.sweep.results import Run
from simulator.sweep.work import Failure

_HOUR_S = 3600.0
_SPACE = "\N{NO-BREAK SPACE}"
_PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its name and how it is written."""

    name: str
    of: Reading
    written: Callable[[float | None], str]


@dataclass(frozen=True, slots=True)
class StudyTable:
    """A study's groups as text: what is common to all, then names and figures by row."""

    common: str
    axes: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    note: str


def _of(*path: str) -> Reading:
    def read(summary: Mapping[str, Any]) -> float | None:
        found: Any = summary
        for name in path:
            found = (found or {}).get(name)
        return found if found is None else float(found)

    return read


def _shortfall_h(summary: Mapping[str, Any]) -> float | None:
    seconds = summary.get("inference_shortfall_server_s")
    return None if seconds is None else float(seconds) / _HOUR_S


def _by_bound(summary: Mapping[str, Any]) -> float | None:
    """The mean JCT by what no scheduler can bring it below (`simulator.bound`)."""
    mean, bound = _of("jct_s", "mean")(summary), _of("jct_bound_s", "mean")(summary)
    return mean / bound if mean is not None and bound else None


QUEUING = Measure(f"queuing mean,{_SPACE}s", _of("queuing_s", "mean"), quantity)
JCT = Measure(f"JCT mean,{_SPACE}s", _of("jct_s", "mean"), quantity)
PREEMPTED = Measure("preempted", _of("preemption_ratio"), percent)
_RATED = (QUEUING, JCT)  # beside these stands how many times as short they are
_OTHERS = (
    Measure("JCT by bound", _by_bound, times),
    Measure(f"queuing p95,{_SPACE}s", _of("queuing_s", "p95"), quantity),
    Measure(f"JCT p95,{_SPACE}s", _of("jct_s", "p95"), quantity),
    Measure("training use", _of("training_usage"), percent),
    Measure("use of both", _of("overall_usage"), percent),
    Measure("on-loan use", _of("on_loan_usage"), percent),
    PREEMPTED,
    Measure("short, server-h", _shortfall_h, quantity),
)


def study_table(study: Study, runs: Mapping[str, Run], baseline: str) -> StudyTable:
    """A study's table; `baseline` is the scheme that ratios are to, if any."""
    groups, axes = grouped(study, runs), axes_of(study)
    rated = [name for m in _RATED for name in ((m.name, TIMES) if baseline else (m.name,))]
    rows = []
    for group in groups:
        names = tuple(named(group.values[axis]) for axis in axes) or ("all",)
        rows.append((names, tuple(_figures(group, baseline, list(runs.values())))))
    return StudyTable(
        common=_common(study),
        axes=tuple(map(titled, axes)) or ("",),
        head=(*rated, *(measure.name for measure in _OTHERS)),
        rows=tuple(rows),
        note=_note(groups, baseline),
    )


def failures(studies: Sequence[Study], runs: Sequence[Run]) -> list[tuple[str, str, str]]:
    """The cells that failed: their keys, where they first stand in a grid, and their errors."""
    places: dict[str, str] = {}
    for study in studies:
        for point in study.points:
            values = ", ".join(f"{titled(a)} {named(point.values[a])}" for a in study.axes)
            places.setdefault(point.cell.key, f"{study.name}: {values}" if values else study.name)
    return [
        (run.cell.key, places[run.cell.key], run.outcome.error)
        for run in runs
        if isinstance(run.outcome, Failure)
    ]


def _figures(group: Group, baseline: str, runs: Sequence[Run]) -> list[str]:
    cells = []
    rivals = baselines(group, baseline, runs) if baseline else None
    for measure in _RATED:
        cells.append(_spread(group, measure))
        if rivals:
            cells.append(times(_ratio(rivals, group, measure.of)))
    return [*cells, *(_mean(group, measure) for measure in _OTHERS)]


def _ratio(before: Group, after: Group, of: Reading) -> float | None:
    was, now = before.spread(of), after.spread(of)
    if was is None or now is None:
        return None
    if now.mean == 0:
        return 1.0 if was.mean == 0 else inf
    return was.mean / now.mean


def _mean(group: Group, measure: Measure) -> str:
    spread = group.spread(measure.of)
    return measure.written(spread.mean if spread else None)


def _spread(group: Group, measure: Measure) -> str:
    spread = group.spread(measure.of)
    if spread is None or len(group.runs) == 1:
        return measure.written(spread.mean if spread else None)
    half = round(100 * spread.half / spread.mean) if spread.mean else 0
    return f"{measure.written(spread.mean)} {_PLUS_MINUS} {half} %"


def _common(study: Study) -> str:
    """The axes with one value, and the seeds."""
    fixed = {a: v for a, v in study.points[0].values.items() if a not in study.axes}
    parts = [f"{titled(axis)} {named(value)}" for axis, value in fixed.items()]
    if "seed" in study.axes:
        seeds = dict.fromkeys(str(point.values["seed"]) for point in study.points)
        parts.append(f"seeds {', '.join(seeds)}")
    return ", ".join(parts)


def _note(groups: Sequence[Group], baseline: str) -> str:
    seeds = max(len(group.runs) for group in groups)
    notes = []
    if baseline:
        notes.append(f"{TIMES}: how many times as short as under {baseline}.")
    notes.append("JCT by bound: the mean JCT by what no scheduler can bring it below.")
    if seeds > 1:
        half = f"{_PLUS_MINUS} half of what lies between the least and the most"
        notes.append(f"Means over {seeds} seeds; {half}.")
    if any(len(group.summaries) < len(group.runs) for group in groups):
        notes.append(f"Runs that failed are left out; {NOTHING} where none is left.")
    return " ".join(notes)
