"""Whatever users write as a pod template, workers are made of it or it is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.kube.kinds.slots import Seat, Slot
from aryl.kube.kinds.trainingjob import TrainingJobs
from aryl.kube.kinds.workers import pod_body
from aryl.model.cluster import Pool
from aryl.model.errors import BadInput
from aryl.model.job import WorkerKind
from tests.builders import base, make_job
from tests.unit.kube.workloads import OPTIONS, make_view

KIND = TrainingJobs(OPTIONS, lambda: 0.0)
SLOT = Slot(0, Seat("train-0001", WorkerKind.BASE, Pool.TRAINING))


def json_values() -> st.SearchStrategy[Any]:
    """Whatever a user may write where a template's schema says nothing."""
    leaves = st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "1", "9" * 5000])
    names = st.sampled_from(["name", "limits", "requests", "nvidia.com/gpu", "labels"])
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
        max_leaves=6,
    )


PARTS = ("env", "resources", "name")
CONTAINERS = st.dictionaries(st.sampled_from(PARTS), json_values(), max_size=2)


@given(
    metadata=json_values()
    | st.fixed_dictionaries({}, optional={"labels": json_values(), "annotations": json_values()}),
    tolerations=json_values(),
    restarts=json_values() | st.just("Never"),
    containers=st.lists(CONTAINERS, min_size=1, max_size=2),
)
def test_of_any_template_a_pod_can_be_made_or_it_is_refused(
    metadata: Any, tolerations: Any, restarts: Any, containers: list[Any]
) -> None:
    spec = {"tolerations": tolerations, "restartPolicy": restarts, "containers": containers}
    template = {"metadata": metadata, "spec": spec}
    try:
        KIND.describe(make_view({"template": template}))
    except BadInput:
        return

    assert pod_body(make_view(), make_job(placements=(base(1),)), SLOT, template, OPTIONS)


def test_a_template_that_is_nested_too_deeply_makes_no_worker() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"spec": deep}

    with pytest.raises(BadInput, match=r"spec\.template\.spec\.containers"):
        KIND.describe(make_view({"template": deep}))
