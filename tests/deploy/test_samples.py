"""The samples ask for the jobs that their comments promise."""

from typing import Any

import pytest

from api.settings import read_settings
from aryl.kube.discovery import Served
from aryl.kube.kinds.registry import kinds_of
from tests.deploy.kustomize import KUBERNETES, read

SERVED = Served((1, 34), "policy/v1", {})
OPTIONS = read_settings(KUBERNETES / "base" / "aryl.toml", {}, {}).kubernetes.options()
FILES = sorted(path.name for path in (KUBERNETES / "samples").iterdir())
LOANED = {
    "key": "aryl.dev/loaned",
    "operator": "Equal",
    "value": "training",
    "effect": "NoSchedule",
}


def spec_of(file: str) -> Any:
    """The job of a sample, as the service reads it."""
    (raw,) = read("samples", file)
    metadata = {
        **raw["metadata"],
        "namespace": "ml",
        "uid": "0c1d",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    kind = kinds_of(OPTIONS, SERVED, lambda: 0.0)[raw["kind"]]
    view = kind.keep({**raw, "metadata": metadata})
    assert view is not None
    return kind.describe(view).spec


@pytest.mark.parametrize(
    ("file", "least", "most", "duration_s", "is_fungible"),
    [
        ("trainingjob.yaml", 2, 8, 7200, True),
        ("job.yaml", 1, 4, 3600, True),
        ("pytorchjob.yaml", 2, 6, 7200, True),
        ("jobset.yaml", 2, 4, 7200, False),
        ("raycluster.yaml", 1, 4, 3600, False),
    ],
)
def test_a_sample_is_accepted_and_asks_for(
    file: str, least: int, most: int, duration_s: float, is_fungible: bool
) -> None:
    spec = spec_of(file)

    assert (spec.min_workers, spec.requested_workers, spec.max_workers) == (least, least, most)
    assert (spec.gpus_per_worker, spec.duration_s) == (1, duration_s)
    assert spec.fungible == is_fungible


def test_every_sample_but_inference_is_among_them() -> None:
    kinds = {file: read("samples", file)[0]["kind"] for file in FILES}

    assert kinds.pop("inference.yaml") == "Deployment"
    assert sorted(kinds.values()) == sorted(kinds_of(OPTIONS, SERVED, lambda: 0.0))


def pods_in(body: Any) -> list[Any]:
    """The specs of all pods that an object describes."""
    if isinstance(body, list):
        return [pod for each in body for pod in pods_in(each)]
    if not isinstance(body, dict):
        return []
    found = [body] if "containers" in body else []
    return found + [pod for each in body.values() for pod in pods_in(each)]


@pytest.mark.parametrize("file", sorted({*FILES} - {"inference.yaml", "trainingjob.yaml"}))
def test_workers_of_others_may_go_where_the_plan_says(file: str) -> None:
    with_gpus = [pod for pod in pods_in(read("samples", file)) if "nvidia.com/gpu" in str(pod)]

    assert len(with_gpus) == 1
    assert with_gpus[0]["schedulerName"] == OPTIONS.scheduler_name
    assert LOANED in with_gpus[0]["tolerations"]
