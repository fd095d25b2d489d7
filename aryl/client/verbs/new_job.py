"""The options that make a job, submitted or supposed: every field of `POST /jobs`."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from aryl.client.verbs.verb import duration
from aryl.model.errors import BadInput


def numbers(text: str) -> list[int]:
    """Whole numbers by commas. Raises `BadInput`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        expected = "whole numbers such as 2,4,8"
        raise BadInput("--allowed-workers", "is no list", value=text, expected=expected) from error


def template_in(file: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises `BadInput`."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput("--template", f"can't be read: {error}", value=str(file)) from error
    if not isinstance(found, dict):
        raise BadInput("--template", "is no JSON object", value=str(file))
    return found


Gpus = typer.Option("--gpus", min=1, metavar="N", help="GPUs at the requested size.")
Duration = typer.Option(
    "--duration", parser=duration, metavar="TIME", help="Run time at that size: 90s, 15m, 2h, 1d."
)


@dataclass(frozen=True, kw_only=True)
class _Needed:
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")]
    num_gpus: Annotated[int, Gpus]
    duration_s: Annotated[float, Duration]


@dataclass(frozen=True, kw_only=True)
class _Supposed:
    num_gpus: Annotated[int | None, Gpus] = None
    duration_s: Annotated[float | None, Duration] = None


@dataclass(frozen=True, kw_only=True)
class _Rest:
    """What a job may say beyond its size; None: the service's default."""

    gpus_per_worker: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="GPUs of one worker, all on one server.")
    ] = None
    min_workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With fewer it can't run.")
    ] = None
    max_workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="More it can't use.")
    ] = None
    allowed_workers: Annotated[
        str | None, typer.Option(metavar="N,N,N", help="It runs with these numbers only.")
    ] = None
    fungible: Annotated[
        bool, typer.Option("--fungible", help="It may run on on-loan inference servers.")
    ] = False
    heterogeneous: Annotated[
        bool, typer.Option("--heterogeneous", help="It may run on both GPU types at once.")
    ] = False
    checkpoint_s: Annotated[
        float | None,
        typer.Option(
            "--checkpoint", parser=duration, metavar="TIME", help="Run time between checkpoints."
        ),
    ] = None
    estimated_duration_s: Annotated[
        float | None,
        typer.Option(
            "--estimate", parser=duration, metavar="TIME", help="What the scheduler may believe."
        ),
    ] = None
    priority: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Higher comes first.")
    ] = None
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id; else one is made up.")
    ] = None
    user: Annotated[str | None, typer.Option(metavar="NAME", help="For whom it runs.")] = None
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Its queue, to list by.")] = None
    model: Annotated[str | None, typer.Option(metavar="NAME", help="What it trains.")] = None

    def body(self) -> dict[str, Any]:
        """What `POST /jobs` is told; what is not given is left out. Raises `BadInput`."""
        given = {known.name: getattr(self, known.name) for known in fields(self)}
        if self.allowed_workers is not None:
            given["allowed_workers"] = numbers(self.allowed_workers)
        return {
            name: value for name, value in given.items() if value is not None and value is not False
        }


@dataclass(frozen=True, kw_only=True)
class NewJob(_Rest, _Needed):
    """A job as a command line asks for it."""

    template: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What its workers run: a pod template, as a JSON object."
        ),
    ] = None

    def body(self) -> dict[str, Any]:
        """As any job's, with the file's object. Raises `BadInput`."""
        given = super().body()
        return given if self.template is None else {**given, "template": template_in(self.template)}


@dataclass(frozen=True, kw_only=True)
class SupposedJob(_Rest, _Supposed):
    """A job as a command line supposes it, if it does."""
