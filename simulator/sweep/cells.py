"""The runs that a spec asks for, each known by everything that its outcome depends on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from aryl.config import read_cluster, read_policy
from aryl.model.errors import BadInput
from aryl.policy.config import PolicyConfig
from simulator.request import RunRequest
from simulator.scenarios.named import policy_defaults, scenario_named, workload_of
from simulator.scenarios.workload import Workload
from simulator.sweep.spec import POLICY, WORKLOAD, Grid, Spec, Synth, TraceSource
from simulator.sweep.version import simulator_version
from traces.table import read_trace


@dataclass(frozen=True, slots=True)
class Cell:
    """One run. `key` is a digest of all that its outcome depends on, the simulator included.

    `coordinates` say where it stands, with every knob as it is in force. The request of a generated
    trace names no file yet.
    """

    key: str
    trace: TraceSource
    request: RunRequest
    coordinates: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """A cell as a grid sees it: by the values of the grid's axes."""

    values: Mapping[str, Any]
    cell: Cell


@dataclass(frozen=True, slots=True)
class Study:
    """A grid's points; `axes` are those that have more than one value."""

    name: str
    axes: tuple[str, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a trace's cells share, found out once."""

    trace: TraceSource
    columns: frozenset[str]
    identity: Mapping[str, Any]

    @classmethod
    def of(cls, trace: TraceSource) -> "_Known":
        """Read its files. A generated trace is known by the generator's arguments and version."""
        if isinstance(trace.origin, Synth):
            columns: frozenset[str] = frozenset()  # none that a scenario looks at
            origin: Any = asdict(trace.origin)
        else:
            columns, origin = read_trace(trace.origin).columns, _digest(trace.origin)
        inference = _digest(trace.inference) if trace.inference else None
        demand = {"inference": inference, "inference_peak": trace.inference_peak}
        return cls(trace, columns, {"trace": origin, **demand})


def studies_of(spec: Spec) -> list[Study]:
    """Every grid of a spec with its cells. Raises `BadInput` over a knob or a file."""
    used = {name for grid in spec.grids for name in grid.axes["trace"]}
    known = {name: _Known.of(trace) for name, trace in spec.traces.items() if name in used}
    studies = [_study(spec, grid, known) for grid in spec.grids]
    _check_names_of_clusters(spec, cells_of(studies))
    return studies


def cells_of(studies: Sequence[Study]) -> list[Cell]:
    """The cells of all grids in the spec's order; what several grids ask for is there once."""
    found = {point.cell.key: point.cell for study in studies for point in study.points}
    return list(found.values())


def _check_names_of_clusters(spec: Spec, cells: Sequence[Cell]) -> None:
    """Results and report know a cluster by its file's name alone."""
    files: dict[str, str] = {}
    for cell in cells:
        name, file = cell.coordinates["cluster"], cell.request.cluster
        if files.setdefault(name, file) != file:
            problem, expected = "is the name of two clusters", "a name of its own for each"
            raise BadInput(str(spec.file), problem, column="cluster", value=name, expected=expected)


def _study(spec: Spec, grid: Grid, known: Mapping[str, _Known]) -> Study:
    axes = tuple(name for name, values in grid.axes.items() if len(values) > 1)
    points = []
    for combination in product(*grid.axes.values()):
        values = dict(zip(grid.axes, combination, strict=True))
        try:
            points.append(Point(values, _cell(known[values["trace"]], values)))
        except BadInput as error:
            raise _in_spec(error, spec, grid) from error
    return Study(grid.name, axes, tuple(points))


def _in_spec(error: BadInput, spec: Spec, grid: Grid) -> BadInput:
    """An error over a value of the spec names the spec and its table; over a file, the file."""
    tables = {"--scheme": f"{grid.table}.policy", "--workload": f"{grid.table}.workload"}
    if error.file in tables:
        where = ".".join(filter(None, (tables[error.file], error.column)))
    elif error.file.startswith("--"):
        where = f"{grid.table}.{error.file.removeprefix('--')}"
    else:
        return error
    return replace(error, file=str(spec.file), column=where)


def _cell(known: _Known, values: Mapping[str, Any]) -> Cell:
    trace = known.trace
    scenario = scenario_named(values.get("scenario"), known.columns)
    request = RunRequest(
        trace=Path() if isinstance(trace.origin, Synth) else trace.origin,
        inference=trace.inference,
        inference_peak=trace.inference_peak,
        cluster=values.get("cluster", trace.cluster),
        scheme=values["scheme"],
        scenario=scenario,
        seed=values["seed"],
        knobs=_within(values, POLICY),
        workload=_within(values, WORKLOAD),
    )
    defaults = policy_defaults(scenario)
    config = read_policy(None, request.scheme, request.knobs, defaults=defaults)
    config = replace(config, seed=values["seed"])
    workload = workload_of(scenario, known.columns, request.workload)
    inputs = {
        **known.identity,
        "simulator": simulator_version(),
        "cluster": repr(read_cluster(request.cluster)),
        "policy": asdict(config),
        "scenario": scenario,
        "workload": asdict(workload) if workload else None,
    }
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    return Cell(digest[:16], trace, request, _coordinates(trace, request, config, workload))


def _coordinates(
    trace: TraceSource, request: RunRequest, config: PolicyConfig, workload: Workload | None
) -> dict[str, Any]:
    """Where a cell stands, with every knob in force; scheme and seed are no knobs here."""
    knobs = {f"{POLICY}{name}": value for name, value in asdict(config).items()}
    del knobs[f"{POLICY}scheme"], knobs[f"{POLICY}seed"]
    drawn = asdict(workload) if workload else {}
    return {
        "trace": trace.name,
        "cluster": Path(request.cluster).stem,
        "inference_peak": trace.inference_peak,
        "scenario": request.scenario,
        "scheme": config.scheme,
        "seed": config.seed,
        **knobs,
        **{f"{WORKLOAD}{name}": value for name, value in drawn.items()},
    }


def _within(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {n.removeprefix(prefix): value for n, value in values.items() if n.startswith(prefix)}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(str(file), f"can't be read: {error.strerror}") from error
