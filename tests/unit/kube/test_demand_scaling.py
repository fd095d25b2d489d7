"""What autoscalers want beyond what their pods ask for."""

from collections.abc import Sequence

import pytest

from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.demand.scaling import wanted_gpus
from aryl.kube.demand.serving import asked_for, inference_judge
from aryl.kube.views import PodView, ScalerView
from tests.unit.kube.inference import node, picture, pod, replica, scaler


@pytest.mark.parametrize(
    ("scalers", "pods", "gpus"),
    [
        pytest.param([scaler("llm", 3)], [replica("llm", 0, 2)], 6, id="more are wanted"),
        pytest.param([scaler("llm", 1)], [replica("llm", n, 2) for n in range(3)], 6, id="fewer"),
        pytest.param([scaler("llm", 3)], [pod("llm-6c98b7-00000", 2)], 2, id="an orphan's name"),
        pytest.param(
            [scaler("llm", 2), scaler("llm-large", 2)],
            [replica("llm", 0, 1), replica("llm-large", 0, 4)],
            10,
            id="a name that begins with another",
        ),
        pytest.param(
            [scaler("llm", 2)],
            [replica("llm", 0, 1), replica("llm", 0, 4, template="77d")],
            8,
            id="a new template beside the old one: the larger counts",
        ),
        pytest.param(
            [scaler("llm", 2), scaler("llm", 4, name="double")],
            [replica("llm", 0, 1)],
            4,
            id="two scalers of one target",
        ),
        pytest.param(
            [scaler("llm", 3, namespace="other")], [replica("llm", 0, 1)], 1, id="other namespace"
        ),
        pytest.param([scaler("llm", 3)], [], 0, id="nothing is known of a replica"),
        pytest.param(
            [scaler("llm", 3)], [replica("llm", 0, 2, tolerations=())], 0, id="not of inference"
        ),
        pytest.param(
            [scaler("db", 3, "StatefulSet")],
            [pod("db-0", 2, owner_kind="StatefulSet", owner_uid="db")],
            6,
            id="a StatefulSet",
        ),
        pytest.param(
            [scaler("db", 3)],
            [pod("db-0", 2, owner_kind="StatefulSet", owner_uid="db")],
            2,
            id="a Deployment called like a StatefulSet",
        ),
        pytest.param(
            [scaler("llm-6c98b7", 3, "ReplicaSet")], [replica("llm", 0, 2)], 6, id="a ReplicaSet"
        ),
        pytest.param(
            [scaler("llm", 3)],
            [pod("llm-00000", 2, owner_kind="ReplicaSet", owner_uid="llm")],
            2,
            id="a Deployment called like a ReplicaSet",
        ),
        pytest.param(
            [scaler("llm", 3, "Rollout")],
            [
                pod(
                    "llm-5d-00000",
                    2,
                    owner_kind="ReplicaSet",
                    owner_uid="llm-5d",
                    labels={"rollouts-pod-template-hash": "5d"},
                )
            ],
            6,
            id="a Rollout",
        ),
        pytest.param(
            [scaler("n" * 50, 3), scaler("n" * 51, 5)], [replica("n" * 51, 0, 2)], 10, id="cut"
        ),
        pytest.param([scaler("n" * 60, 3)], [replica("n" * 60, 0, 2)], 6, id="cut in the name"),
        pytest.param(
            [scaler("n" * 60, 3, "ReplicaSet")],
            [pod("n" * 58 + "00000", 2, owner_kind="ReplicaSet", owner_uid="n")],
            6,
            id="a ReplicaSet's name cut",
        ),
        pytest.param(
            [scaler("llm", 3)], [replica("llm", 0, 2, deleted_s=1.0)], 0, id="the last one goes"
        ),
        pytest.param(
            [scaler("llm", 3)], [replica("llm", 0, 2), pod("web", 5)], 11, id="and one unscaled"
        ),
    ],
)
def test_autoscalers_want_more_than_there_is(
    scalers: Sequence[ScalerView], pods: Sequence[PodView], gpus: int
) -> None:
    asked = asked_for(picture([node("i1")], pods), inference_judge(""))

    assert wanted_gpus(asked, scalers, {})[0] == gpus


def test_a_target_without_pods_is_as_large_as_it_was() -> None:
    demand, nodes = Demand(DemandSource.HPA), [node("i1")]

    def look(desired: int | None, pods: Sequence[PodView] = ()) -> float:
        scalers = [] if desired is None else [scaler("llm", desired)]
        return demand.look(picture(nodes, pods, scalers), 0.0, ())[1]

    assert look(2, [replica("llm", 0, 4)]) == 1
    assert look(0) == 0
    assert look(4) == 2
    assert look(None) == 0
    assert look(4) == 0  # another target by the same name
