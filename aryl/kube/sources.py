"""What a mirror has to follow for Aryl: objects by resource, and what is kept of each."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from aryl.kube.discovery import Served
from aryl.kube.kinds.base import Kind
from aryl.kube.mirror import Seen
from aryl.kube.options import KubeOptions
from aryl.kube.paths import NODES, PODS
from aryl.kube.picture import Picture
from aryl.kube.reflector import Source, uid_of
from aryl.kube.translate import budget_view, node_view, pod_view, scaler_view


def sources_of(
    options: KubeOptions, served: Served, kinds: Iterable[Kind]
) -> Iterator[Source[Any]]:
    """Everything that a picture shows, as far as the server serves it."""
    yield Source("nodes", "Node", NODES, partial(node_view, options=options))
    yield Source("pods", "Pod", PODS, partial(pod_view, options=options))
    budgets = served.path("poddisruptionbudgets")
    if budgets is not None:
        is_first = served.versions["poddisruptionbudgets"] == "policy/v1beta1"
        keep = partial(budget_view, selects_all_if_empty=not is_first)
        yield Source("budgets", "PodDisruptionBudget", budgets, keep)
    scalers = served.path("horizontalpodautoscalers")
    if scalers is not None:
        yield Source("scalers", "HorizontalPodAutoscaler", scalers, scaler_view)
    for kind in kinds:
        # others than our own may be taken off the cluster, or come to it, at any time
        may_be_absent = kind.kind != "TrainingJob"
        yield Source(
            "workloads",
            kind.kind,
            kind.path,
            kind.keep,
            key=uid_of,
            may_be_absent=may_be_absent,
        )


def picture_of(seen: Seen) -> Picture:
    """What a mirror of these sources shows."""
    return Picture(seen.version, **seen.views)
