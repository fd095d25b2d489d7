"""The evaluation's tables: ours, with the paper's figure in brackets where it has one."""

from collections.abc import Sequence
from typing import Any

from evaluation import paper
from evaluation.markdown import Cell, beside, percent, ratio, seconds, table, times
from evaluation.results import Found, Results

QUEUING, JCT, BOUND = "queuing_s.mean", "jct_s.mean", "jct_bound_s.mean"
SPREAD = ("mean", "p50", "p95")
MAIN = "table5"
FIGURES = ("queuing s", "JCT s", "JCT / bound", "preempted", "shortfall", "on-loan use")

# Rows of Table 5: the paper's name, and the grid and values of ours.
_ROWS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("baseline", "schemes", {"scheme": "fifo"}),
    ("basic", "schemes", {"scheme": "aryl"}),
    ("advanced", "scenarios", {"scheme": "aryl", "scenario": "advanced"}),
    ("heterogeneous", "scenarios", {"scheme": "aryl", "scenario": "heterogeneous"}),
    ("ideal", "scenarios", {"scheme": "aryl", "scenario": "ideal"}),
    ("opportunistic", "schemes", {"scheme": "opportunistic"}),
    ("random", "reclaims", {"scheme": "aryl-loaning", "policy__reclaim": "random"}),
    ("scf", "reclaims", {"scheme": "aryl-loaning", "policy__reclaim": "scf"}),
    ("aryl-loaning", "reclaims", {"scheme": "aryl-loaning", "policy__reclaim": "greedy"}),
    ("gandiva", "schemes", {"scheme": "gandiva"}),
    ("afs", "schemes", {"scheme": "afs"}),
    ("pollux", "schemes", {"scheme": "pollux"}),
    ("aryl-scaling", "schemes", {"scheme": "aryl-scaling"}),
)


def table_5(results: Results) -> str:
    """Mean, median and 95th percentile of queuing and JCT, usage and preemptions."""
    heads = ("row", "queuing mean", "median", "p95", "JCT mean", "median", "p95", "training use")
    rows = []
    for name, grid, values in _ROWS:
        (run,) = results.all(MAIN, grid, **values)
        printed = paper.TABLE_5[name]
        cells = [
            beside(seconds(run.row[f"{figure}.{part}"]), seconds(value))
            for figure, those in (("queuing_s", printed.queuing_s), ("jct_s", printed.jct_s))
            for part, value in zip(SPREAD, those, strict=True)
        ]
        usage = beside(percent(run.row["training_usage"], 0), percent(printed.training_usage, 0))
        overall = beside(percent(run.row["overall_usage"], 0), percent(printed.overall_usage, 0))
        preempted = beside(percent(run.row["preemption_ratio"]), percent(printed.preemption_ratio))
        rows.append([name, *cells, usage, overall, preempted])
    return table([*heads, "overall use", "preempted"], rows)


def ratios_5(results: Results) -> str:
    """The same as times as short as the Baseline, as the paper's headline has it."""
    first, printed = _baseline(results, MAIN), paper.TABLE_5["baseline"]
    rows: list[list[Cell]] = []
    for name, grid, values in _ROWS[1:]:
        (run,) = results.all(MAIN, grid, **values)
        row = paper.TABLE_5[name]
        queuing = times(printed.queuing_s[0], row.queuing_s[0])
        jct = times(printed.jct_s[0], row.jct_s[0])
        rows.append(
            [
                name,
                beside(times(first.row[QUEUING], run.row[QUEUING]), queuing),
                beside(times(first.row[JCT], run.row[JCT]), jct),
            ]
        )
    ceiling = times(first.row[JCT], first.row[BOUND])
    rows.append(["the bound in `basic`: more can't be had", None, ceiling])
    return table(("row", "queuing", "JCT"), rows)


def ours(results: Results, spec: str, grid: str, axis: str, **values: Any) -> str:  # noqa: ANN401 - values of any axis
    """Runs of a grid by one axis and scheme, means over seeds, with the distance to the bound."""
    found = results.all(spec, grid, **values)
    keys = dict.fromkeys((run.values[axis], run.values["scheme"]) for run in found)
    rows = []
    for value, scheme in keys:
        runs = [r for r in found if (r.values[axis], r.values["scheme"]) == (value, scheme)]
        rows.append([_text(value), scheme, *_figures(runs)])
    return table((axis.rpartition(".")[2], "scheme", *FIGURES), rows)


def parts(results: Results, spec: str) -> str:
    """A row for each grid of a spec, means over its runs."""
    grids = {grid: runs for (name, grid), runs in results.grids.items() if name == spec}
    return table(("", *FIGURES), [[grid, *_figures(runs)] for grid, runs in grids.items()])


def against(results: Results, spec: str, grid: str, axis: str) -> str:
    """As `ours`, but as times as short as the Baseline."""
    first = _baseline(results, spec)
    rows = []
    for run in results.all(spec, grid):
        queuing = times(first.row[QUEUING], run.row[QUEUING])
        cells = (queuing, times(first.row[JCT], run.row[JCT]))
        preempted = percent(run.row["preemption_ratio"])
        rows.append([_text(run.values[axis]), run.values["scheme"], *cells, preempted])
    return table((axis.rpartition(".")[2], "scheme", "queuing", "JCT", "preempted"), rows)


def table_6(results: Results) -> str:
    """What special placement of elastic jobs is worth."""
    rows = []
    for scenario, (queuing, jct, preempted) in paper.TABLE_6.items():
        (run,) = results.all(MAIN, "no special placement", scenario=scenario)
        rows.append(
            [
                scenario,
                beside(seconds(run.row[QUEUING]), seconds(queuing)),
                beside(seconds(run.row[JCT]), seconds(jct)),
                beside(percent(run.row["preemption_ratio"]), percent(preempted)),
            ]
        )
    return table(("scenario", "queuing", "JCT", "preempted"), rows)


def table_8(results: Results) -> str:
    """Percentiles of queuing and JCT under scaling alone."""
    parts = ("p50", "p75", "p95", "p99")
    rows = []
    for scheme, (queuing, jct) in paper.TABLE_8.items():
        (run,) = results.all(MAIN, "schemes", scheme=scheme)
        for name, figure, those in (("queuing", "queuing_s", queuing), ("JCT", "jct_s", jct)):
            cells = [
                beside(seconds(run.row[f"{figure}.{part}"]), seconds(value))
                for part, value in zip(parts, those, strict=True)
            ]
            rows.append([f"{scheme}, {name}", *cells])
    return table(("", *parts), rows)


def table_9(results: Results) -> str:
    """Wrong run-time estimates."""
    spec = "figures"
    first = _baseline(results, spec)
    rows = []
    for run in results.all(spec, "wrong estimates"):
        share = run.values["policy.estimate_error"]["share"]
        queuing, jct = paper.TABLE_9[share] if run.values["scheme"] == "aryl" else (None, None)
        rows.append(
            [
                f"{percent(share, 0)} wrong, {run.values['scheme']}",
                beside(times(first.row[QUEUING], run.row[QUEUING]), ratio(queuing)),
                beside(times(first.row[JCT], run.row[JCT]), ratio(jct)),
            ]
        )
    return table(("estimates", "queuing", "JCT"), rows)


def figure_10(results: Results) -> str:
    """The reclaim policies by preemption ratio and collateral damage, without and with scaling."""
    rows = []
    for policy in ("random", "scf", "greedy", "exact"):
        printed = paper.FIGURE_10.get(policy, ((None, None), (None, None)))
        cells = []
        for scheme, (preempted, collateral) in zip(("aryl-loaning", "aryl"), printed, strict=True):
            (run,) = results.all(MAIN, "reclaims", scheme=scheme, policy__reclaim=policy)
            cells += [
                beside(percent(run.row["preemption_ratio"]), percent(preempted, 1)),
                beside(percent(run.row["collateral"], 1), percent(collateral, 1)),
            ]
        rows.append([policy, *cells])
    heads = ("policy", "preempted", "collateral", "preempted, scaling", "collateral, scaling")
    return table(heads, rows)


def _baseline(results: Results, spec: str) -> Found:
    grid = "schemes" if spec == MAIN else "baseline"
    (run,) = results.all(spec, grid, scheme="fifo")
    return run


def _figures(runs: Sequence[Found]) -> list[Cell]:
    def mean(name: str) -> float | None:
        values = [run.row.get(name) for run in runs]
        numbers = [float(value) for value in values if value is not None]
        return sum(numbers) / len(numbers) if numbers else None

    jct, bound = mean(JCT), mean(BOUND)
    return [
        seconds(mean(QUEUING)),
        seconds(jct),
        None if jct is None or not bound else f"{jct / bound:.3f}",
        percent(mean("preemption_ratio")),
        percent(mean("inference_shortfall_share"), 4),
        percent(mean("on_loan_usage"), 1),
    ]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
