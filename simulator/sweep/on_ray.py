"""Runs cells on a Ray cluster (extra `aryl[ray]`), whose nodes share no disk with this machine.

Each file that runs read goes once into Ray's object store; a worker writes it to a folder of its
own. Every node needs the same aryl, which is checked: another one's figures would not be ours.
"""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aryl.model.errors import BadInput
from simulator.request import RunRequest
from simulator.sweep.version import simulator_version
from simulator.sweep.work import Ended, Failure, Order, carried_out

_ANSWERS_WITHIN_S = 10.0
_INSTALL = "Ray: pip install 'aryl[ray]'"
_START = "the address of a Ray cluster; `ray start --head` starts one on this machine"


@dataclass(frozen=True, slots=True)
class Parcel:
    """An order with the simulator's version here and the names of the files that it reads."""

    order: Order
    version: str
    names: tuple[str, ...]


def installed_ray() -> Any:  # noqa: ANN401 - a module
    """The library. Raises `BadInput` where it is not installed."""
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        raise BadInput("--on", "needs Ray", value="ray", expected=_INSTALL) from error
    return ray


def run_on_ray(ray: Any, orders: Sequence[Order], address: str | None) -> Iterator[Ended]:  # noqa: ANN401 - a module
    """Run all orders on the cluster at `address`; how each ended, as it ends.

    None: the cluster that RAY_ADDRESS names, else one on this machine. Raises `BadInput` where
    no cluster answers.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    try:
        _knock(address)
        ray.init(address, logging_level="error", log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        problem = f"can't be reached: {error}"
        raise BadInput("--ray-address", problem, value=address, expected=_START) from error
    try:
        yield from _run(ray, orders)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """See whether anybody listens at `host:port`: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), _ANSWERS_WITHIN_S).close()


def _run(ray: Any, orders: Sequence[Order]) -> Iterator[Ended]:  # noqa: ANN401 - a module
    stored: dict[Path, Any] = {}
    remote = ray.remote(num_cpus=1)(run_parcel)
    keys = {}
    for order in orders:
        files = _files_of(order.request)
        for file in files:
            if file not in stored:
                stored[file] = ray.put(file.read_bytes())
        parcel = Parcel(order, simulator_version(), tuple(file.name for file in files))
        keys[remote.remote(parcel, *(stored[file] for file in files))] = order.key
    pending = list(keys)
    while pending:
        done, pending = ray.wait(pending)
        for answer in done:
            try:
                yield ray.get(answer)
            except ray.exceptions.RayError as error:
                yield Ended(keys[answer], Failure(_first_line(error), str(error)))


def run_parcel(parcel: Parcel, *contents: bytes) -> Ended:
    """What a worker does with the contents of the parcel's files, on any node."""
    order = parcel.order
    if (version := simulator_version()) != parcel.version:
        text = f"the node has another simulator: version {version}, not {parcel.version}"
        return Ended(order.key, Failure(text))
    with TemporaryDirectory(prefix="aryl-") as folder:
        files = [Path(folder) / f"{place}-{name}" for place, name in enumerate(parcel.names)]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        moved = dict(zip(_files_of(order.request), files, strict=True))
        return carried_out(replace(order, request=_moved(order.request, moved)))


def _files_of(request: RunRequest) -> list[Path]:
    """The files that a run reads, each once."""
    cluster = Path(request.cluster) if request.cluster.endswith(".toml") else None
    return list(dict.fromkeys(filter(None, (request.trace, request.inference, cluster))))


def _moved(request: RunRequest, moved: Mapping[Path, Path]) -> RunRequest:
    """The request with its files where they are now."""
    cluster = moved.get(Path(request.cluster))
    return replace(
        request,
        trace=moved[request.trace],
        inference=moved[request.inference] if request.inference else None,
        cluster=str(cluster) if cluster else request.cluster,
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
