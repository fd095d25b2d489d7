"""Why something was decided, or not: a code with the numbers that explain it."""

from dataclasses import dataclass
from enum import Enum


class ReasonCode(Enum):
    """Every reason there is; the value is the sentence that its numbers fill in."""

    # why a job waits
    NOT_ENOUGH_GPUS = (
        "needs {needed_gpus} GPUs; {free_gpus} are free and {flexible_gpus} could be freed by "
        "shrinking elastic jobs"
    )
    FRAGMENTED = (
        "needs {workers} workers of {gpus_per_worker} GPUs, each on one server; {fitting} fit in "
        "the {free_gpus} free GPUs"
    )
    BEHIND_HEAD = "waits in order behind {head}, which needs {needed_gpus} GPUs and does not fit"

    # why a job starts, grows, shrinks or is preempted
    FITS = "its {gpus} GPUs fit; it is number {place} in order"
    FITS_BY_SHRINKING = "its {gpus} GPUs fit once {shrunk} elastic jobs shrink"
    FITS_BY_SUSPENDING = "its {gpus} GPUs fit once {suspended} jobs behind it are suspended"
    GROWS = "{workers} more workers save {saved_s} s"
    GROWS_FOR_SPEED = "{workers} more workers make it {times} times as fast"
    SHRINKS_FOR_START = "gives {workers} flexible workers to a job that starts"
    SHRINKS_FOR_GAIN = "gives {workers} flexible workers to jobs that gain more from them"
    SHRINKS_FOR_RECLAIM = "gives up {workers} flexible workers as {server} goes back to inference"
    PREEMPTED_FOR_RECLAIM = "has base workers on {servers} of the servers that go back to inference"
    SUSPENDED = "gives way to {job}, which comes before it, and keeps its progress"
    LOST = "the cluster no longer knows of it; it starts again from its last checkpoint"
    SHRINKS_FOR_BOUNDS = "gives up {workers} flexible workers, as it may hold {max_workers} at most"

    # why a server is lent or goes back
    LENT = "{loanable} servers are loanable with a forecast of {forecast}; {on_loan} were on loan"
    RECLAIMED_VACANT = "{demand} servers are asked back; this one was vacant"
    RECLAIMED_FLEXIBLE = "{demand} servers are asked back; this one held flexible workers only"
    RECLAIMED_BUSY = "an inference pod has come to run on this server"
    RECLAIMED_PREEMPTING = (
        "{demand} servers are asked back; this one is among those that cost least by {policy}"
    )

    # why a run time is believed
    GUESSED = (
        "jobs like it have run for {run_s} s, with a mean error of a factor of {factor}; "
        "{given_s} s had been given"
    )

    # what fell short of the best
    GROWTH_NOT_PLACED = "{wanted} more workers for {job} were worth it; {placed} could be placed"
    PINNED = "{server} stays on loan: its workers may not be evicted now; another server goes back"
    SOLVER_LIMIT = "the solver reached its limit of {nodes} nodes; the greedy answer serves"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and its numbers, by name."""

    code: ReasonCode
    numbers: tuple[tuple[str, int | float | str], ...] = ()

    @property
    def text(self) -> str:
        """The whole sentence; whole numbers are said without a point."""
        said = {name: _said(number) for name, number in self.numbers}
        return self.code.value.format(**said)


def _said(number: float | str) -> float | str:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def because(code: ReasonCode, **numbers: float | str) -> Reason:
    """A Reason from keyword arguments."""
    return Reason(code, tuple(numbers.items()))
