"""`aryl sim sweep`."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from simulator.sweep.sweeping import Plan, Swept

EXAMPLE = "Example: `aryl sim sweep evaluation/table5.toml --out runs/table5`"


def sweep(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="A TOML file; see docs/sweeps.md.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="The folder for cells, results and report.")],
    cells: Annotated[
        Path | None,
        typer.Option("--cells", help="A folder of cells that sweeps share; default: OUT/cells."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", min=1, help="Runs at a time; by default one per core."),
    ] = None,
    on: Annotated[str, typer.Option("--on", help="Where cells run: local or ray.")] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option("--ray-address", help="A Ray cluster; by default what RAY_ADDRESS names."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the cells and which of them are done.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run every cell of a grid once: a sweep that was stopped or changed goes on from there."""
    from simulator.sweep.sweeping import planned, runner_named, swept  # noqa: PLC0415 - keeps `--help` quick

    runner = runner_named(on, processes or os.cpu_count() or 1, ray_address)
    if dry_run:
        _print_plan(planned(spec, out, cells), as_json=as_json)
        return
    found = swept(spec, out, runner, cells)
    failed = _print_failed(found)
    _print_swept(found, failed, as_json=as_json)
    if failed:
        raise typer.Exit(1)


def _print_plan(plan: "Plan", *, as_json: bool) -> None:
    states = {cell.key: "done" if cell.key in plan.finished else "to run" for cell in plan.cells}
    if as_json:
        rows = [{"cell": c.key, "state": states[c.key], **c.coordinates} for c in plan.cells]
        typer.echo(json.dumps({"cells": rows, "done": len(plan.finished)}, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    for study in plan.studies:
        console.print(f"[bold]{escape(study.name)}[/bold]")
        for point in study.points:
            values = ", ".join(f"{axis} {point.values[axis]}" for axis in study.axes)
            key = point.cell.key
            console.print(f"  {key}  {states[key]:<6}  {values}", markup=False)
    console.print(f"{len(plan.cells):,} cells, {len(plan.finished):,} of them done")


def _print_failed(found: "Swept") -> int:
    """Name the cells that failed on standard error; how many there are."""
    from simulator.sweep.tables import failures  # noqa: PLC0415 - as above

    failed = failures(found.studies, found.runs)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for key, where, error in failed:
        console.print(f"cell {key} failed ({where}): {error}", markup=False)
    return len(failed)


def _print_swept(found: "Swept", failed: int, *, as_json: bool) -> None:
    from simulator.sweep.results import row_of  # noqa: PLC0415 - as above

    ran = sum(run.is_new for run in found.runs)
    if as_json:
        counts = {"run": ran, "kept": len(found.runs) - ran, "failed": failed}
        files = {"results": str(found.results), "report": str(found.report)}
        rows = [{"cell": run.cell.key, **row_of(run)} for run in found.runs]
        typer.echo(json.dumps(counts | files | {"cells": rows}, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    kept = len(found.runs) - ran
    console.print(
        f"{len(found.runs):,} cells: {ran:,} run, {kept:,} done before, {failed:,} failed"
    )
    console.print(f"Results: {found.results}", markup=False)
    console.print(f"Report: {found.report}", markup=False)
