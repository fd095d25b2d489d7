"""A day's jobs and inference, as users write them."""

from typing import Any

from tests.kubernetes.api import Raw
from tests.kubernetes.cluster import deployment, inference_pod
from tests.kubernetes.e2e.curve import Arrival
from tests.kubernetes.pod_life import GPU, RUNS

LOANED = {"key": "aryl.dev/loaned", "operator": "Equal", "value": "training"}


def training_job(arrival: Arrival, speed: float) -> Raw:
    """A TrainingJob."""
    types = ["V100", "T4"] if arrival.may_borrow else ["V100"]
    return {
        "apiVersion": "aryl.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": arrival.name},
        "spec": {
            "minWorkers": arrival.least,
            "maxWorkers": arrival.most,
            "gpusPerWorker": arrival.gpus,
            "gpuTypes": types,
            "heterogeneous": arrival.may_mix,
            "estimatedDurationSeconds": arrival.runs_s * speed,
            "template": template(arrival),
        },
    }


def batch_job(arrival: Arrival, speed: float) -> Raw:
    """A Job of Kubernetes' own, which Aryl resizes."""
    managed = {"aryl.dev/managed": "true"}
    notes = {
        "workers": f"{arrival.least}",
        "min-workers": f"{arrival.least}",
        "max-workers": f"{arrival.most}",
        "fungible": str(arrival.may_borrow).lower(),
        "heterogeneous": str(arrival.may_mix).lower(),
        "estimated-duration-s": f"{arrival.runs_s * speed}",
    }
    pod = template(arrival)
    pod["metadata"]["labels"] = managed
    pod["spec"] |= {
        "schedulerName": "aryl-scheduler",
        "restartPolicy": "OnFailure",
        "tolerations": [LOANED],
    }
    pod["spec"]["containers"][0]["resources"] = {"limits": {GPU: f"{arrival.gpus}"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": arrival.name,
            "labels": managed,
            "annotations": {f"aryl.dev/{name}": value for name, value in notes.items()},
        },
        "spec": {"parallelism": 0, "backoffLimit": 100, "template": pod},
    }


def rest_job(arrival: Arrival, speed: float) -> dict[str, Any]:
    """A job of the service."""
    return {
        "name": arrival.name,
        "num_gpus": arrival.least * arrival.gpus,
        "gpus_per_worker": arrival.gpus,
        "min_workers": arrival.least,
        "max_workers": arrival.most,
        "fungible": arrival.may_borrow,
        "heterogeneous": arrival.may_mix,
        "duration_s": arrival.runs_s * speed,
        "template": template(arrival),
    }


def template(arrival: Arrival) -> Raw:
    """What a worker runs."""
    return {
        "metadata": {"annotations": {RUNS: f"{arrival.runs_s}"}},
        "spec": {
            "containers": [{"name": "main", "image": "train:1"}],
            "terminationGracePeriodSeconds": 1,
            "priorityClassName": "aryl-training",
        },
    }


def inference(name: str, replicas: int, gpus: int) -> Raw:
    """A Deployment that serves."""
    return deployment(name, replicas, inference_pod(name, gpus, priorityClassName="aryl-inference"))
