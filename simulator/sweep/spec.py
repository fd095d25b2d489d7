"""What a sweep's TOML file asks for: traces, and grids of runs over them (docs/sweeps.md)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aryl.config import read_toml
from aryl.policy.config import SCHEMES
from simulator.sweep.reading import Entries
from traces.synthetic_recipe import PAPER_DAYS, PAPER_JOBS, suited_gpus

POLICY, WORKLOAD = "policy.", "workload."  # what the names of such axes begin with

_AXES_OF_THEIR_OWN = ("scheme", "seed")  # and no knobs of [grid.policy]


@dataclass(frozen=True, slots=True)
class Synth:
    """The arguments of the generator; see `aryl trace synth`."""

    seed: int
    jobs: int
    days: float
    gpus: int


@dataclass(frozen=True, slots=True)
class TraceSource:
    """A trace by name: a file or the generator's, with the demand and the cluster it runs beside.

    `cluster` is a built-in one's name or the path of a TOML file.
    """

    name: str
    origin: Path | Synth
    inference: Path | None
    inference_peak: float
    cluster: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of its axes' values; `axes` go by name, knobs as `policy.headroom`.

    `table` is where it stands in the file, as messages name it.
    """

    name: str
    table: str
    axes: Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Spec:
    """A sweep. Ratios of its report are to the runs of the scheme `baseline`; "": no ratios."""

    file: Path
    title: str
    baseline: str
    traces: Mapping[str, TraceSource]
    grids: tuple[Grid, ...]


def read_spec(file: Path) -> Spec:
    """Read and check a spec as far as it can be told from the file alone. Raises `BadInput`."""
    top = Entries(file, "", read_toml(file))
    top.only("title", "baseline", "trace", "grid")
    traces: dict[str, TraceSource] = {}
    for entry in top.tables("trace"):
        trace = _trace(entry)
        if trace.name in traces:
            raise entry.wrong("name", "is another trace's name", "a new name", value=trace.name)
        traces[trace.name] = trace
    grids = tuple(_grids(top, traces))
    baseline = top.text("baseline")
    schemes = {scheme for grid in grids for scheme in grid.axes["scheme"]}
    if baseline and baseline not in schemes:
        expected = f"a scheme of a grid: {', '.join(sorted(schemes))}"
        raise top.wrong("baseline", "is not run", expected, value=baseline)
    return Spec(file, top.text("title", file.stem), baseline, traces, grids)


def _trace(entry: Entries) -> TraceSource:
    entry.only("name", "file", "synth", "inference", "inference_peak", "cluster")
    if ("file" in entry.values) == ("synth" in entry.values):
        expected = "either file or synth"
        raise entry.wrong("file", "and synth: one of them must stand there", expected, value=None)
    file = entry.path_of("file")
    return TraceSource(
        name=entry.name("name"),
        origin=file or _synth(entry.table("synth")),
        inference=entry.path_of("inference"),
        inference_peak=entry.positive("inference_peak", 0.95, most=1.0),
        cluster=_cluster(entry, entry.text("cluster", "paper")),
    )


def _synth(entry: Entries) -> Synth:
    entry.only("seed", "jobs", "days", "gpus")
    jobs = entry.whole("jobs", PAPER_JOBS, least=1)
    days = entry.positive("days", PAPER_DAYS)
    gpus = entry.whole("gpus", suited_gpus(jobs, days), least=1)
    return Synth(entry.whole("seed", 0, least=0), jobs, days, gpus)


def _cluster(entry: Entries, name: str) -> str:
    """A built-in name as it is; a file by its path from the spec's folder."""
    return str(entry.file.parent / name) if name.endswith(".toml") else name


def _grids(top: Entries, traces: Mapping[str, TraceSource]) -> Iterator[Grid]:
    names: set[str] = set()
    for entry in top.tables("grid"):
        grid = _grid(entry, traces)
        if grid.name in names:
            expected = "a name for each [[grid]]"
            raise entry.wrong("name", "is another grid's name", expected, value=grid.name)
        names.add(grid.name)
        yield grid


def _grid(entry: Entries, traces: Mapping[str, TraceSource]) -> Grid:
    entry.only("name", "trace", "cluster", "scheme", "scenario", "seed", "policy", "workload")
    axes: dict[str, tuple[Any, ...]] = {
        "trace": _known(entry, "trace", traces) or tuple(traces),
        "cluster": tuple(_cluster(entry, name) for name in _texts(entry, "cluster")),
        "scenario": _texts(entry, "scenario"),
        "scheme": _known(entry, "scheme", SCHEMES) or ("aryl",),
    }
    policy, workload = entry.table("policy"), entry.table("workload")
    for knob in _AXES_OF_THEIR_OWN:
        if knob in policy.values:
            expected = f"{entry.where(knob)} = …"
            raise policy.wrong(knob, "is an axis of its own", expected, value=None)
    axes |= {f"{POLICY}{name}": policy.axis(name) for name in policy.values}
    axes |= {f"{WORKLOAD}{name}": workload.axis(name) for name in workload.values}
    axes["seed"] = _seeds(entry)  # last: runs that differ in their draws alone are neighbours
    given = {name: values for name, values in axes.items() if values}
    return Grid(entry.text("name", entry.path), entry.path, given)


def _known(entry: Entries, name: str, known: Mapping[str, object]) -> tuple[str, ...]:
    values = _texts(entry, name)
    for value in values:
        if value not in known:
            raise entry.wrong(name, f"is no {name}", ", ".join(known), value=value)
    return values


def _texts(entry: Entries, name: str) -> tuple[str, ...]:
    values = entry.axis(name)
    for value in values:
        if not isinstance(value, str) or not value:
            raise entry.wrong(name, "is no text", "a text or a list of texts", value=value)
    return values


def _seeds(entry: Entries) -> tuple[int, ...]:
    seeds = entry.axis("seed") or (0,)
    for seed in seeds:
        if type(seed) is not int or seed < 0:
            expected = "a whole number of 0 or more, or a list of them"
            raise entry.wrong("seed", "is no seed", expected, value=seed)
    return seeds
