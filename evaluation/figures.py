"""Draws figures as SVG: the same numbers give the same bytes, as far as the library does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#3b82c4", "#e08a3c", "#3f9b6e", "#b4558f", "#8a6d3b", "#5b6b8c")
SIZE_INCHES = (6.4, 3.2)

mpl.rcParams.update(
    {
        "svg.hashsalt": "aryl",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "legend.frameon": False,
    }
)


class Line(NamedTuple):
    """Ours over x, and the paper's where it has one."""

    ours: Sequence[float]
    paper: Sequence[float] | None = None


def lines(
    path: Path, xs: Sequence[float], named: Mapping[str, Line], labels: tuple[str, str]
) -> None:
    """Solid lines for ours, dashed ones for the paper's; `labels` of x and y."""
    figure, axes = _axes(labels)
    for colour, (name, line) in zip(COLOURS, named.items(), strict=False):
        axes.plot(xs, line.ours, color=colour, marker="o", markersize=3, label=name)
        if line.paper:
            axes.plot(xs, line.paper, color=colour, linestyle="--", linewidth=1)
    axes.legend()
    _write(figure, path)


def series(
    path: Path,
    named: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    labels: tuple[str, str],
) -> None:
    """Plain lines, each over an x of its own."""
    figure, axes = _axes(labels)
    for colour, (name, (xs, ys)) in zip(COLOURS, named.items(), strict=False):
        axes.plot(xs, ys, color=colour, linewidth=1, label=name)
    axes.set_ylim(bottom=0)
    axes.legend()
    _write(figure, path)


def bars(
    path: Path, groups: Sequence[str], named: Mapping[str, Sequence[float]], labels: tuple[str, str]
) -> None:
    """Groups of bars, one bar of each name in every group."""
    figure, axes = _axes(labels)
    width = 0.8 / len(named)
    for place, (name, heights) in enumerate(named.items()):
        xs = [at + (place - (len(named) - 1) / 2) * width for at in range(len(groups))]
        axes.bar(xs, heights, width, color=COLOURS[place % len(COLOURS)], label=name)
    axes.set_xticks(range(len(groups)), groups)
    axes.grid(visible=False, axis="x")
    axes.legend()
    _write(figure, path)


def _axes(labels: tuple[str, str]) -> tuple[Figure, Any]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return figure, axes


def _write(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
