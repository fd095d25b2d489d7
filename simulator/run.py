"""Runs one scheme over one trace and leaves its files behind."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from simulator import stopwatch
from simulator.inputs import RunInputs, read_inputs
from simulator.journal import Allocation
from simulator.observer import Log, Observer
from simulator.output import (
    EVENTS,
    allocations_in,
    check_folder,
    growing,
    open_folder,
    write_run,
)
from simulator.replay import Progress, Replay
from simulator.report import write_report
from simulator.request import RunRequest
from simulator.summary import Finished, summary_of


def _unkept(_allocation: Allocation) -> None:
    """Let an allocation go."""


def replayed(
    inputs: RunInputs,
    *,
    log: Log | None = None,
    allocated: Callable[[Allocation], object] = _unkept,
    progress: Progress | None = None,
) -> Finished:
    """Replay the inputs to the end. Raises `InvariantBroken` where a plan breaks a rule.

    `allocated` is told of each allocation as it ends: of a long run, they don't fit into memory.
    """
    observer = Observer(log)
    replay = Replay(inputs.world, inputs.jobs, observer, stopwatch.elapsed)
    replay.journal.hand_on(allocated)
    wall_s, cpu_s = stopwatch.elapsed(), stopwatch.cpu_s()
    replay.run(progress)
    wall_s, cpu_s = stopwatch.elapsed() - wall_s, stopwatch.cpu_s() - cpu_s
    return Finished(inputs, replay.journal, observer, wall_s, cpu_s)


def run_to_folder(
    inputs: RunInputs, out: Path, *, events: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Replay and write every file of spec §5 into `out`; the summary."""
    open_folder(out)
    with ExitStack() as stack:
        log = stack.enter_context(growing(out / EVENTS)) if events else None
        allocated = stack.enter_context(allocations_in(out))
        run = replayed(inputs, log=log, allocated=allocated, progress=progress)
    if not events:
        (out / EVENTS).unlink(missing_ok=True)  # of an earlier run
    summary = write_run(run, out)
    write_report(out)
    return summary


def run_request(
    request: RunRequest, out: Path | None, progress: Progress | None = None
) -> dict[str, Any]:
    """Read, replay and, with a folder, write; the summary. Raises `BadInput`."""
    if out:
        check_folder(out)
    inputs = read_inputs(request)
    if out:
        return run_to_folder(inputs, out, progress=progress)
    return summary_of(replayed(inputs, progress=progress))
