"""What Aryl keeps of Kubernetes objects: frozen, slim, and with nothing left to guess.

A view is made once from an object's raw JSON (`X_view`); whoever needs more of an object asks the
API server for it. Thousands of pods stay small this way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aryl.kube.names import MANAGED
from aryl.model.cluster import Pool

OVER: Final = frozenset({"Succeeded", "Failed"})  # phases of a pod that has ended


@dataclass(frozen=True, slots=True)
class Taint:
    """A node's taint."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Toleration:
    """What a pod tolerates; empty texts match anything, as Kubernetes has it."""

    key: str
    operator: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node that belongs to a pool; `version` is its resourceVersion.

    Views are equal whatever their versions: a heartbeat is no change.
    """

    name: str
    uid: str
    version: str = field(compare=False)
    pool: Pool
    gpus: int
    cpu_milli: int
    memory_bytes: int
    is_ready: bool
    ready_since_s: float  # since when it is ready, or not, in seconds since the epoch
    is_cordoned: bool
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    loan: str  # the annotation's text; "" for none


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod that requests GPUs, or that is a worker."""

    namespace: str
    name: str
    uid: str
    version: str
    owner_uid: str  # its controller's
    owner_kind: str
    node: str  # "" while it is not bound
    phase: str
    is_ready: bool
    is_unschedulable: bool
    created_s: float
    deleted_s: (
        float | None
    )  # when its deletion was asked for, plus its grace: when it has to be gone
    gpus: int
    cpu_milli: int
    memory_bytes: int
    scheduler: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]  # those of Aryl's domain and workers' indexes only
    tolerations: tuple[Toleration, ...]
    node_selector: Mapping[str, str]
    has_affinity: bool
    reason: str = ""  # why it failed, where that was not its containers' doing
    is_ours: bool = field(init=False, compare=False)  # a worker of a job of ours
    holds_gpus: bool = field(init=False, compare=False)  # until the object is gone or has ended

    def __post_init__(self) -> None:
        """Say once what every step asks of every pod."""
        set_now = object.__setattr__
        set_now(self, "is_ours", self.labels.get(MANAGED) == "true")
        set_now(self, "holds_gpus", bool(self.node) and self.phase not in OVER)

    @property
    def key(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A PodDisruptionBudget and how many of its pods may be disrupted now."""

    namespace: str
    name: str
    selector: Mapping[str, object]  # a label selector as the API writes it
    allowed: int
    selects_all_if_empty: bool  # policy/v1 does, policy/v1beta1 selects none


@dataclass(frozen=True, slots=True)
class ScalerView:
    """A HorizontalPodAutoscaler's wish."""

    namespace: str
    name: str
    target_kind: str
    target_name: str
    desired: int


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """An object that describes a job: a TrainingJob, or one of another kind that Aryl manages.

    `raw` is the object without its managed fields and its pod template's bulk, as its adapter
    (`aryl.kube.adapters`) wants to read it.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    version: str
    created_s: float
    is_deleted: bool  # its deletion was asked for
    annotations: Mapping[str, str]
    raw: Mapping[str, object]
