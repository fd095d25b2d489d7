"""`aryl+` held against its goals, and against `aryl` on every trace and scenario."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from evaluation.markdown import Cell, percent, ratio, seconds, table
from evaluation.results import Found, Results
from evaluation.tables import BOUND, JCT, QUEUING

# The grids whose runs differ in their seed, beside trace, scenario and scheme.
SEEDED = (
    ("seeds", "basic"),
    ("seeds", "scenarios"),
    ("real", "whole window"),
    ("real", "scenarios"),
)
SHORTFALL, PREEMPTED, LOST = "inference_shortfall_share", "preemption_ratio", "lost_gpu_s"
SECONDS_PER_HOUR = 3600.0


def goals(results: Results) -> str:
    """The goals in `basic` on the generated trace: means over five seeds, and the worst of them."""
    runs = {
        scheme: _by_seed(results.all("seeds", "basic", scheme=scheme))
        for scheme in ("fifo", "sjf", "aryl", "aryl+")
    }

    def of(figure: str, scheme: str) -> list[float]:
        return [run.row[figure] for run in runs[scheme]]

    def shorter_than(other: str, scheme: str) -> list[float]:
        pairs = zip(of(QUEUING, other), of(QUEUING, scheme), strict=True)
        return [before / after for before, after in pairs]

    def to_bound(scheme: str) -> list[float]:
        pairs = zip(of(JCT, scheme), of(BOUND, scheme), strict=True)
        return [jct / bound for jct, bound in pairs]

    def both(name: str, goal: Cell, cell: Callable[[str], Cell]) -> list[Cell]:
        return [name, goal, cell("aryl"), cell("aryl+")]

    rows = [
        both("preempted", "at most 2 %", lambda s: _worst(of(PREEMPTED, s), max, percent)),
        both(
            "queuing, times as short as `fifo`",
            f"at least {ratio(1.53)}",
            lambda s: _worst(shorter_than("fifo", s), min, ratio),
        ),
        both(
            "queuing, times as short as `sjf`",
            f"at least {ratio(1.5)}",
            lambda s: _worst(shorter_than("sjf", s), min, ratio),
        ),
        both("JCT / bound", "at most 1.10", lambda s: _worst(to_bound(s), max, "{:.3f}".format)),
        both("shortfall", "at most 0.01 %", lambda s: _worst(of(SHORTFALL, s), max, _finely)),
        both("on-loan use", None, lambda s: percent(fmean(of("on_loan_usage", s)), 1)),
    ]
    return table(("", "goal", "aryl", "aryl+"), rows)


def against_aryl(results: Results) -> str:
    """Means of both over the seeds, beside how far the seeds spread those of `aryl`."""
    heads = ("trace", "scenario", "queuing s: aryl", "aryl+", "spread", "JCT s: aryl", "aryl+")
    more = ("spread", "preempted: aryl", "aryl+", "lost GPU-h: aryl", "aryl+")
    return table((*heads, *more), [_row(*pair) for pair in _pairs(results)])


def _pairs(results: Results) -> Iterator[tuple[Sequence[Found], Sequence[Found]]]:
    for spec, grid in SEEDED:
        runs = results.all(spec, grid)
        for trace, scenario in dict.fromkeys((r.row["trace"], r.row["scenario"]) for r in runs):
            there = [r for r in runs if (r.row["trace"], r.row["scenario"]) == (trace, scenario)]
            yield (
                _by_seed([run for run in there if run.row["scheme"] == "aryl"]),
                _by_seed([run for run in there if run.row["scheme"] == "aryl+"]),
            )


def _row(aryl: Sequence[Found], plus: Sequence[Found]) -> list[Cell]:
    cells: list[Cell] = [aryl[0].row["trace"], aryl[0].row["scenario"]]
    for figure in (QUEUING, JCT):
        ours = [run.row[figure] for run in aryl]
        cells += [
            seconds(fmean(ours)),
            seconds(_mean(plus, figure)),
            seconds(max(ours) - min(ours)),
        ]
    cells += [percent(_mean(runs, PREEMPTED)) for runs in (aryl, plus)]
    return cells + [seconds(_mean(runs, LOST) / SECONDS_PER_HOUR) for runs in (aryl, plus)]


def _finely(share: float) -> Cell:
    return percent(share, 4)


def _by_seed(runs: Sequence[Found]) -> list[Found]:
    return sorted(runs, key=lambda run: int(run.row["seed"]))


def _mean(runs: Sequence[Found], figure: str) -> float:
    return fmean(run.row[figure] for run in runs)


def _worst(
    values: Sequence[float],
    worst: Callable[[Sequence[float]], float],
    text: Callable[[float], Cell],
) -> str:
    return f"{text(fmean(values))}; worst {text(worst(values))}"
