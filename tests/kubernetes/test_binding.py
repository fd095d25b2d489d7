"""Aryl binds its workers itself: where they fit, once, and never the wrong pod."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kubernetes.client import Configuration

from aryl.kube.access import Access, from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.errors import Unreachable
from aryl.kube.hands import Hands
from aryl.kube.names import KIND, MANAGED, SERVER
from aryl.kube.options import KubeOptions, Placing
from aryl.kube.placing import PodPlacer, base_workers_on
from aryl.kube.translate import node_view, pod_view
from aryl.kube.views import NodeView, PodView
from aryl.model.job import WorkerKind
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.cluster import POOL, pod_body
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.statuses import node_body

pytestmark = pytest.mark.kubernetes

BINDING = KubeOptions(placing=Placing.BINDING)
SCHEDULER = BINDING.scheduler_name
BASE, FLEXIBLE = WorkerKind.BASE, WorkerKind.FLEXIBLE
ANYTHING = [{"operator": "Exists"}]


@dataclass
class Heard:
    """What the mirror was told."""

    wrote_: list[Raw] = field(default_factory=list)

    def wrote(self, resource: str, raw: Raw) -> None:
        assert resource == "pods"
        self.wrote_.append(raw)


@dataclass
class Table:
    """Two nodes of 8 GPUs, and somebody who places."""

    api: Api
    kube: KubeApi
    namespace: str
    mirror: Heard = field(default_factory=Heard)

    def create(self, name: str, gpus: int = 4, node: str = "", **spec: Any) -> PodView:
        """A worker; with a node, one that is bound there already."""
        given = {"schedulerName": SCHEDULER, "tolerations": ANYTHING, **spec}
        body = pod_body(name, gpus, **given, **({"nodeName": node} if node else {}))
        body["metadata"]["labels"] = {MANAGED: "true"}
        self.api.create(self.pods, body)
        return self.pod(name)

    def pod(self, name: str) -> PodView:
        view = pod_view(self.api.get(f"{self.pods}/{name}"), BINDING)
        assert view is not None
        return view

    def node(self, name: str = "n1") -> NodeView:
        view = node_view(self.api.get(f"/api/v1/nodes/{name}"), BINDING)
        assert view is not None
        return view

    def place(
        self,
        pod: PodView,
        node: str = "n1",
        kind: WorkerKind = BASE,
        held: Sequence[PodView] = (),
        placing: Placing = Placing.BINDING,
    ) -> str:
        options = replace(BINDING, placing=placing)
        return self.place_as(self.kube, pod, self.node(node), kind, held, options)

    def place_as(
        self,
        kube: KubeApi,
        pod: PodView,
        node: NodeView,
        kind: WorkerKind = BASE,
        held: Sequence[PodView] = (),
        options: KubeOptions = BINDING,
    ) -> str:
        hands = Hands(kube, self.mirror, options)
        return PodPlacer(kube, options).place(hands, pod, kind, node, held)

    @property
    def pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"


@pytest.fixture
def table(control_plane: ControlPlane, api: Api, namespace: str) -> Iterator[Table]:
    for name in ("n1", "n2"):
        api.create("/api/v1/nodes", node_body(name, 8, {POOL: "training"}))
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        table = Table(api, kube, namespace)
        wait_until(lambda: not table.node("n1").taints and not table.node("n2").taints)
        yield table


def test_a_worker_that_fits_is_marked_and_bound(table: Table) -> None:
    said = table.place(table.create("w-0"))

    pod = table.pod("w-0")
    assert (said, pod.node) == ("", "n1")
    assert (pod.annotations[SERVER], pod.labels[KIND]) == ("n1", "base")
    assert [raw["metadata"]["name"] for raw in table.mirror.wrote_] == ["w-0"]


def test_to_place_twice_is_to_place_once(table: Table) -> None:
    unbound = table.create("w-0")
    table.place(unbound)
    version = table.pod("w-0").version

    again, late = table.place(table.pod("w-0")), table.place(unbound)

    assert again == ""
    assert "already assigned to node" in late
    assert table.pod("w-0").version == version


def test_who_is_bound_can_be_another_kind_of_worker_and_nowhere_else(table: Table) -> None:
    bound = table.create("w-0", node="n1")

    assert table.place(bound, "n1", FLEXIBLE) == ""
    assert table.pod("w-0").labels[KIND] == "flexible"
    assert table.place(bound, "n2") == "it is on n1 already"
    assert SERVER in table.pod("w-0").annotations


def test_a_pod_of_another_scheduler_is_let_be(table: Table) -> None:
    foreign = table.create("w-0", schedulerName="default-scheduler")

    said = table.place(foreign)

    wanted = f"its template needs schedulerName {SCHEDULER}"
    assert said == f"it is left to the scheduler default-scheduler: {wanted}"
    assert SERVER not in table.pod("w-0").annotations


def test_pods_that_the_mirror_leaves_out_take_room_too(table: Table) -> None:
    hog = pod_body("hog", 0, nodeName="n1")
    hog["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "63500m"}}
    table.api.create(table.pods, hog)
    worker = table.create("w-0", containers=[a_container(cpu="1")])

    assert table.place(worker) == "the pod requests 1 CPUs: 0.5 of 64 are left on n1"
    assert table.pod("w-0").node == ""
    assert table.place(worker, "n2") == ""


def test_a_pod_that_is_being_stopped_holds_its_gpus(table: Table) -> None:
    table.create("old", gpus=6, node="n1", terminationGracePeriodSeconds=30)
    table.api.delete(f"{table.pods}/old")
    worker = table.create("w-0")

    said = table.place(worker)
    table.api.delete(f"{table.pods}/old", grace_s=0)

    assert said == "the pod requests 4 GPUs: 2 of 8 are left on n1"
    wait_until(lambda: table.place(worker) == "")


def test_a_pod_that_has_ended_holds_nothing(table: Table) -> None:
    table.create("old", gpus=8, node="n1")
    table.api.patch(f"{table.pods}/old/status", {"status": {"phase": "Succeeded"}})
    worker = table.create("w-0")

    wait_until(lambda: table.place(worker) == "")


def test_what_was_bound_a_moment_ago_counts_before_it_is_listed(table: Table) -> None:
    listed = table.create("listed", gpus=2, node="n1")
    just_bound = replace(table.create("other", gpus=3), node="n1")
    worker = table.create("w-0")

    said = table.place(worker, held=[just_bound, listed])
    alone = table.place(worker, held=[just_bound])

    assert said == alone == "the pod requests 4 GPUs: 3 of 8 are left on n1"


def test_what_the_mirror_shows_in_the_way_is_no_question_to_the_server(table: Table) -> None:
    marks = {"annotations": {SERVER: "n1"}, "labels": {KIND: "base"}}
    worker = replace(table.create("w-0", tolerations=[]), **marks)  # type: ignore[arg-type]
    cordoned = replace(table.node(), is_cordoned=True)

    with KubeApi(Access(Configuration(host="http://127.0.0.1:1"))) as nobody:
        said = table.place_as(nobody, worker, cordoned)
        with pytest.raises(Unreachable):
            table.place_as(nobody, worker, table.node())

    assert said == "n1 is cordoned"


def test_a_node_that_takes_no_pods_is_waited_for(table: Table) -> None:
    table.api.patch("/api/v1/nodes/n1", {"spec": {"unschedulable": True}})
    worker = table.create("w-0", tolerations=[])

    assert table.place(worker) == "n1 is cordoned"


def test_affinity_is_read_from_the_pod_itself(table: Table) -> None:
    here = {"key": POOL, "operator": "In", "values": ["training"]}
    away = {"key": POOL, "operator": "NotIn", "values": ["training"]}

    def wanting(name: str, requirement: Raw) -> PodView:
        terms = {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
        return table.create(name, gpus=1, affinity={"nodeAffinity": required})

    assert table.place(wanting("w-0", here)) == ""
    said = table.place(wanting("w-1", away))
    assert said == "n1 does not suit the pod's required node affinity"


def test_a_pod_that_is_gone_is_no_error(table: Table) -> None:
    worker = table.create("w-0")
    table.api.delete(f"{table.pods}/w-0", grace_s=0)

    assert "not found" in table.place(worker)


@pytest.mark.parametrize("is_marked", [False, True])
def test_another_pod_of_the_same_name_is_not_touched(table: Table, is_marked: bool) -> None:
    worker = table.create("w-0")
    table.api.delete(f"{table.pods}/w-0", grace_s=0)
    table.create("w-0")
    marks = {"annotations": {SERVER: "n1"}, "labels": {KIND: "base"}}
    known = replace(worker, **marks) if is_marked else worker  # type: ignore[arg-type]

    said = table.place(known)

    assert said
    other = table.pod("w-0")
    assert (other.node, dict(other.annotations)) == ("", {})


def test_two_who_place_at_once_overcommit_nothing_of_their_own(table: Table) -> None:
    workers = [table.create(f"w-{number}", gpus=1) for number in range(6)]

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(table.place, [w for worker in workers for w in (worker, worker)]))

    assert said.count("") == len(workers)
    nodes = Counter(table.pod(worker.name).node for worker in workers)
    assert nodes == {"n1": 6}


def test_with_a_scheduler_of_ours_only_the_plan_is_written(table: Table) -> None:
    worker = table.create("w-0")

    said = table.place(worker, placing=Placing.EXTENDER)

    pod = table.pod("w-0")
    assert (said, pod.node) == ("", "")
    assert (pod.annotations[SERVER], pod.labels[KIND]) == ("n1", "base")


def test_a_right_that_is_missing_is_told(control_plane: ControlPlane, table: Table) -> None:
    worker = table.create("w-0")

    with KubeApi(from_kubeconfig(control_plane.kubeconfig("nobody"))) as kube:
        said = table.place_as(kube, worker, table.node())

    assert said.startswith(f"patch pods w-0 in namespace {table.namespace}: ")


def test_base_workers_are_told_from_all_other_pods(table: Table) -> None:
    table.place(table.create("base", gpus=1))
    table.place(table.create("flexible", gpus=1), kind=FLEXIBLE)
    table.place(table.create("elsewhere", gpus=1), "n2")
    table.create("unbound", gpus=1)
    foreign = pod_body("foreign", 1, nodeName="n1")
    foreign["metadata"]["labels"] = {KIND: "base"}
    table.api.create(table.pods, foreign)

    wait_until(lambda: base_workers_on(table.kube, "n1") == {table.pod("base").uid})


def a_container(**requests: str) -> Raw:
    """A container that asks for 4 GPUs and more."""
    limits = {"nvidia.com/gpu": "4"}
    resources = {"limits": limits, "requests": {**limits, **requests}}
    return {"name": "main", "image": "none", "resources": resources}
