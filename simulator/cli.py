"""`aryl sim`: run one scheme, compare several, sweep a grid, list what policies are made of."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from aryl.model.errors import BadInput
from aryl.policy.config import SCHEMES
from simulator.request import RunRequest
from simulator.scenarios.workload import read_overrides
from simulator.sweep import cli as sweeping

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Replay traces in virtual time with the policy code that schedules for real.",
    epilog="Example: `aryl sim run trace.csv.gz --scheme aryl --out runs/aryl`",
)

TraceFile = Annotated[Path, typer.Argument(metavar="TRACE", help="Jobs: .csv, .csv.gz, .parquet.")]
Inference = Annotated[
    Path | None,
    typer.Option("--inference", help="Inference demand, a CSV file; by default the paper's day."),
]
Peak = Annotated[
    float,
    typer.Option("--inference-peak", help="Share of the inference pool that demand's peak takes."),
]
ClusterName = Annotated[
    str, typer.Option("--cluster", help="paper, testbed, philly, or a TOML file.")
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="A TOML file with a [policy] table.")
]
Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        help="basic, advanced, heterogeneous, ideal or as-is; by default what the trace's columns "
        "say. See docs/scenarios.md.",
    ),
]
Workload = Annotated[
    list[str] | None,
    typer.Option(
        "--workload",
        metavar="NAME=NUMBER",
        help="Draw other jobs than the scenario, such as `elastic_jobs=0.4`; may be repeated.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Seed of everything that is drawn; by default 0."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    epilog="Example: `aryl sim run trace.csv.gz --cluster philly --scheme aryl --out runs/aryl`"
)
def run(
    trace: TraceFile,
    *,
    out: Annotated[Path, typer.Option("--out", help="The folder for the run's files.")],
    inference: Inference = None,
    inference_peak: Peak = 0.95,
    cluster: ClusterName = "paper",
    policy: PolicyFile = None,
    scheme: Annotated[str | None, typer.Option("--scheme", help="See `aryl sim policies`.")] = None,
    scenario: Scenario = None,
    workload: Workload = None,
    seed: Seed = None,
    events: Annotated[
        bool, typer.Option("--events", help="Also write events.jsonl: each action, each wait.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replay a trace under one scheme and write its files and report."""
    from simulator.progress import one_run  # noqa: PLC0415 - keeps `--help` quick

    request = RunRequest(
        trace,
        inference,
        inference_peak,
        cluster,
        policy,
        scheme,
        scenario,
        seed,
        workload=read_overrides(workload or ()),
    )
    summary = one_run(request, out, events=events)
    _warn_of_rejected(summary)
    if as_json:
        _print_json(summary)
    else:
        _print_summary(summary, out)


@app.command(
    epilog="Example: `aryl sim compare trace.csv.gz --schemes fifo,sjf,aryl --out runs/compare`"
)
def compare(
    trace: TraceFile,
    *,
    schemes: Annotated[
        str, typer.Option("--schemes", help="Schemes, by commas, or all; ratios are to the first.")
    ] = "fifo,fifo-backfill,sjf,aryl-loaning,aryl-scaling,aryl,aryl+",
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep each run here, with one report on all.")
    ] = None,
    inference: Inference = None,
    inference_peak: Peak = 0.95,
    cluster: ClusterName = "paper",
    policy: PolicyFile = None,
    scenario: Scenario = None,
    workload: Workload = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Replay a trace under several schemes at once and print the paper's table."""
    from simulator.progress import many_runs  # noqa: PLC0415 - as above

    common = RunRequest(
        trace,
        inference,
        inference_peak,
        cluster,
        policy,
        scenario=scenario,
        seed=seed,
        workload=read_overrides(workload or ()),
    )
    requests = {name: replace(common, scheme=name) for name in _scheme_names(schemes)}
    _print_comparison(many_runs(requests, out), out, as_json=as_json)


app.command(epilog=sweeping.EXAMPLE)(sweeping.sweep)


@app.command(epilog="Example: `aryl sim policies`")
def policies(*, as_json: AsJson = False) -> None:
    """List the schemes, the parts they mix, and every knob of a [policy] table."""
    from simulator.policies import policies_as_tables, policies_as_text  # noqa: PLC0415 - as above

    if as_json:
        _print_json(policies_as_text())
        return
    for table in policies_as_tables():
        Console().print(table)


def _scheme_names(text: str) -> list[str]:
    if text.strip() == "all":
        return list(SCHEMES)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise BadInput("--schemes", "names none", value=text, expected="names such as fifo,aryl")
    return names


def _print_comparison(
    summaries: dict[str, dict[str, Any]], out: Path | None, *, as_json: bool
) -> None:
    from simulator.comparison import (  # noqa: PLC0415 - keeps `--help` quick
        comparison_table,
        lowest_bound,
        write_comparison,
    )

    for summary in summaries.values():
        _warn_of_rejected(summary)
    if as_json:
        _print_json({"schemes": summaries, "bound": lowest_bound(summaries)})
    else:
        Console().print(comparison_table(summaries))
    if out:
        report = write_comparison(out, list(summaries))
        console = Console(stderr=as_json, highlight=False, soft_wrap=True)
        console.print(f"Report: {report}", markup=False)


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, indent=2))


def _warn_of_rejected(summary: dict[str, Any]) -> None:
    """Name the jobs that were left out, on standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for row in summary["rejected"]:
        text = f"{summary['scheme']} left out {row['job_id']}: {row['reason']}"
        console.print(text, markup=False)


def _print_summary(summary: dict[str, Any], out: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for name in ("queuing_s", "jct_s"):
        spread = {key: "-" if v is None else f"{v:,.0f}" for key, v in summary[name].items()}
        text = ", ".join(f"{key} {value}" for key, value in spread.items())
        console.print(f"{name:<10} {text}", markup=False)
    console.print(f"Report: {out / 'report.html'}", markup=False)
