"""`aryl serve --demo`: the paper's cluster, with the built-in workload submitted over HTTP."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from api.listening import Told, address_of, announce
from api.main import Service
from api.settings import Settings, environment, read_settings
from traces.synthetic import generate
from traces.synthetic_recipe import PAPER_DAYS, PAPER_GPUS, PAPER_JOBS
from traces.writing import write_trace

SPEED = 600.0
Flags = Mapping[str, Mapping[str, object]]


def serve_demo(config: Path | None, flags: Flags) -> None:
    """Serve until a signal says to stop; everything is in a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="aryl-demo-") as folder:
        scratch = Path(folder)
        trace = scratch / "workload.csv.gz"
        write_trace(trace, generate(seed=0, jobs=PAPER_JOBS, days=PAPER_DAYS, gpus=PAPER_GPUS))
        settings = read_settings(config, _with_scratch(flags, scratch), environment())
        feeders: list[subprocess.Popen[bytes]] = []

        def feed(settings: Settings, role: str, port: int, told: Told) -> None:
            announce(settings, role, port, told)
            feeders.append(_feeder(trace, address_of(settings, port)))

        try:
            Service(settings).run(feed)
        finally:
            for feeder in feeders:
                feeder.terminate()
                feeder.wait()


def _with_scratch(flags: Flags, scratch: Path) -> Flags:
    """The flags, with the paper's cluster at the demo's speed where they say nothing else."""
    chosen = {name: value for name, value in flags["cluster"].items() if value is not None}
    paper = {"shape": "paper", "speed": SPEED, "file": scratch / "cluster.db"}
    cluster = paper | chosen | {"kind": "emulated"}  # whatever a file says: no real one is flooded
    database = {"url": f"sqlite:///{scratch}/aryl.db"}
    return {**flags, "cluster": cluster, "database": database}


def _feeder(trace: Path, address: str) -> subprocess.Popen[bytes]:
    """`aryl replay` as a process of its own; it waits until the service answers."""
    command = (sys.executable, "-m", "aryl", "replay", str(trace), "--server", address)
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
