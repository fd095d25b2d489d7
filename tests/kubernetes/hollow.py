"""Real kubelets over a runtime that starts no containers: the hollow nodes of kubemark."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.kubernetes.api import Refused
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import Daemon, wait_until
from tests.kubernetes.pod_life import GPU
from tests.ports import free_port


@contextmanager
def hollow_node(
    control_plane: ControlPlane,
    name: str,
    *,
    gpus: int = 8,
    labels: Mapping[str, str] | None = None,
) -> Iterator[Daemon]:
    """A node with GPUs, Ready while the block runs; about 80 MB of memory.

    A container that is stopped there exits with 0, as if its work were done.
    """
    words: list[str | Path] = [
        control_plane.assets.program("kubemark"),
        "--morph=kubelet",
        f"--name={name}",
        f"--kubeconfig={control_plane.kubeconfig()}",
        f"--kubelet-port={free_port()}",
        f"--kubelet-read-only-port={free_port()}",
    ]
    if labels:
        words.append("--node-labels=" + ",".join(f"{key}={word}" for key, word in labels.items()))
    daemon = control_plane.run(name, words)
    try:
        wait_until(lambda: _is_ready(control_plane, daemon, name))
        _give_gpus(control_plane, name, gpus)
        yield daemon
    finally:
        control_plane.end(daemon)
        for folder in re.findall(r"(/\S*hollow-kubelet\.\d+) as root dir", daemon.log.read_text()):
            shutil.rmtree(folder)


def _give_gpus(control_plane: ControlPlane, name: str, gpus: int) -> None:
    """Have the node's status say what a device plugin would have it say."""
    resource = GPU.replace("/", "~1")
    grown = [  # the kubelet keeps capacity; allocatable would follow ten seconds later
        {"op": "add", "path": f"/status/{room}/{resource}", "value": f"{gpus}"}
        for room in ("capacity", "allocatable")
    ]
    control_plane.admin.patch(f"/api/v1/nodes/{name}/status", grown, "json")


def _is_ready(control_plane: ControlPlane, daemon: Daemon, name: str) -> bool:
    assert daemon.runs, daemon.last_words()
    try:
        node = control_plane.admin.get(f"/api/v1/nodes/{name}")
    except Refused:  # it has not registered yet
        return False
    conditions = {one["type"]: one["status"] for one in node["status"].get("conditions", ())}
    return conditions.get("Ready") == "True"
