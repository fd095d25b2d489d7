"""Lists what policies are made of: schemes, registry entries and knobs."""

from dataclasses import asdict, fields, is_dataclass
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from aryl.policy.config import PARTS, SCHEMES, PolicyConfig, policy_config
from aryl.policy.registry import REGISTRIES


def policies_as_text() -> dict[str, Any]:
    """Schemes with their parts, registries with their entries, knobs with default and meaning."""
    return {
        "schemes": {name: _parts(name) for name in SCHEMES},
        "registries": {part: list(entries) for part, entries in REGISTRIES.items()},
        "knobs": {
            knob.name: {"default": _plain(knob.default), "meaning": knob.metadata["meaning"]}
            for knob in fields(PolicyConfig)
        },
    }


def policies_as_tables() -> list[Table]:
    """The same as three tables for a terminal."""
    text = policies_as_text()
    schemes = _table("Schemes", "scheme", *PARTS)
    for name, parts in text["schemes"].items():
        schemes.add_row(name, *parts.values())
    registries = _table("Entries to mix in a [policy] table", "part", "entries")
    for part, entries in text["registries"].items():
        registries.add_row(part, ", ".join(entries))
    knobs = _table("Knobs of a [policy] table", "knob", "default", "meaning")
    for name, knob in text["knobs"].items():
        knobs.add_row(name, str(knob["default"]), knob["meaning"])
    return [schemes, registries, knobs]


def _parts(scheme: str) -> dict[str, str]:
    config = policy_config({}, scheme=scheme)
    return {part: getattr(config, part) for part in PARTS}


def _plain(default: object) -> object:
    if is_dataclass(default) and not isinstance(default, type):
        return asdict(default)
    return default


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
