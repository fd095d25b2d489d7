"""Inference demand as a scheduler may know it: only bins that have ended."""

from collections.abc import Sequence
from dataclasses import dataclass

BIN_S = 300.0  # the width of a demand bin (spec §3)


@dataclass(frozen=True, slots=True)
class DemandHistory:
    """Demand in servers by bin of `BIN_S` seconds, oldest first; `first_s` starts the first bin.

    `values` is any sequence of numbers that slices (a tuple, a numpy array); its last item is the
    newest bin that ended at or before now.
    """

    values: Sequence[float]
    first_s: float = 0.0

    def __len__(self) -> int:
        """How many bins are known."""
        return len(self.values)
