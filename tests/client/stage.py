"""Services for the client to speak to."""

from pathlib import Path

from tests.service.processes import Process, started

SPEED = 600  # a job of ten minutes takes a second


def serve(folder: Path, port: int = 0) -> Process:
    """A service on an emulated cluster of 4 + 4 servers, two of which inference can always spare.

    In the same folder it goes on where it stopped.
    """
    demand, config = folder / "demand.csv", folder / "aryl.toml"
    demand.write_text("t_s,servers\n0,1\n")
    config.write_text(f'[cluster]\ninference = "{demand}"\n')
    where = ["--config", str(config), "--port", str(port), "--speed", str(SPEED)]
    files = ["--database", f"sqlite:///{folder}/aryl.db", "--cluster-file", f"{folder}/cluster.db"]
    return started(["-m", "aryl", "serve", *where, *files], folder / "log")
