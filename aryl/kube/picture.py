"""All that Aryl sees of a Kubernetes cluster at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aryl.kube.views import BudgetView, NodeView, PodView, ScalerView, WorkloadView


@dataclass(frozen=True, slots=True)
class Picture:
    """Views by name (nodes), `namespace/name` (pods, budgets, scalers) and uid (workloads).

    `version` grows with every change. Nobody changes a picture: a later one has other mappings.
    """

    version: int = 0
    nodes: Mapping[str, NodeView] = field(default_factory=dict)
    pods: Mapping[str, PodView] = field(default_factory=dict)
    budgets: Mapping[str, BudgetView] = field(default_factory=dict)
    scalers: Mapping[str, ScalerView] = field(default_factory=dict)
    workloads: Mapping[str, WorkloadView] = field(default_factory=dict)
