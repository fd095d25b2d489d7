"""`aryl trace`: converts, describes, cuts, resamples, checks and generates traces."""

import json
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aryl.model.errors import BadInput
from traces.bootstrap import bootstrapped
from traces.formats import FORMATS, detect_format
from traces.job import Trace, trace_of
from traces.statistics import DAY_S, describe
from traces.synthetic_recipe import PAPER_DAYS, PAPER_JOBS, suited_gpus
from traces.table import job_specs, read_trace
from traces.terminal import show
from traces.windows import window_of
from traces.writing import csv_bytes, write_trace

AUTO = "auto"
GPUS_PER_SERVER = 8  # as in every built-in cluster

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Convert, describe, cut, resample, check and generate traces.",
    epilog="Example: `aryl trace synth --out trace.csv.gz`",
)

TraceFile = Annotated[
    Path, typer.Argument(metavar="TRACE", help="A trace: CSV, gzipped CSV or Parquet.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="The file to write: .csv, .csv.gz or .parquet; else CSV to stdout."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    epilog="Example: aryl trace convert cluster_job_log --format philly --out philly.csv.gz"
)
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="A file of a public trace; Lingjun: its folder.")
    ],
    form: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}; auto: tell by its look.")
    ] = AUTO,
    out: Out = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Convert a public trace into the canonical form; jobs that never ran on a GPU are counted."""
    name = detect_format(source) if form == AUTO else form
    if name not in FORMATS:
        raise BadInput(
            "--format", "is not known", value=form, expected=f"one of {', '.join(FORMATS)}"
        )
    found = FORMATS[name](source)
    if as_json:
        dropped = {"start": found.start, "dropped": dict(found.dropped)}
        remark = json.dumps({"format": name, "jobs": len(found.jobs), **dropped}, indent=2)
    else:
        left_out = ", ".join(f"{count:,} {cause}" for cause, count in found.dropped.items())
        remark = f"{len(found.jobs):,} jobs; t = 0 is {found.start}; left out: {left_out or 'none'}"
    _deliver(trace_of(str(source), found.jobs), out, remark)


@app.command(
    "describe", epilog="Example: aryl trace describe philly.csv.gz --gpus 2490 --html p.html"
)
def describe_trace(
    trace: TraceFile,
    gpus: Annotated[
        int | None, typer.Option(min=1, help="GPUs of a cluster, to compare the load with.")
    ] = None,
    first_hour: Annotated[
        float, typer.Option(min=0.0, max=24.0, help="The hour of the day at t = 0.")
    ] = 0.0,
    html: Annotated[
        Path | None, typer.Option(help="Draw the charts into this file, to open in a browser.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a trace's statistics, with a picture."""
    table = read_trace(trace)
    description = describe(table, gpus=gpus, first_hour=first_hour)
    if html is not None:
        from traces.picture import write_picture  # noqa: PLC0415  # plotly is slow to import

        write_picture(html, table, description)
    if as_json:
        typer.echo(json.dumps(asdict(description), indent=2))
        return
    show(description, Console())
    if html is not None:
        typer.echo(f"charts: {html}")


@app.command(epilog="Example: aryl trace window philly.csv.gz --start-day 64 --days 15 --out w.csv")
def window(
    trace: TraceFile,
    days: Annotated[float, typer.Option(help="The window's length in days.")],
    start_s: Annotated[
        float | None, typer.Option(min=0.0, help="Its start in seconds of the trace.")
    ] = None,
    start_day: Annotated[float | None, typer.Option(min=0.0, help="The same in days.")] = None,
    out: Out = None,
) -> None:
    """Cut a window out of a trace; jobs running at its start are carried in with what remains."""
    if (start_s is None) == (start_day is None):
        raise typer.BadParameter("give either --start-s or --start-day")
    if not 0 < days < inf:
        raise typer.BadParameter("--days must be positive and finite")
    begin_s = start_s if start_s is not None else (start_day or 0.0) * DAY_S
    cut = window_of(read_trace(trace), begin_s, days * DAY_S)
    carried = sum(bool(job.carry_in) for job in cut.jobs)
    _deliver(cut, out, f"{len(cut.jobs):,} jobs, {carried:,} of them carried in")


@app.command(
    epilog="Example: aryl trace bootstrap philly.csv.gz --days 10 --seed 3 --out b3.csv.gz"
)
def bootstrap(
    trace: TraceFile,
    days: Annotated[int, typer.Option(min=1, help="How many days to put in a row.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same days.")] = 0,
    out: Out = None,
) -> None:
    """Resample whole days of a trace, with replacement: how much a result owes to its days."""
    made = bootstrapped(read_trace(trace), days, seed)
    drawn = ", ".join(map(str, made.days))
    _deliver(made.trace, out, f"{len(made.trace.jobs):,} jobs of the days {drawn}")


@app.command(epilog="Example: aryl trace validate jobs.csv --gpus-per-server 8")
def validate(
    trace: TraceFile,
    gpus_per_server: Annotated[
        int, typer.Option(min=1, help="GPUs of a server of the training pool.")
    ] = GPUS_PER_SERVER,
    *,
    as_json: AsJson = False,
) -> None:
    """Check a trace as a simulation would; what is wrong is named by file, row and column."""
    table = read_trace(trace)
    specs = job_specs(table, gpus_per_server)
    too_wide = sum(spec.gpus_per_worker > gpus_per_server for spec in specs)
    if as_json:
        figures = {"path": str(trace), "valid": True, "jobs": len(specs), "too_wide": too_wide}
        typer.echo(json.dumps(figures | {"columns": sorted(table.columns)}, indent=2))
        return
    typer.echo(f"{trace}: {len(specs):,} jobs, valid")
    if too_wide:
        typer.echo(f"{too_wide:,} of them have workers that fit on no server of {gpus_per_server}")


@app.command(epilog="Example: aryl trace synth --seed 1 --days 15 --out workload.csv.gz")
def synth(
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same trace.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="How many jobs.")] = PAPER_JOBS,
    days: Annotated[float, typer.Option(help="Over how many days.")] = PAPER_DAYS,
    gpus: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="GPUs of the training pool they load; else as many as suit the jobs.",
        ),
    ] = None,
    out: Out = None,
) -> None:
    """Generate a workload with the shape of the paper's production trace."""
    if not 0 < days < inf:
        raise typer.BadParameter("--days must be positive and finite")
    from traces.synthetic import generate  # noqa: PLC0415  # numpy is slow to import

    pool = suited_gpus(jobs, days) if gpus is None else gpus
    trace = generate(seed=seed, jobs=jobs, days=days, gpus=pool)
    _deliver(trace, out, f"{jobs:,} jobs for {pool:,} GPUs, seed {seed}")


def _deliver(trace: Trace, out: Path | None, remark: str) -> None:
    """Write a trace to a file, or as CSV to stdout; the remark never goes among the rows."""
    if out is None:
        typer.echo(csv_bytes(trace), nl=False)
    else:
        write_trace(out, trace)
    typer.echo(remark, err=out is None)
