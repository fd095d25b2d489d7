"""Reads what users wrote on Kubernetes objects, and says exactly what can't be accepted."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final

from aryl.model.errors import BadInput

# What the service accepts of a job, however it comes (docs/api.md).
MAX_WORKERS: Final = 100_000
MAX_ALLOWED: Final = 1_000
MAX_SECONDS: Final = 1e9
MAX_PRIORITY: Final = 1_000_000
MAX_LABEL: Final = 100
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Fields:
    """A part of an object; `where` are the words before a field's name in messages.

    All methods answer `default` for what is absent or null, and raise `BadInput` otherwise unless
    the value is of the kind that they say.
    """

    where: str
    values: Mapping[str, object]

    def whole(self, name: str, default: int, *, least: int = 1, most: int = MAX_WORKERS) -> int:
        """A whole number in a range; 4.0 counts as one."""
        value = self.values.get(name)
        if value is None:
            return default
        return _whole(value, f"{self.where}{name}", least, most)

    def wholes(self, name: str) -> tuple[int, ...]:
        """Whole numbers from 1 on, in ascending order."""
        values = self.values.get(name)
        if values is None:
            return ()
        if not isinstance(values, list) or len(values) > MAX_ALLOWED:
            raise bad(f"{self.where}{name}", values, f"a list of at most {MAX_ALLOWED} numbers")
        return tuple(sorted({_whole(v, f"{self.where}{name}", 1, MAX_WORKERS) for v in values}))

    def seconds(self, name: str, default: float) -> float:
        """A time span."""
        value = self.values.get(name)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not isfinite(value) or not 0 <= value <= MAX_SECONDS:  # type: ignore[arg-type,operator]
            raise bad(f"{self.where}{name}", value, f"seconds, from 0 to {MAX_SECONDS:.0f}")
        return float(value)  # type: ignore[arg-type]

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Whether something holds."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise bad(f"{self.where}{name}", value, "true or false")
        return value

    def text(self, name: str) -> str:
        """A short text without control characters; "" where it is absent."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > MAX_LABEL or _CONTROLS.search(value):
            raise bad(f"{self.where}{name}", value, f"a text of at most {MAX_LABEL} characters")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Texts in the order given."""
        values = self.values.get(name)
        if values is None:
            return ()
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise bad(f"{self.where}{name}", values, "a list of names")
        return tuple(values)


def annotated(
    annotations: Mapping[str, str], readers: Mapping[str, Callable[[str], str]]
) -> dict[str, object]:
    """Annotations as values: each is read as JSON once its reader has made JSON of it.

    What is no JSON stays a text, for `Fields` to find fault with.
    """
    found: dict[str, object] = {}
    for name, reader in readers.items():
        text = annotations.get(name)
        if text is not None:
            found[name] = _read(reader(text), text)
    return found


def bad(field: str, value: object, expected: str, problem: str = "can't be accepted") -> BadInput:
    """What is said of a field: `spec.minWorkers: 0 can't be accepted; expected …`."""
    return BadInput(field, problem, value=value, expected=expected)


def _read(encoded: str, text: str) -> object:
    try:
        value: object = json.loads(encoded)
    except ValueError:
        return text
    return value


def _whole(value: object, field: str, least: int, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise bad(field, value, f"a whole number from {least} to {most}")
    return value
