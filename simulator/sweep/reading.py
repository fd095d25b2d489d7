"""Typed entries of a TOML table; whatever is wrong is refused by file, table, entry and value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from aryl.model.errors import BadInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, slots=True)
class Entries:
    """A table of `file`; `path` says where it stands, such as `grid[2].policy`."""

    file: Path
    path: str
    values: Mapping[str, Any]

    def only(self, *known: str) -> None:
        """Refuse entries that nobody reads."""
        for name in self.values:
            if name not in known:
                raise self.wrong(name, "is unknown", ", ".join(sorted(known)), value=None)

    def wrong(self, name: str, problem: str, expected: str, *, value: object) -> BadInput:
        """What to raise over an entry."""
        return BadInput(str(self.file), problem, None, self.where(name), value, expected)

    def where(self, name: str) -> str:
        """The entry as messages name it."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str, default: str = "") -> str:
        """A text, not empty where it is given."""
        value = self.values.get(name, default)
        if not isinstance(value, str) or (name in self.values and not value):
            raise self.wrong(name, "is no text", "a text", value=value)
        return value

    def name(self, name: str) -> str:
        """A text that may be part of a file's name."""
        value = self.values.get(name)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            expected = "a name of letters, digits and . _ + -"
            raise self.wrong(name, "is no name", expected, value=value)
        return value

    def path_of(self, name: str) -> Path | None:
        """A file, relative to the one that names it."""
        return self.file.parent / self.text(name) if name in self.values else None

    def whole(self, name: str, default: int, least: int) -> int:
        """A whole number of at least `least`."""
        value = self.values.get(name, default)
        if type(value) is not int or value < least:
            expected = f"a whole number of {least} or more"
            raise self.wrong(name, "is out of range", expected, value=value)
        return value

    def positive(self, name: str, default: float, most: float = inf) -> float:
        """A number above 0 and at most `most`."""
        value = self.values.get(name, default)
        if type(value) not in (int, float) or not 0 < value <= most or value == inf:
            bound = "" if most == inf else f", at most {most:g}"
            raise self.wrong(name, "is out of range", f"a number above 0{bound}", value=value)
        return float(value)

    def axis(self, name: str) -> tuple[Any, ...]:
        """The values of an axis: those of a list, or a single one; none where it is not given."""
        if name not in self.values:
            return ()
        value = self.values[name]
        if not isinstance(value, list):
            return (value,)
        if not value:
            raise self.wrong(name, "is empty", "a value or a list of values", value=value)
        for place, item in enumerate(value):
            if item in value[:place]:
                raise self.wrong(name, "stands there twice", "different values", value=item)
        return tuple(value)

    def table(self, name: str) -> "Entries":
        """A table in this one; empty where it is not given."""
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "is no table", f"[{self.where(name)}]", value=value)
        return Entries(self.file, self.where(name), value)

    def tables(self, name: str) -> Iterator["Entries"]:
        """Each table of `[[name]]`, or the one of `[name]`; there must be one."""
        value = self.values.get(name)
        listed = [value] if isinstance(value, dict) else value
        if not isinstance(listed, list) or not listed:
            raise self.wrong(name, "is missing", f"[[{name}]]", value=value)
        for number, values in enumerate(listed, start=1):
            path = name if isinstance(value, dict) else f"{name}[{number}]"
            if not isinstance(values, dict):
                raise self.wrong(name, "is no table", f"[[{name}]]", value=values)
            yield Entries(self.file, path, values)
