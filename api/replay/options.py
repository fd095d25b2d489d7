"""What `aryl replay` can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

SCENARIO = "basic, advanced, heterogeneous, ideal or as-is; else what the trace's columns say."


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of a replay, and what is made of them."""

    trace: Annotated[Path, typer.Argument(metavar="TRACE", help="Jobs: .csv, .csv.gz, .parquet.")]
    scenario: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=SCENARIO),
    ] = None
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Seed of everything that is drawn.")
    ] = 0
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first so many jobs.")
    ] = None
    prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="Goes before each job's id, to replay it anew.")
    ] = ""
    inference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Inference demand to tell along the way.")
    ] = None
    inference_peak: Annotated[
        float, typer.Option(metavar="X", help="Share of the inference pool at demand's peak.")
    ] = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a replay goes."""

    speed: Annotated[
        float | None,
        typer.Option(
            min=0.001, metavar="X", help="Seconds of the trace in one; else as fast as the cluster."
        ),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier replay stopped.")
    ] = False
