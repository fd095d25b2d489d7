"""A sweep from its spec to its results: what has been run is kept, the rest is run."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import Progress, TaskID

from aryl.model.errors import BadInput
from simulator.inputs import read_inputs
from simulator.output import check_folder
from simulator.progress import progress_bar
from simulator.sweep.cells import Cell, Study, cells_of, studies_of
from simulator.sweep.ledger import Ledger, locked
from simulator.sweep.local import run_here
from simulator.sweep.on_ray import installed_ray, run_on_ray
from simulator.sweep.report import write_sweep
from simulator.sweep.results import Run, write_results
from simulator.sweep.spec import Spec, Synth, TraceSource, read_spec
from simulator.sweep.work import Ended, Figures, Order, Show
from traces.synthetic import generate
from traces.writing import write_trace

CELLS = "cells"

Runner = Callable[[Sequence[Order], Show], Iterator[Ended]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec's cells, and the figures of those that the ledger holds already."""

    spec: Spec
    out: Path
    studies: Sequence[Study]
    cells: Sequence[Cell]
    ledger: Ledger
    finished: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Swept:
    """Every cell's run in the spec's order, and where the results are."""

    studies: Sequence[Study]
    runs: Sequence[Run]
    results: Path
    report: Path


def planned(spec_file: Path, out: Path, kept_in: Path | None = None) -> Plan:
    """What a sweep would do; nothing is written. Raises `BadInput`.

    Cells are `kept_in` a folder that other sweeps may share, or in `out`.
    """
    check_folder(out)
    spec = read_spec(spec_file)
    studies = studies_of(spec)
    cells = cells_of(studies)
    ledger = Ledger(kept_in or out / CELLS)
    return Plan(spec, out, studies, cells, ledger, ledger.finished(cell.key for cell in cells))


def runner_named(on: str, processes: int, ray_address: str | None) -> Runner:
    """What carries out orders: processes of this machine, or a Ray cluster. Raises `BadInput`."""
    if on == "local":
        return lambda orders, show: run_here(orders, processes, show)
    if on == "ray":
        ray = installed_ray()
        return lambda orders, _: run_on_ray(ray, orders, ray_address)
    raise BadInput("--on", "is nowhere that cells run", value=on, expected="local or ray")


def swept(spec_file: Path, out: Path, runner: Runner, kept_in: Path | None = None) -> Swept:
    """Run the cells that have not been run, and write results and report over all of them.

    Cells are `kept_in` a folder that other sweeps may share, or in `out`. Raises `BadInput` before
    anything runs. A cell that fails is among the runs, with its error.
    """
    check_folder(out)
    with locked(out):
        plan = planned(spec_file, out, kept_in)
        fresh = _carried_out(plan, runner)
        runs = [
            Run(cell, fresh[cell.key].outcome, is_new=True)
            if cell.key in fresh
            else Run(cell, plan.finished[cell.key], is_new=False)
            for cell in plan.cells
        ]
        results = write_results(out, runs)
        report = write_sweep(out, plan.spec, plan.studies, runs)
        return Swept(plan.studies, runs, results, report)


def _carried_out(plan: Plan, runner: Runner) -> dict[str, Ended]:
    """Run what is left to run; how it ended, by key."""
    pending = {cell.key: cell for cell in plan.cells if cell.key not in plan.finished}
    orders = _orders(plan.out, pending.values())
    found = {}
    with progress_bar() as bar:
        done = len(plan.finished)
        total = bar.add_task("sweep", total=len(plan.cells), completed=done, unit="cells")
        shown = _Shown(bar, pending)
        for ended in runner(orders, shown.show):
            plan.ledger.keep(ended.key, pending[ended.key].coordinates, ended.outcome)
            found[ended.key] = ended
            shown.drop(ended.key)
            bar.advance(total)
    return found


def _orders(out: Path, cells: Iterable[Cell]) -> list[Order]:
    """Generate the traces that cells need, and read each file once: bad ones run nothing."""
    for trace in {cell.trace.name: cell.trace for cell in cells}.values():
        if isinstance(trace.origin, Synth):
            _generate(trace.origin, _file_of(out, trace))
    requests = {c.key: replace(c.request, trace=_file_of(out, c.trace)) for c in cells}
    for request in {(r.trace, r.inference, r.cluster): r for r in requests.values()}.values():
        read_inputs(request)
    return [Order(key, request) for key, request in requests.items()]


def _file_of(out: Path, trace: TraceSource) -> Path:
    if isinstance(trace.origin, Synth):
        return out / "traces" / f"{trace.name}.csv.gz"
    return trace.origin


def _generate(origin: Synth, file: Path) -> None:
    trace = generate(seed=origin.seed, jobs=origin.jobs, days=origin.days, gpus=origin.gpus)
    write_trace(file, trace)


class _Shown:
    """A line under the bar for each cell that is running."""

    def __init__(self, bar: Progress, cells: Mapping[str, Cell]) -> None:
        """Lines come with the first word of a cell."""
        self._bar, self._cells = bar, cells
        self._tasks: dict[str, TaskID] = {}

    def show(self, key: str, ended: int, jobs: int) -> None:
        """Draw how far a cell is."""
        if key not in self._tasks:
            where = self._cells[key].coordinates
            name = f"{where['trace']} {where['scenario']} {where['scheme']} {where['seed']}"
            self._tasks[key] = self._bar.add_task(name, total=jobs, unit="jobs")
        self._bar.update(self._tasks[key], completed=ended)

    def drop(self, key: str) -> None:
        """Take away a cell's line."""
        if key in self._tasks:
            self._bar.remove_task(self._tasks.pop(key))
