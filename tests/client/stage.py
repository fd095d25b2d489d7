"""Services for the client to speak to."""

from pathlib import Path

from tests.service.processes import Process, started

SPEED = 600  # a job of ten minutes takes a second


def serve(folder: Path, port: int = 0, *options: str) -> Process:
    """A service on an emulated cluster of 4 + 4 servers; in the same folder it goes on."""
    where = ["--port", str(port), "--speed", str(SPEED), "--cluster", "testbed", *options]
    files = ["--database", f"sqlite:///{folder}/aryl.db", "--cluster-file", f"{folder}/cluster.db"]
    return started(["-m", "aryl", "serve", *where, *files], folder / "log")
