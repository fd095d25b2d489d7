"""What all verbs have in common: which service, how to print, and an example in the help."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from aryl.client.durations import seconds_of
from aryl.client.profiles import Flags
from aryl.client.session import Session, session

app = typer.Typer(rich_markup_mode="markdown")  # the verbs; `aryl` takes them in as they are

HEADINGS = JOBS, CLUSTER, DECISIONS = "Jobs", "Cluster", "Decisions"  # as the help lists them

P = ParamSpec("P")
Verb = Callable[Concatenate[Session, P], None]


@dataclass(frozen=True, slots=True)
class Common:
    """Options of every verb."""

    server: Annotated[
        str | None, typer.Option(metavar="URL", help="The service; else ARYL_SERVER.")
    ] = None
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the token; else ARYL_TOKEN.")
    ] = None
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the config file; else ARYL_PROFILE.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print the service's JSON.")] = False


def verb(
    name: str, example: str, heading: str | None = None, *, group: typer.Typer = app
) -> Callable[[Verb[P]], Verb[P]]:
    """Make a command of a function that takes a `Session` first; common options join its own.

    `heading` is where the help lists it. A parameter whose type is a dataclass stands for one
    option per field.
    """

    def join(function: Verb[P]) -> Verb[P]:
        own = list(inspect.signature(function).parameters.values())[1:]
        parameters = [*own, Parameter("common", Parameter.KEYWORD_ONLY, annotation=Common)]

        @wraps(function)
        def command(**given: Any) -> None:  # noqa: ANN401 - as the function's own parameters say
            values = _gathered(parameters, given)
            common: Common = values.pop("common")
            flags = Flags(common.server, common.token_file, common.profile)
            with session(flags, as_json=common.as_json) as opened:
                function(opened, **values)  # type: ignore[call-arg]

        flat = [each for parameter in parameters for each in _flat(parameter)]
        command.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in flat}
        group.command(name, epilog=f"Example: `{example}`", rich_help_panel=heading)(command)
        return function

    return join


def _flat(parameter: Parameter) -> Iterator[Parameter]:
    """The parameter, or one for each field of the dataclass that it stands for."""
    if not is_dataclass(parameter.annotation):
        yield parameter
        return
    for known in fields(parameter.annotation):
        default = Parameter.empty if known.default is MISSING else known.default
        yield Parameter(known.name, Parameter.KEYWORD_ONLY, default=default, annotation=known.type)


def _gathered(parameters: list[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a function's own parameters: fields go back into their dataclasses."""
    values: dict[str, Any] = {}
    for parameter in parameters:
        kind = parameter.annotation
        if is_dataclass(kind) and isinstance(kind, type):
            values[parameter.name] = kind(**{f.name: given[f.name] for f in fields(kind)})
        else:
            values[parameter.name] = given[parameter.name]
    return values


def duration(text: str | float) -> float:
    """A duration option's value; its default may be in seconds."""
    if isinstance(text, float):
        return text
    try:
        return seconds_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


JobId = Annotated[str, typer.Argument(metavar="ID", help="The job.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]
Watch = Annotated[bool, typer.Option("--watch", help="Look again every 2 seconds until Ctrl-C.")]
