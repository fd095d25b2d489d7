"""Kubernetes' way of writing amounts and moments, as numbers."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Final

_SUFFIXES: Final[Mapping[str, Decimal]] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(1000),
    "M": Decimal(1000) ** 2,
    "G": Decimal(1000) ** 3,
    "T": Decimal(1000) ** 4,
    "P": Decimal(1000) ** 5,
    "E": Decimal(1000) ** 6,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
    "Pi": Decimal(1024) ** 5,
    "Ei": Decimal(1024) ** 6,
}


def amount(text: object, unit: str = "1") -> int:
    """A quantity such as `500m`, `2`, `16Gi` or `1e3` in whole units, rounded up.

    Raises `ArithmeticError` where it is none.
    """
    said = str(text)
    number = said.rstrip("numkMGTPEi")
    factor = _SUFFIXES[said[len(number) :]] if len(number) < len(said) else Decimal(1)
    return ceil(Decimal(number) * factor / Decimal(unit))


def moment_s(text: object) -> float:
    """A moment in RFC 3339 in seconds since the epoch; 0 where none is given."""
    return datetime.fromisoformat(str(text)).timestamp() if text else 0.0
