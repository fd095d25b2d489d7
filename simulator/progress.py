"""Runs with a progress bar on a terminal and none in a pipe; several runs in parallel processes."""

import multiprocessing
import os
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from aryl.config import read_policy
from simulator.inputs import read_inputs
from simulator.output import check_folder
from simulator.request import RunRequest
from simulator.run import run_request, run_to_folder

SHOW_EVERY_S = 0.25
TELL_EVERY = 200  # steps of a replay between two words on its progress

Counts = Mapping[str, "Synchronized[int]"]  # jobs that have ended, by scheme

_shared: dict[str, "Synchronized[int]"] = {}  # filled once, when a worker process starts


def one_run(request: RunRequest, out: Path, *, events: bool) -> dict[str, Any]:
    """Replay one scheme into a folder; its summary. `BadInput` comes before any writing."""
    check_folder(out)
    inputs = read_inputs(request)
    with progress_bar() as bar:
        task = bar.add_task(inputs.world.config.scheme, total=len(inputs.jobs), unit="jobs")
        return run_to_folder(
            inputs,
            out,
            events=events,
            progress=every(lambda ended: bar.update(task, completed=ended)),
        )


def many_runs(requests: Mapping[str, RunRequest], out: Path | None) -> dict[str, dict[str, Any]]:
    """Replay several schemes, each in a process of its own; summaries by name.

    The inputs, which they share, and each scheme are checked before the first process starts.
    """
    if out:
        check_folder(out)
    configs = {name: read_policy(r.policy, r.scheme, r.knobs) for name, r in requests.items()}
    longest_first = sorted(requests, key=lambda name: configs[name].scaling == "none")
    jobs = len(read_inputs(next(iter(requests.values()))).jobs)
    context = multiprocessing.get_context("spawn")
    ended = {name: context.Value("l", 0) for name in requests}
    processes = min(len(requests), os.cpu_count() or 1)
    with progress_bar() as bar, ProcessPoolExecutor(processes, context, _adopt, (ended,)) as pool:
        tasks = {name: bar.add_task(name, total=jobs, unit="jobs") for name in requests}
        futures = {
            name: pool.submit(_run_one, name, requests[name], out / name if out else None)
            for name in longest_first
        }
        _follow(futures.values(), lambda: _draw(bar, tasks, ended))
    return {name: futures[name].result() for name in requests}


def _adopt(ended: Counts) -> None:
    """Let a worker process know where to count the jobs that have ended."""
    _shared.update(ended)


def _run_one(name: str, request: RunRequest, out: Path | None) -> dict[str, Any]:
    def tell(count: int) -> None:
        _shared[name].value = count

    return run_request(request, out, progress=every(tell))


def _follow(futures: Collection[Future[dict[str, Any]]], draw: Callable[[], None]) -> None:
    """Draw until every run has ended; the first that failed stops those not yet begun."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, SHOW_EVERY_S, FIRST_COMPLETED)
        draw()
        if any(future.exception() for future in done):
            for future in pending:
                future.cancel()
            return


def _draw(bar: Progress, tasks: Mapping[str, TaskID], ended: Counts) -> None:
    for name, task in tasks.items():
        bar.update(task, completed=ended[name].value)


def every(tell: Callable[[int], None]) -> Callable[[int], None]:
    """Tell of progress now and then: a replay makes tens of thousands of steps."""
    steps = 0

    def told(count: int) -> None:
        nonlocal steps
        steps += 1
        if steps % TELL_EVERY == 0:
            tell(count)

    return told


def progress_bar() -> Progress:
    """A bar on standard error, where that is a terminal; each task names its `unit`."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
