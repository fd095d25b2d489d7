"""Objects as an API server writes them become views with nothing left to guess."""

from typing import Any

import pytest

from aryl.kube.names import LOAN, MANAGED, POOL, SERVER
from aryl.kube.options import KubeOptions
from aryl.kube.quantities import amount, moment_s
from aryl.kube.translate import budget_view, node_view, pod_view, requested, scaler_view
from aryl.kube.views import Taint, Toleration
from aryl.model.cluster import Pool

OPTIONS = KubeOptions()


def a_node(**metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "n1",
            "uid": "u1",
            "resourceVersion": "7",
            "labels": {POOL: "inference"},
            "annotations": None,
            **metadata,
        },
        "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}], "unschedulable": True},
        "status": {
            "allocatable": {"cpu": "3920m", "memory": "16Gi", "nvidia.com/gpu": "8"},
            "conditions": [
                {"type": "DiskPressure", "status": "False"},
                {
                    "type": "Ready",
                    "status": "Unknown",
                    "lastTransitionTime": "2026-01-01T00:00:01Z",
                },
            ],
        },
    }


def a_pod(**metadata: Any) -> dict[str, Any]:
    limits = {"resources": {"limits": {"nvidia.com/gpu": "2"}, "requests": {"cpu": "100m"}}}
    return {
        "metadata": {
            "name": "p",
            "namespace": "ml",
            "uid": "u2",
            "resourceVersion": "8",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **metadata,
        },
        "spec": {"containers": [limits, limits]},
        "status": {},
    }


def test_a_node_becomes_a_view() -> None:
    view = node_view(a_node(annotations={LOAN: "{}", "other": "x"}), OPTIONS)

    assert view is not None
    assert (view.pool, view.gpus, view.cpu_milli) == (Pool.INFERENCE, 8, 3920)
    assert view.memory_bytes == 16 * 1024**3
    assert (view.is_ready, view.ready_since_s) == (False, 1_767_225_601.0)
    assert view.is_cordoned
    assert view.taints == (Taint("k", "", "NoSchedule"),)
    assert view.loan == "{}"


@pytest.mark.parametrize("labels", [None, {}, {POOL: "other"}, {"pool": "training"}])
def test_a_node_of_no_pool_is_not_kept(labels: dict[str, str] | None) -> None:
    assert node_view(a_node(labels=labels), OPTIONS) is None


def test_the_pool_may_stand_in_another_label() -> None:
    view = node_view(a_node(labels={"pool": "training"}), KubeOptions(pool_label="pool"))

    assert view is not None
    assert view.pool is Pool.TRAINING


def test_a_node_without_status_offers_nothing_and_is_not_ready() -> None:
    view = node_view(a_node() | {"status": None, "spec": None}, OPTIONS)

    assert view is not None
    assert (view.gpus, view.is_ready, view.taints) == (0, False, ())


def test_a_pod_becomes_a_view() -> None:
    owners = [{"kind": "X", "uid": "x"}, {"kind": "Job", "uid": "j", "controller": True}]
    pod = a_pod(
        ownerReferences=owners,
        annotations={SERVER: "n1", "other": "bulk"},
        deletionTimestamp="2026-01-01T00:00:30Z",
    )
    pod["spec"]["tolerations"] = [{"operator": "Exists"}, {"key": "a", "value": "b"}]
    pod["status"] = {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},
            {"type": "Ready", "status": "True"},
        ],
    }

    view = pod_view(pod, OPTIONS)

    assert view is not None
    assert (view.owner_uid, view.owner_kind, view.key) == ("j", "Job", "ml/p")
    assert (view.gpus, view.cpu_milli, view.phase) == (4, 200, "Running")
    assert (view.is_ready, view.is_unschedulable) == (True, True)
    assert view.annotations == {SERVER: "n1"}
    assert view.deleted_s == view.created_s + 30.0
    assert view.tolerations == (
        Toleration("", "Exists", "", ""),
        Toleration("a", "Equal", "b", ""),
    )


def test_a_new_pod_is_pending_nowhere() -> None:
    view = pod_view(a_pod(), OPTIONS)

    assert view is not None
    assert (view.phase, view.node, view.deleted_s, view.holds_gpus) == ("Pending", "", None, False)


def test_only_pods_with_gpus_and_workers_are_kept() -> None:
    idle = a_pod() | {"spec": {"containers": [{"name": "c"}]}}
    worker = idle | {"metadata": a_pod()["metadata"] | {"labels": {MANAGED: "true"}}}

    assert pod_view(idle, OPTIONS) is None
    assert pod_view(worker, OPTIONS) is not None


def gpus(count: int, **more: str) -> dict[str, Any]:
    return {"resources": {"limits": {"nvidia.com/gpu": str(count)}}, **more}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [gpus(1), gpus(2)]}, 3),
        ({"containers": [gpus(1)], "initContainers": [gpus(4), gpus(2)]}, 4),
        ({"containers": [gpus(1)], "initContainers": [gpus(1, restartPolicy="Always")]}, 2),
        (
            {
                "containers": [gpus(1)],
                "initContainers": [gpus(1, restartPolicy="Always"), gpus(4)],
            },
            5,
        ),
        ({"containers": [gpus(1)], "overhead": {"nvidia.com/gpu": 1}}, 2),
        ({"containers": None}, 0),
        ({"containers": [{"resources": None}]}, 0),
    ],
)
def test_requests_count_as_kube_scheduler_counts_them(spec: dict[str, Any], expected: int) -> None:
    assert requested(spec, "nvidia.com/gpu") == expected


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("500m", "0.001", 500),
        ("2", "0.001", 2000),
        ("100u", "0.001", 1),
        ("16Gi", "1", 16 * 1024**3),
        ("1.5Gi", "1", 1536 * 1024**2),
        ("1e3", "1", 1000),
        ("12E6", "1", 12_000_000),
        ("1E", "1", 10**18),
        (8, "1", 8),
    ],
)
def test_quantities(text: object, unit: str, expected: int) -> None:
    assert amount(text, unit) == expected


def test_moments_keep_fractions() -> None:
    assert moment_s("2026-01-01T00:00:00.250000Z") == 1_767_225_600.25
    assert moment_s(None) == 0.0


def test_budgets_and_scalers_without_a_status_allow_and_want_nothing() -> None:
    metadata = {"name": "x", "namespace": "ml"}
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}

    budget = budget_view({"metadata": metadata, "spec": {}}, selects_all_if_empty=False)
    scaler = scaler_view({"metadata": metadata, "spec": target, "status": None})

    assert (budget.allowed, budget.selector) == (0, {})
    assert (scaler.target_name, scaler.desired) == ("web", 0)
