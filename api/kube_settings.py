"""What a service is told of a Kubernetes cluster: the table `[kubernetes]`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from aryl.kube.names import GPU, POOL
from aryl.kube.options import KubeOptions, Placing

LABEL_KEY = (
    r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
)
DNS_LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
SUBDOMAIN = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
TERM = r"[A-Za-z0-9./_-]+=[A-Za-z0-9._-]*"
SELECTOR = rf"^({TERM}(,{TERM})*)?$"

Key = Annotated[str, Field(pattern=LABEL_KEY)]
GpuType = Annotated[str, Field(min_length=1, max_length=100)]
Wall = Annotated[float, Field(ge=1.0, le=86_400.0)]


class KubernetesSettings(BaseModel):
    """How the cluster is to be treated; times are wall time. `KubeOptions` says what each is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kubeconfig: str = ""
    context: str = ""
    namespace: Annotated[str, Field(pattern=DNS_LABEL)] = "default"
    pool_label: Key = POOL
    gpu_resource: Key = GPU
    training_gpu_type: GpuType = "V100"
    inference_gpu_type: GpuType = "T4"
    workers_per_training_worker: Annotated[float, Field(ge=1.0, le=100.0)] = 1.0
    placing: Placing = Placing.EXTENDER
    scheduler_name: Annotated[str, Field(pattern=SUBDOMAIN)] = "aryl-scheduler"
    inference_selector: Annotated[str, Field(pattern=SELECTOR)] = ""
    tolerated_taints: tuple[Key, ...] = (GPU,)
    worker_template: dict[str, Any] = {}
    reclaim_deadline_s: Wall = 120.0
    node_lost_s: Wall = 60.0
    start_deadline_s: Wall = 300.0
    writes_per_s: Annotated[float, Field(gt=0.0, le=10_000.0)] = 50.0
    burst_writes: Annotated[int, Field(ge=1, le=10_000)] = 100
    writes_per_step: Annotated[int, Field(ge=1, le=100_000)] = 200

    def options(self) -> KubeOptions:
        """The same, for those who work with the cluster."""
        return KubeOptions(**dict(self))
