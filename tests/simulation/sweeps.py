"""Small sweeps: a spec in a folder of its own, run by the command, here or in a process."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from tests.simulation.command import Answer, aryl

COMMAND = (sys.executable, "-c", "from aryl.cli import main; main()", "sim", "sweep")
WITHIN_S = 60.0
SMALL = "jobs = 60, days = 0.25, gpus = 32"  # a cell of a few milliseconds
LARGER = "jobs = 800, days = 1.0, gpus = 32"  # one that can be met while it runs
SPEC = """
baseline = "fifo"
[[trace]]
name = "made-up"
{trace}
cluster = "testbed"
[[grid]]
scheme = ["fifo", "sjf"]
[[grid]]
name = "Headroom"
[grid.policy]
headroom = [0.02, 0.1]
"""
CELLS = 4  # of that spec


def write_spec(folder: Path, *, trace: str = "", more: str = "") -> Path:
    """A spec over a generated trace, or over what the line `trace` says; `more` follows."""
    file = folder / "spec.toml"
    line = trace or f"synth = {{ {SMALL} }}"
    file.write_text(SPEC.format(trace=line) + more, encoding="utf-8")
    return file


def swept(spec: Path, out: Path, *words: object) -> dict[str, Any]:
    """What the command prints as JSON; it must end well."""
    answer = aryl("sim", "sweep", spec, "--out", out, "--json", *words)
    assert answer.exit_code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def refused(spec: Path, out: Path, *words: object) -> Answer:
    """A command that must find its arguments bad and leave nothing."""
    answer = aryl("sim", "sweep", spec, "--out", out, *words)
    assert answer.exit_code == 2, answer
    assert not (out / "cells").exists()
    return answer


def runs(out: Path) -> Mapping[str, bytes]:
    """What tells one run of a cell from the next, by key: the seconds that it took."""
    files = (out / "cells").glob("[!.]*/timing.json")
    return {file.parent.name: file.read_bytes() for file in files}


@contextmanager
def going(spec: Path, out: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A sweep in a process of its own, killed if it is still there at the end."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, str(spec), "--out", str(out), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def swept_afresh(spec: Path, out: Path) -> dict[str, Any]:
    """The same by a process of its own."""
    with going(spec, out, "--json") as process:
        said, complaint = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, complaint
    found: dict[str, Any] = json.loads(said)
    return found


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    waited_s = 0.0
    while not is_so():
        assert waited_s < WITHIN_S, "waited too long"
        Event().wait(0.01)
        waited_s += 0.01


def descendants(pid: int) -> dict[int, int]:
    """The processes below a process, with their parents."""
    parents = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            parents[int(file.parent.name)] = int(fields[1])
    found: dict[int, int] = {}
    level = {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level}
        found |= {child: parents[child] for child in level}
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be forgotten."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
