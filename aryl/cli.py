"""The `aryl` command: the client's verbs, and what joins by the entry-point group `aryl.commands`.

An entry point is a function or a typer app. Both become a command, or, where the app has more than
one, a group of that name.
"""

import sys
from collections.abc import Callable
from importlib.metadata import entry_points, version

import typer
from rich.console import Console

from aryl.client.verbs import verbs
from aryl.model.errors import ArylError, BadInput

GROUP = "aryl.commands"


def root(
    *,
    show_version: bool = typer.Option(False, "--version", help="Print the version and stop."),  # noqa: FBT003 - typer's way to give a default
) -> None:
    """Lend idle inference servers to training jobs, and take them back with the least harm."""
    if show_version:
        Console().print(f"aryl {version('aryl')}", highlight=False)
        raise typer.Exit


def command_line() -> typer.Typer:
    """Everything that `aryl` can be told."""
    app = typer.Typer(
        name="aryl",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        epilog="Start with `aryl trace synth --out trace.csv.gz`, "
        "then `aryl sim compare trace.csv.gz --schemes fifo,sjf,aryl`.",
    )
    app.callback(invoke_without_command=True)(root)
    app.add_typer(verbs)  # without a name its commands become ours
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        _join(app, point.name, point.load())
    return app


def _join(app: typer.Typer, name: str, part: typer.Typer | Callable[..., None]) -> None:
    """Take in a function as a command, and an app as a group or, as typer would, as a command."""
    if not isinstance(part, typer.Typer):
        app.command(name)(part)
    elif len(part.registered_commands) == 1 and not part.registered_groups:
        app.add_typer(part)
    else:
        app.add_typer(part, name=name)


def main() -> None:
    """Run the command line: exit code 0, 1 where it failed, 2 for bad arguments or input."""
    try:
        command_line()()
    except ArylError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(f"aryl: {error}", style="red", markup=False, highlight=False)
        sys.exit(2 if isinstance(error, BadInput) else 1)
