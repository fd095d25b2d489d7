"""What inference needs now, from pods, from autoscalers and bin by bin."""

from collections.abc import Sequence

import pytest

from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.demand.serving import inference_judge
from aryl.kube.names import RESERVED_TAINT, STATE
from aryl.kube.picture import Picture
from aryl.kube.views import NodeView, PodView, Toleration
from aryl.model.cluster import Pool
from aryl.model.demand import BIN_S
from aryl.model.errors import BadInput
from tests.unit.kube.inference import (
    WORKER,
    at_home,
    lent,
    node,
    picture,
    pod,
)


def needed(seen: Picture) -> float:
    """What pods ask for, whether or not they fit: no server is at home."""
    return Demand(DemandSource.PODS).look(seen, 0.0, ())[1]


def worker(server: str, gpus: int) -> PodView:
    """A pod that is not of inference: a worker that has not gone yet."""
    return pod(f"worker-{server}", gpus, node=server, labels=WORKER)


@pytest.mark.parametrize(
    ("one", "is_inference"),
    [
        pytest.param(pod(), True, id="tolerates the reserved taint"),
        pytest.param(pod(tolerations=()), False, id="does not"),
        pytest.param(pod(tolerations=(Toleration("", "Exists", "", ""),)), True, id="all taints"),
        pytest.param(
            pod(tolerations=(Toleration(RESERVED_TAINT, "Equal", "other", ""),)), False, id="other"
        ),
        pytest.param(
            pod(tolerations=(Toleration(RESERVED_TAINT, "Exists", "", "NoExecute"),)),
            False,
            id="another effect",
        ),
        pytest.param(pod(labels=WORKER), False, id="a worker of Aryl's"),
        pytest.param(pod(gpus=0), False, id="without GPUs"),
    ],
)
def test_who_tolerates_the_taint_is_inference(one: PodView, is_inference: bool) -> None:
    is_one = inference_judge("")

    assert is_one(one, False) is is_inference
    assert is_one(one, True) is (one.gpus > 0 and one.labels != WORKER), "it is there already"


@pytest.mark.parametrize(
    ("labels", "is_inference"),
    [
        ({"app": "llm", "tier": "serving"}, True),
        ({"app": "llm", "tier": "serving", "version": "2"}, True),
        ({"app": "llm"}, False),
        ({"app": "llm", "tier": "batch"}, False),
        ({"app": "llm", "tier": "serving", **WORKER}, False),
    ],
)
def test_labels_tell_inference_where_a_selector_is_given(
    labels: dict[str, str], is_inference: bool
) -> None:
    judge = inference_judge("app=llm, tier=serving")

    for is_there in (False, True):
        assert judge(pod(labels=labels, tolerations=()), is_there) is is_inference


@pytest.mark.parametrize("selector", ["app", "=llm", "app!=llm", "app==llm", "app in (a)"])
def test_a_selector_that_is_not_understood_is_refused(selector: str) -> None:
    with pytest.raises(BadInput, match=r'inference_selector: .* is not of the form "label=value"'):
        inference_judge(selector)


@pytest.mark.parametrize(
    ("pods", "servers"),
    [
        pytest.param([], 0, id="nobody asks"),
        pytest.param([pod(gpus=1, node="i1")], 1, id="rounded up"),
        pytest.param([pod("a", 4, node="i1"), pod("b", 4)], 1, id="runs or waits"),
        pytest.param([pod("a", 8, node="i1"), pod("b", 1)], 2, id="one more than a server"),
        pytest.param([pod("a", 8, node="i1", deleted_s=1.0), pod("b", 8)], 1, id="one goes"),
        pytest.param([pod("a", 8, node="i1", phase="Succeeded")], 0, id="one has ended"),
        pytest.param([pod("a", 8, phase="Failed")], 0, id="one has failed"),
        pytest.param([pod("a", 8, node="elsewhere")], 0, id="one is in no pool"),
        pytest.param([pod("a", 8, node="t1")], 0, id="one is in the training pool"),
        pytest.param([pod("a", 9)], 0, id="one is too large for all"),
        pytest.param([pod("a", 1, node_selector={"gpu": "none"})], 0, id="one wants what is not"),
        pytest.param([pod("a", 8, labels=WORKER, node="i1")], 0, id="a worker"),
    ],
)
def test_pods_ask_for_servers(pods: Sequence[PodView], servers: int) -> None:
    nodes = [node("i1"), lent("i2"), node("t1", pool=Pool.TRAINING)]

    assert needed(picture(nodes, pods)) == servers


def test_servers_of_two_sizes_count_by_their_average() -> None:
    nodes = [node("i1", 8), node("i2", 4), node("i3", 0)]

    assert needed(picture(nodes, [pod("a", 6)])) == 1
    assert needed(picture(nodes, [pod("a", 7)])) == 2


def test_a_cluster_without_an_inference_pool_needs_nothing() -> None:
    assert needed(picture([node("t1", pool=Pool.TRAINING)], [pod()])) == 0


LENT = (lent("l1"), lent("l2"))


@pytest.mark.parametrize(
    ("nodes", "pods", "servers"),
    [
        pytest.param([node("h1"), *LENT], [pod("a", 8, node="h1")], 1, id="all run"),
        pytest.param([node("h1"), *LENT], [pod("a", 8)], 1, id="fits at home"),
        pytest.param(
            [node("h1"), node("h2"), *LENT],
            [pod("a", 5, node="h1"), pod("b", 5, node="h2"), pod("c", 4)],
            3,
            id="fragments at home are too small",
        ),
        pytest.param(
            [node("h1"), node("h2"), *LENT],
            [pod("a", 5, node="h1"), pod("b", 4)],
            2,
            id="an idle server at home is used",
        ),
        pytest.param(
            [node("h1"), node("h2"), node("h3"), *LENT],
            [pod("a", 4, node="h1"), pod("b", 4)],
            1,
            id="one that is used is used up first",
        ),
        pytest.param(
            [node("h1"), *LENT], [pod(f"p{n}", 4) for n in range(5)], 3, id="two for what is left"
        ),
        pytest.param(
            [node("h1"), *LENT], [pod(f"p{n}", 8) for n in range(9)], 9, id="more than there are"
        ),
        pytest.param(
            [node("h1"), node("h2"), *LENT],
            [pod("a", 8, node="h1", deleted_s=9.0), pod("b", 8, node="h2"), pod("c", 8)],
            3,
            id="who is being deleted holds its GPUs",
        ),
        pytest.param(
            [node("h1"), *LENT],
            [worker("h1", 8), pod("b", 8)],
            2,
            id="workers that have not gone hold theirs, too",
        ),
        pytest.param([node("h1"), *LENT], [pod("a", 9)], 0, id="no server is large enough"),
        pytest.param(
            [node("h1", 4), *LENT], [pod("a", 8)], 2, id="none at home is large enough, one lent is"
        ),
        pytest.param(
            [node("h1"), lent("l1", labels={"gpu": "A10"})],
            [pod("a", 8, node="h1"), pod("b", 1, node_selector={"gpu": "T4"})],
            1,
            id="nobody has the label",
        ),
        pytest.param(
            [node("h1"), lent("l1", labels={"gpu": "A10"})],
            [pod("b", 1, node_selector={"gpu": "A10"})],
            2,
            id="a server on loan has the label",
        ),
        pytest.param(
            [node("h1", labels={"gpu": "A10", STATE: "home"}), lent("l1")],
            [
                worker("h1", 8),
                pod("b", 1, node_selector={"gpu": "A10"}),
            ],
            1,
            id="reclaiming would not help",
        ),
        pytest.param(
            [node("h1"), lent("l1")],
            [worker("h1", 8), pod("b", 1, node_selector={STATE: "home"})],
            2,
            id="a server on loan will be at home",
        ),
        pytest.param(
            [node("h1", 32), lent("l1")],
            [worker("h1", 32), pod("b", 5, node="l1"), pod("c", 4)],
            1,
            id="inference stays on a server on loan: no room there",
        ),
        pytest.param(
            [node("h1"), lent("l1", is_ready=False), lent("l2", is_cordoned=True)],
            [worker("h1", 8), pod("b", 4)],
            1,
            id="who is not ready or cordoned is of no help",
        ),
        pytest.param(
            [node("h1"), node("h2"), *LENT],
            [pod(f"p{gpus}{n}", gpus) for gpus in (3, 5) for n in range(2)],
            2,
            id="the largest first",
        ),
        pytest.param(
            [node("h1", labels={"gpu": "A10"}), node("h2"), lent("l1", labels={"gpu": "A10"})],
            [pod("any", 8), pod("one", 8, node_selector={"gpu": "A10"})],
            2,
            id="the choosiest first",
        ),
    ],
)
def test_pods_that_wait_are_put_where_they_fit(
    nodes: Sequence[NodeView], pods: Sequence[PodView], servers: int
) -> None:
    seen = picture(nodes, pods)
    demand = Demand(DemandSource.PODS)

    _, now = demand.look(seen, 0.0, at_home(seen))

    assert now == servers


def test_pods_that_wait_in_vain_are_noted() -> None:
    demand = Demand(DemandSource.PODS)
    pods = [pod("b", 9), pod("a", 1, node_selector={"gpu": "none"}), pod("c", 8)]

    demand.look(picture([node("h1")], pods), 0.0, ("h1",))
    assert demand.hopeless == ("serving/a", "serving/b")

    demand.look(picture([node("h1", 16)], pods[:1]), 1.0, ("h1",))
    assert not demand.hopeless


def test_a_step_of_nothing_new_answers_the_same() -> None:
    demand, seen = Demand(DemandSource.PODS), picture([node("h1")], [pod()])
    first = demand.look(seen, BIN_S, ("h1",))
    second = demand.look(seen, BIN_S + 9.0, ("h1",))

    assert first[0] is second[0]
    assert first[1] == second[1] == 1


def test_another_home_is_looked_at_anew() -> None:
    seen = picture([node("h1"), lent("l1")], [worker("h1", 8), pod(gpus=8)])
    demand = Demand(DemandSource.PODS)

    assert [demand.look(seen, 0.0, home)[1] for home in (("h1",), ())] == [2, 1]
