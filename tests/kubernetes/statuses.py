"""What kubelets write: nodes, leases, and the statuses of pods."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from tests.kubernetes.api import Raw
from tests.kubernetes.pod_life import GPU, Pod

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def node_body(
    name: str,
    gpus: int,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Mapping[str, str]] = (),
) -> Raw:
    """A node that is Ready, as a kubelet registers itself: 64 CPUs and 512 GiB beside its GPUs."""
    room = {
        "cpu": "64",
        "memory": "512Gi",
        "pods": "110",
        "ephemeral-storage": "1Ti",
        GPU: f"{gpus}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": [dict(taint) for taint in taints]},
        "status": {
            "capacity": room,
            "allocatable": room,
            "conditions": [ready_condition(is_ready=True)],
            "nodeInfo": {"kubeletVersion": "v1.20.2", "architecture": "amd64"}
            | dict.fromkeys(_INFO, ""),
        },
    }


def is_open(node: Raw) -> bool:
    """Whether controllers have taken away the taint that every node is born with."""
    taints = node["spec"].get("taints") or ()
    return all(taint["key"] != "node.kubernetes.io/not-ready" for taint in taints)


_INFO = (
    "bootID",
    "containerRuntimeVersion",
    "kernelVersion",
    "kubeProxyVersion",
    "machineID",
    "operatingSystem",
    "osImage",
    "systemUUID",
)


def ready_condition(*, is_ready: bool) -> Raw:
    """A node's condition Ready."""
    return {
        "type": "Ready",
        "status": str(is_ready),
        "reason": "KubeletReady" if is_ready else "KubeletNotReady",
        "message": "",
        "lastHeartbeatTime": _seconds_now(),
        "lastTransitionTime": _seconds_now(),
    }


def lease_body(node: str) -> Raw:
    """A node's lease, just renewed."""
    return {
        "metadata": {"name": node},
        "spec": {
            "holderIdentity": node,
            "leaseDurationSeconds": 40,
            "renewTime": f"{_now():%Y-%m-%dT%H:%M:%S.%fZ}",
        },
    }


def running(pod: Pod, number: int) -> Raw:
    """The status of a pod that runs and is ready; its address is made from a number."""
    address = f"10.{number // 65_025 % 255}.{number // 255 % 255}.{number % 255 + 1}"
    state = {"running": {"startedAt": _seconds_now()}}
    return _patch(pod, "Running", "True", state) | {
        "startTime": _seconds_now(),
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": "127.0.0.1",
    }


def ended(pod: Pod, *, well: bool) -> Raw:
    """The status of a pod whose containers have ended."""
    words = {"exitCode": 0 if well else 1, "reason": "Completed" if well else "Error"}
    state = {"terminated": words | {"finishedAt": _seconds_now()}}
    return _patch(pod, "Succeeded" if well else "Failed", "False", state)


def refused(pod: Pod, held: int, gpus: int) -> Raw:
    """The status of a pod that does not fit its node."""
    counts = f"requested: {pod.gpus}, used: {held}, capacity: {gpus}"
    return {
        "phase": "Failed",
        "reason": f"OutOf{GPU}",
        "message": f"Node didn't have enough resource: {GPU}, {counts}",
    }


def _patch(pod: Pod, phase: str, ready: str, state: Raw) -> Raw:
    def condition(kind: str, status: str) -> dict[str, Any]:
        return {"type": kind, "status": status, "lastTransitionTime": _seconds_now()}

    return {
        "phase": phase,
        "conditions": [
            condition("PodScheduled", "True"),
            condition("Initialized", "True"),
            condition("ContainersReady", ready),
            condition("Ready", ready),
        ],
        "containerStatuses": [
            {
                "name": name,
                "image": image,
                "imageID": image,
                "ready": ready == "True",
                "restartCount": 0,
                "state": state,
            }
            for name, image in pod.containers
        ],
    }


def _now() -> datetime.datetime:
    """The machine's time: what stands in statuses decides nothing here."""
    return datetime.datetime.now(datetime.UTC)  # noqa: TID251 - see above


def _seconds_now() -> str:
    return f"{_now():%Y-%m-%dT%H:%M:%SZ}"
