"""The pods of a TrainingJob's workers, and the service by which they find each other."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from math import ceil
from typing import Any, Final

from aryl.kube.kinds.slots import Slot
from aryl.kube.kinds.templates import gpus_of
from aryl.kube.names import API_VERSION, JOB, KIND, LOANED_TAINT, MANAGED, RUN, SERVER, WORKER
from aryl.kube.options import KubeOptions
from aryl.kube.views import WorkloadView
from aryl.model.cluster import ROUNDING
from aryl.model.job import Job, JobSpec

RENDEZVOUS_PORT: Final = 29400  # torchrun's own default
# Each shrink costs the group one restart, so that a small number would end a healthy job.
MAX_RESTARTS: Final = 100
UID_CHARACTERS: Final = 5

Body = dict[str, Any]


def pod_name(job_name: str, job: Job, index: int) -> str:
    """A worker's pod, and its host name.

    Each run of a job has names of its own, so that none waits for a pod of the last run that is
    stuck on a dead node. What follows the last dash has no dash: no two jobs share a name.
    """
    run = f"r{run_of(job)}w" if job.preemptions else ""
    return f"{job_name}-{run}{index}"


def service_name(view: WorkloadView) -> str:
    """A job's service; a service's name begins with a letter, a job's need not.

    A deleted job's goes when Kubernetes collects it: another job by that name must not live with
    it. So some of the uid is in the name, as much as fits into 63 characters.
    """
    return f"aryl-{view.name}-{view.uid[:UID_CHARACTERS]}"


def service_body(view: WorkloadView) -> Body:
    """The headless service that gives every worker a name in DNS, before it is ready too."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(view),
            "namespace": view.namespace,
            "labels": {JOB: view.name},
            "ownerReferences": [_owner(view)],
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {JOB: view.name, MANAGED: "true"},
            "ports": [{"name": "rendezvous", "port": RENDEZVOUS_PORT}],
        },
    }


def pod_body(
    view: WorkloadView, job: Job, slot: Slot, template: Mapping[str, Any], options: KubeOptions
) -> Body:
    """A worker: the user's template, and what Aryl needs in it. What the user set stays."""
    about = template.get("metadata") or {}
    spec = deepcopy(template["spec"])
    spec |= {
        "hostname": pod_name(view.name, job, slot.index),
        "subdomain": service_name(view),
        "schedulerName": options.scheduler_name,
    }
    spec.setdefault("restartPolicy", "Never")
    spec["tolerations"] = [*(spec.get("tolerations") or ()), *_tolerations(options)]
    _give_gpus(spec["containers"], job.spec.gpus_per_worker, options.gpu_resource)
    for container in spec["containers"]:
        given = {variable.get("name") for variable in container.get("env") or ()}
        ours = [v for v in _environment(view, job, options) if v["name"] not in given]
        container["env"] = [*(container.get("env") or ()), *ours]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(view.name, job, slot.index),
            "namespace": view.namespace,
            "labels": {**(about.get("labels") or {}), **_labels(view, job, slot)},
            "annotations": {**(about.get("annotations") or {}), SERVER: slot.seat.server},
            "ownerReferences": [_owner(view)],
        },
        "spec": spec,
    }


def most_pods(spec: JobSpec, factor: float) -> int:
    """The most pods that a job can have: on a slower GPU type, several do one worker's work."""
    most = ceil(spec.max_workers * factor - ROUNDING) if spec.can_borrow else 0
    return max(spec.max_workers, most)


def run_of(job: Job) -> str:
    """What tells the pods of a job's runs apart: after a preemption all of them are new."""
    return str(job.preemptions)


def _labels(view: WorkloadView, job: Job, slot: Slot) -> Body:
    return {
        JOB: view.name,
        MANAGED: "true",
        WORKER: str(slot.index),
        KIND: slot.seat.kind.value,
        RUN: run_of(job),
    }


def _tolerations(options: KubeOptions) -> Iterable[Body]:
    yield {"key": LOANED_TAINT, "operator": "Equal", "value": "training", "effect": "NoSchedule"}
    for key in options.tolerated_taints:
        yield {"key": key, "operator": "Exists"}


def _environment(view: WorkloadView, job: Job, options: KubeOptions) -> list[Body]:
    """What torchrun reads instead of its command line."""
    most = most_pods(job.spec, options.workers_per_training_worker)
    least = sum(job.holding.base)
    leader = f"{pod_name(view.name, job, 0)}.{service_name(view)}"
    values = {
        "PET_NNODES": f"{least}:{max(least, most)}",
        "PET_NPROC_PER_NODE": job.spec.gpus_per_worker,
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": f"{leader}:{RENDEZVOUS_PORT}",
        "PET_RDZV_ID": f"{view.name}-{run_of(job)}",
        "PET_MAX_RESTARTS": MAX_RESTARTS,
    }
    return [{"name": name, "value": str(value)} for name, value in values.items()]


def _give_gpus(containers: list[Body], gpus: int, resource: str) -> None:
    """Let the first container have a worker's GPUs, where none asks for any."""
    if any(gpus_of(container, resource, "") for container in containers):
        return
    resources = containers[0]["resources"] = containers[0].get("resources") or {}
    resources["limits"] = {**(resources.get("limits") or {}), resource: str(gpus)}
    resources["requests"] = {**(resources.get("requests") or {}), resource: str(gpus)}


def _owner(view: WorkloadView) -> Body:
    return {
        "apiVersion": API_VERSION,
        "kind": view.kind,
        "name": view.name,
        "uid": view.uid,
        "controller": True,
    }
