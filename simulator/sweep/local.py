"""Runs cells on this machine, each in a process of its own.

A process that dies takes no other cell with it, and none outlives the sweep: a child notices when
its parent is gone.
"""

import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from threading import Thread
from typing import Any

from simulator.progress import SHOW_EVERY_S
from simulator.sweep.work import Ended, Failure, Order, Show, carried_out

# Children are forked from a clean process that has read our modules once.
_FORKED = get_context("forkserver")


@dataclass(frozen=True, slots=True)
class _Child:
    key: str
    process: ForkServerProcess


def run_here(orders: Sequence[Order], processes: int, show: Show) -> Iterator[Ended]:
    """Run all orders, `processes` at a time; how each ended, as it ends."""
    _FORKED.set_forkserver_preload(["simulator.sweep.local"])
    waiting = deque(orders)
    running: dict[Any, _Child] = {}  # by the end of its pipe
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                running |= [_start(waiting.popleft())]
            ready: list[Any] = wait(list(running), SHOW_EVERY_S)
            for pipe in ready:
                said = _heard(pipe, running[pipe])
                if isinstance(said, Ended):
                    running.pop(pipe).process.join()
                    yield said
                else:
                    show(running[pipe].key, *said)
    finally:
        for child in running.values():
            child.process.kill()
            child.process.join()


def _start(order: Order) -> "tuple[Connection[Any, Any], _Child]":
    ours, theirs = _FORKED.Pipe()
    process = _FORKED.Process(target=_work, args=(order, theirs))
    process.start()
    theirs.close()  # so that the end of the child is the end of the pipe
    return ours, _Child(order.key, process)


def _heard(pipe: "Connection[Any, Any]", child: _Child) -> Ended | tuple[int, int]:
    """What the child says: how far it is, or how it ended. A child that died says nothing."""
    try:
        said: Ended | tuple[int, int] = pipe.recv()
    except EOFError:
        child.process.join()
        return Ended(child.key, Failure(_death(child.process.exitcode or 0)))
    return said


def _death(exit_code: int) -> str:
    if exit_code >= 0:
        return f"its process ended with exit code {exit_code}"
    name = signal.Signals(-exit_code).name
    return f"its process was ended by {name}; is there enough memory?"


def _work(order: Order, pipe: "Connection[Any, Any]") -> None:
    """What a child does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it, and ends its children
    Thread(target=_die_with_parent, daemon=True).start()
    pipe.send(carried_out(order, lambda ended, jobs: pipe.send((ended, jobs))))


def _die_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "a child has a parent"
    wait([parent.sentinel])
    os._exit(1)
