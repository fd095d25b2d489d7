"""The evaluation's figures; solid lines are ours, dashed ones the paper's."""

from collections.abc import Sequence
from pathlib import Path

from evaluation import kept, paper
from evaluation.figures import Line, lines, series
from evaluation.results import Results
from evaluation.tables import JCT, QUEUING

GPUS = 8  # on each server of the paper's clusters
ALL_GPUS = 3_544 + 4_160
SPEC = "figures"
TIMES_SHORTER = "times as short as fifo"


def draw_all(results: Results, runs: Path, out: Path) -> None:
    """Write every figure into `out`."""
    draw_kept(runs, out)
    for name, figure in (("queuing", QUEUING), ("jct", JCT)):
        _elastic(results, out / f"elastic-{name}.svg", figure)
        _heterogeneous(results, out / f"heterogeneous-{name}.svg", figure)
    _checkpoints(results, out / "checkpoints.svg")
    if results.has("bootstrap"):
        _bootstrap(results, out / "bootstrap.svg")


def draw_kept(runs: Path, out: Path) -> None:
    """Figures 7 and 9, from the files of whole runs."""
    names = {"fifo": "basic/fifo", "aryl": "basic/aryl", "aryl, ideal": "ideal/aryl"}
    used = {name: kept.usage(runs / folder, GPUS, ALL_GPUS) for name, folder in names.items()}
    series(out / "usage.svg", used, ("hours", "share of all GPUs in use"))
    days = range(len(paper.FIGURE_9))
    by_day = {
        "aryl": Line(kept.on_loan_use_by_day(runs / "basic" / "aryl", GPUS), paper.FIGURE_9),
        "aryl+": Line(kept.on_loan_use_by_day(runs / "basic" / "aryl+", GPUS)),
    }
    lines(out / "on-loan.svg", days, by_day, ("day", "share of loaned GPUs in use"))


def _elastic(results: Results, path: Path, figure: str) -> None:
    """Figures 14 to 16: the share of elastic jobs, scaling alone."""
    is_jct = figure == JCT
    printed = paper.FIGURE_15 if is_jct else paper.FIGURE_14
    named = {
        scheme: Line(
            [
                _shorter(
                    results, figure, "elastic jobs", scheme=scheme, workload__elastic_jobs=share
                )
                for share in paper.SHARES
            ],
            printed[scheme],
        )
        for scheme in printed
    }
    grid = "elastic jobs, imperfect scaling"
    named["aryl-scaling, each worker loses 20 %"] = Line(
        [_shorter(results, figure, grid, workload__elastic_jobs=share) for share in paper.SHARES],
        paper.FIGURE_16[is_jct],
    )
    lines(path, paper.SHARES, named, ("share of elastic jobs", TIMES_SHORTER))


def _heterogeneous(results: Results, path: Path, figure: str) -> None:
    """Figure 11: the share of heterogeneous jobs."""
    shares = list(paper.FIGURE_11)
    printed = [paper.FIGURE_11[share][figure == JCT] for share in shares]
    named = {
        scheme: Line(
            [
                _shorter(
                    results,
                    figure,
                    "heterogeneous jobs",
                    scheme=scheme,
                    workload__heterogeneous_jobs=share,
                )
                for share in shares
            ],
            printed if scheme == "aryl" else None,
        )
        for scheme in ("aryl", "aryl+")
    }
    lines(path, shares, named, ("share of heterogeneous jobs", TIMES_SHORTER))


def _checkpoints(results: Results, path: Path) -> None:
    """Figure 13: the share of jobs with checkpoints, by preempted jobs."""
    shares = list(paper.FIGURE_13)
    named = {}
    for scheme in ("aryl-loaning", "aryl+"):
        ours = [
            results.mean(
                "preemption_ratio",
                SPEC,
                "checkpoints",
                scheme=scheme,
                workload__checkpoint_jobs=share,
            )
            or 0.0
            for share in shares
        ]
        printed = [paper.FIGURE_13[share][0] for share in shares]
        named[scheme] = Line(ours, printed if scheme == "aryl-loaning" else None)
    lines(path, shares, named, ("share of jobs with checkpoints", "preemption ratio"))


def _bootstrap(results: Results, path: Path) -> None:
    """Figure 12: ten resampled traces, JCT in `basic`."""
    traces = [f"b{number}" for number in range(len(paper.FIGURE_12))]

    def shorter(scheme: str) -> Sequence[float]:
        return [
            _ratio(
                results.mean(JCT, "bootstrap", "basic", scheme="fifo", trace=trace),
                results.mean(JCT, "bootstrap", "basic", scheme=scheme, trace=trace),
            )
            for trace in traces
        ]

    named = {"aryl": Line(shorter("aryl"), paper.FIGURE_12), "aryl+": Line(shorter("aryl+"))}
    lines(path, range(len(traces)), named, ("trace", f"JCT, {TIMES_SHORTER}"))


def _shorter(results: Results, figure: str, grid: str, **values: object) -> float:
    before = results.mean(figure, SPEC, "baseline")
    return _ratio(before, results.mean(figure, SPEC, grid, **values))


def _ratio(before: float | None, after: float | None) -> float:
    assert before is not None, "a spec of studies has a baseline"
    assert after, "every point of a study was run"
    return before / after
