"""The command as a whole: what joins it, and what its help says."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points

import pytest
import typer

from aryl import cli
from tests.simulation.command import aryl

HEAVY = ("httpx2", "numpy", "fastapi", "sqlalchemy", "pydantic", "uvicorn", "pyarrow", "ortools")


def commands(group: object, path: str = "") -> Iterator[str]:
    """Every command there is, by its words."""
    assert isinstance(group, typer.core.TyperGroup)
    for name, command in group.commands.items():
        words = f"{path} {name}".strip()
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, words)
        else:
            yield words


ALL = list(commands(typer.main.get_command(cli.command_line())))
VERBS = (
    *("submit", "jobs", "job", "cancel", "resize", "checkpoint"),
    *("servers", "pools", "loans", "demand show", "demand push", "forecast"),
    *("plan", "explain", "whatif", "top", "events", "audit"),
)


def test_every_verb_is_there() -> None:
    assert {*VERBS, "replay", "serve", "sim run", "trace synth", "token create"} <= {*ALL}


@pytest.mark.parametrize("command", ALL)
def test_the_help_of_every_command_has_an_example(command: str) -> None:
    answer = aryl(*command.split(), "--help")

    assert answer.exit_code == 0
    assert f"Example: aryl {command}" in " ".join(answer.out.split())


@pytest.mark.parametrize("command", [*VERBS, "replay"])
def test_every_verb_speaks_json_to_any_service(command: str) -> None:
    out = aryl(*command.split(), "--help").out

    assert all(f"--{option}" in out for option in ("json", "server", "token-file", "profile"))
    assert "--token " not in out  # it would show up in `ps`


def test_help_waits_for_no_library_that_it_does_not_need() -> None:
    program = f"""
import sys
from aryl import cli
cli.command_line()
print([name for name in {HEAVY} if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)  # noqa: S603 - our own

    assert told.stdout.decode().strip() == "[]"


def one() -> None:
    """Do one thing."""


single, group = typer.Typer(), typer.Typer()
single.command("single", epilog="its own end")(one)
group.command("first")(one)
group.command("second")(one)


def test_functions_and_apps_join_as_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint(name, f"{__name__}:{value}", cli.GROUP)
        for name, value in {"plain": "one", "single": "single", "both": "group"}.items()
    ]
    monkeypatch.setattr(cli, "entry_points", lambda **_: points)

    joined = list(commands(typer.main.get_command(cli.command_line())))

    assert {"plain", "single", "both first", "both second"} <= {*joined}
    assert "its own end" in aryl("single", "--help").out


def test_what_joins_is_installed() -> None:
    assert {point.name for point in entry_points(group=cli.GROUP)} >= {"sim", "trace", "replay"}
