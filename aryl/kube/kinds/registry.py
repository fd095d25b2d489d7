"""Every kind of workload that Aryl knows."""

from collections.abc import Callable, Mapping

from aryl.kube.discovery import Served
from aryl.kube.kinds.base import Kind
from aryl.kube.kinds.batch_job import BatchJobs
from aryl.kube.kinds.jobset import JobSets
from aryl.kube.kinds.managed import Managed
from aryl.kube.kinds.pytorchjob import PyTorchJobs
from aryl.kube.kinds.raycluster import RayClusters
from aryl.kube.kinds.trainingjob import TrainingJobs
from aryl.kube.options import KubeOptions


def kinds_of(options: KubeOptions, served: Served, wall: Callable[[], float]) -> Mapping[str, Kind]:
    """All kinds by name, those that are not served now among them: that may change.

    `wall` tells seconds since the epoch.
    """
    gpu = options.gpu_resource
    batch = BatchJobs(served.has_job_suspend, served.has_elastic_indexed_jobs)
    ray = RayClusters(gpu, served.path("rayclusters") or "/apis/ray.io/v1/rayclusters")
    dialects = (batch, PyTorchJobs(), JobSets(gpu), ray)
    kinds: list[Kind] = [TrainingJobs(options, wall), *(Managed(options, one) for one in dialects)]
    return {kind.kind: kind for kind in kinds}
