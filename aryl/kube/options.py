"""How Aryl is to treat a Kubernetes cluster: what an operator may choose."""

from dataclasses import dataclass, field
from enum import StrEnum

from aryl.kube.names import POOL


class Placing(StrEnum):
    """Who binds workers to the nodes of the plan."""

    EXTENDER = "extender"  # Aryl's own kube-scheduler, which asks the service
    BINDING = "binding"  # Aryl itself


@dataclass(frozen=True, slots=True)
class KubeOptions:
    """Everything that can be chosen; times are wall time, as pods and nodes live in it."""

    kubeconfig: str = ""  # "" is the usual search: KUBECONFIG, ~/.kube/config, in-cluster
    context: str = ""
    namespace: str = "default"  # where jobs submitted by REST become TrainingJobs
    pool_label: str = POOL  # its values are training and inference
    gpu_resource: str = "nvidia.com/gpu"
    training_gpu_type: str = "V100"
    inference_gpu_type: str = "T4"
    workers_per_training_worker: float = 1.0  # the inference type's factor (spec §3)
    placing: Placing = Placing.EXTENDER
    scheduler_name: str = "aryl-scheduler"  # of worker pods, in both modes of placing
    inference_selector: str = ""  # labels of inference pods: "a=b,c=d"; "": who tolerates the taint
    tolerated_taints: tuple[str, ...] = ("nvidia.com/gpu",)  # keys; any other shuts a node
    worker_template: dict[str, object] = field(default_factory=dict)  # for jobs that bring none
    reclaim_deadline_s: float = 120.0  # how long a refused eviction is tried, or a server overdue
    node_lost_s: float = 60.0  # not ready for so long: its workers are lost
    start_deadline_s: float = 300.0  # base workers not bound for so long: the job goes back
    writes_per_s: float = 50.0
    burst_writes: int = 100
    writes_per_step: int = 200  # the rest waits for the next step, moments later
