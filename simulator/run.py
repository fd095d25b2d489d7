"""Runs one scheme over one trace and leaves its files behind."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from simulator import stopwatch
from simulator.inputs import RunInputs, read_inputs
from simulator.observer import Log, Observer
from simulator.output import EVENTS, EVENTS_SO_FAR, check_folder, open_folder, write_run
from simulator.replay import Progress, Replay
from simulator.report import write_report
from simulator.request import RunRequest
from simulator.summary import Finished, summary_of


def replayed(
    inputs: RunInputs, *, log: Log | None = None, progress: Progress | None = None
) -> Finished:
    """Replay the inputs to the end. Raises `InvariantBroken` where a plan breaks a rule."""
    observer = Observer(log)
    replay = Replay(inputs.world, inputs.jobs, observer, stopwatch.elapsed)
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
        log: Log | None = None
        if events:
            stack.callback((out / EVENTS_SO_FAR).unlink, missing_ok=True)
            log = stack.enter_context((out / EVENTS_SO_FAR).open("w", encoding="utf-8"))
        run = replayed(inputs, log=log, progress=progress)
        if events:
            (out / EVENTS_SO_FAR).rename(out / EVENTS)
        else:
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
