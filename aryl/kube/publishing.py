"""Jobs submitted to the service, as the TrainingJobs that stand for them on the cluster."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from aryl.kube.names import API_VERSION, FINALIZER, JOB_ID
from aryl.kube.options import KubeOptions
from aryl.model.job import JobSpec

NAME_CHARACTERS: Final = 50  # a worker's host name, 63 at most, is this and an index
HASH_DIGITS: Final = 10

_NAME = re.compile(rf"[a-z0-9]([a-z0-9-]{{0,{NAME_CHARACTERS - 2}}}[a-z0-9])?")
_HASHED = re.compile(rf".*-[0-9a-f]{{{HASH_DIGITS}}}")


def object_name(job_id: str) -> str:
    """The name of a job's object: the job's own where Kubernetes takes it, else one much like it.

    No two jobs share one: what looks like a made-up name is made up too.
    """
    if _NAME.fullmatch(job_id) and not _HASHED.fullmatch(job_id):
        return job_id
    digest = sha256(job_id.encode()).hexdigest()[:HASH_DIGITS]
    slug = re.sub(r"[^a-z0-9]+", "-", job_id.lower()).strip("-")
    slug = slug[: NAME_CHARACTERS - HASH_DIGITS - 1].strip("-")
    return f"{slug or 'job'}-{digest}"


def training_job(
    spec: JobSpec, template: Mapping[str, Any] | None, options: KubeOptions
) -> dict[str, Any]:
    """The TrainingJob of a job; without a template, its workers are the service's own."""
    types = [options.training_gpu_type, options.inference_gpu_type]
    body: dict[str, Any] = {
        "minWorkers": spec.min_workers,
        "maxWorkers": spec.max_workers,
        "workers": spec.requested_workers,
        "gpusPerWorker": spec.gpus_per_worker,
        "estimatedDurationSeconds": spec.estimated_duration_s,
        "checkpointIntervalSeconds": spec.checkpoint_s,
        "heterogeneous": spec.heterogeneous,
        "priority": spec.priority,
        "gpuTypes": types if spec.fungible else [],  # none: the training pool's
        "allowedWorkers": [*spec.allowed_workers],
    }
    labels = {"user": spec.user, "queue": spec.queue, "model": spec.model}
    body |= {name: label for name, label in labels.items() if label}
    if template is not None:
        body["template"] = dict(template)
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingJob",
        "metadata": {
            "name": object_name(spec.job_id),
            "namespace": options.namespace,
            "annotations": {JOB_ID: spec.job_id},
            "finalizers": [FINALIZER],
        },
        "spec": body,
    }
