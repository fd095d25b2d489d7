"""One cell's run, wherever it happens: what goes to a worker and what comes back."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.inputs import read_inputs
from simulator.progress import every
from simulator.request import RunRequest
from simulator.run import replayed
from simulator.summary import summary_of, timing_of

Tell = Callable[[int, int], None]  # jobs that have ended, of how many
Show = Callable[[str, int, int], None]  # the same of the cell with a key


@dataclass(frozen=True, slots=True)
class Order:
    """A cell to run, by its key."""

    key: str
    request: RunRequest


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run leaves: spec §5's summary.json and timing.json."""

    summary: Mapping[str, Any]
    timing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that came to nothing: the error in one line, and where it came from."""

    error: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an order ended."""

    key: str
    outcome: Figures | Failure


def carried_out(order: Order, tell: Tell | None = None) -> Ended:
    """Run an order; whatever is raised becomes its failure, so that other cells go on."""
    try:
        inputs = read_inputs(order.request)
        jobs = len(inputs.jobs)
        progress = every(lambda ended: tell(ended, jobs)) if tell else None
        run = replayed(inputs, progress=progress)
        return Ended(order.key, Figures(summary_of(run), timing_of(run)))
    except Exception as error:  # noqa: BLE001 - a bug in one cell is reported as that cell's
        text = f"{type(error).__name__}: {error}"
        return Ended(order.key, Failure(text, traceback.format_exc()))
