"""A study's runs by what sets them apart: runs that differ in their seed alone make a group."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.sweep.cells import Study
from simulator.sweep.results import Run
from simulator.sweep.spec import POLICY, WORKLOAD
from simulator.sweep.work import Figures

Reading = Callable[[Mapping[str, Any]], float | None]  # a figure of a summary


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the seeds of a group."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half of what lies between the least and the most."""
        return (self.high - self.low) / 2

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Spread | None":
        """None where no run has a value."""
        known = [value for value in values if value is not None]
        return cls(sum(known) / len(known), min(known), max(known)) if known else None


@dataclass(frozen=True, slots=True)
class Group:
    """Runs with the same values on all axes of a study but the seed."""

    values: Mapping[str, Any]
    runs: tuple[Run, ...]

    def spread(self, reading: Reading) -> Spread | None:
        """A figure over the runs that did not fail."""
        return Spread.of(reading(summary) for summary in self.summaries)

    @property
    def summaries(self) -> list[Mapping[str, Any]]:
        """The summaries of the runs that did not fail."""
        return [run.outcome.summary for run in self.runs if isinstance(run.outcome, Figures)]


def axes_of(study: Study) -> tuple[str, ...]:
    """The axes that set groups apart."""
    return tuple(axis for axis in study.axes if axis != "seed")


def grouped(study: Study, runs: Mapping[str, Run]) -> list[Group]:
    """A study's runs, which go by the keys of their cells, in the grid's order."""
    axes = axes_of(study)
    values: dict[tuple[str, ...], Mapping[str, Any]] = {}
    found: dict[tuple[str, ...], list[Run]] = {}
    for point in study.points:
        place = tuple(named(point.values[axis]) for axis in axes)
        values.setdefault(place, {axis: point.values[axis] for axis in axes})
        found.setdefault(place, []).append(runs[point.cell.key])
    return [Group(values[place], tuple(members)) for place, members in found.items()]


def baselines(group: Group, scheme: str, runs: Sequence[Run]) -> Group:
    """What each run of a group is measured by: a run of `scheme` on the same trace and cluster.

    Of several the one with the same seed and most other coordinates alike, the first where equal.
    """
    found = []
    for run in group.runs:
        here = run.cell.coordinates
        rivals = [other for other in runs if _is_baseline(other, scheme, here)]
        if rivals:
            found.append(max(rivals, key=lambda other: _agreement(here, other.cell.coordinates)))
    return Group(group.values, tuple(found))


def _is_baseline(run: Run, scheme: str, here: Mapping[str, Any]) -> bool:
    there = run.cell.coordinates
    same = all(there[name] == here[name] for name in ("trace", "cluster"))
    return same and there["scheme"] == scheme and isinstance(run.outcome, Figures)


def _agreement(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[bool, int]:
    alike = sum(other.get(name) == value for name, value in one.items())
    return one["seed"] == other["seed"], alike


def titled(axis: str) -> str:
    """An axis as people read it: `headroom` for `policy.headroom`."""
    return axis.removeprefix(POLICY).removeprefix(WORKLOAD)


def named(value: object) -> str:
    """A value on an axis: a table by its entries, a cluster's file by its name."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {named(entry)}" for name, entry in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return Path(value).stem if isinstance(value, str) and value.endswith(".toml") else str(value)
