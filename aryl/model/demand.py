"""Inference demand as a scheduler may know it: only bins that have ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

BIN_S = 300.0  # the width of a demand bin (spec §3)


class Bins(Protocol):
    """Numbers in a row: a tuple, a list or an array."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Each in turn."""
        ...

    def __getitem__(self, places: slice, /) -> Any:  # noqa: ANN401 - whatever the row makes of a slice
        """Some of them."""
        ...


@dataclass(frozen=True, slots=True)
class DemandHistory:
    """Demand in servers by bin of `BIN_S` seconds, oldest first; `first_s` starts the first bin.

    `values` is a tuple or an array; its last item is the newest bin that ended at or before now.
    `ahead` holds the bins right after it: only a simulator can fill it, and only for the oracle.
    """

    values: Bins
    first_s: float = 0.0
    ahead: Bins = ()

    def __len__(self) -> int:
        """How many bins are known."""
        return len(self.values)

    @property
    def end_s(self) -> float:
        """When the newest known bin ended."""
        return self.first_s + len(self.values) * BIN_S
