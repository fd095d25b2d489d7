"""Real kube-schedulers ask a real service where pods may go: Aryl's go where the plan says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.hands import Hands
from aryl.kube.names import JOB, KIND, LOANED_TAINT, MANAGED, POOL, SERVER
from aryl.kube.options import KubeOptions
from aryl.kube.placing import PodPlacer
from aryl.kube.translate import node_view, pod_view
from aryl.model.job import WorkerKind
from aryl.model.plan import Waiting
from aryl.model.reason import ReasonCode, because
from aryl.store import Database
from tests.builders import make_spec
from tests.contract.worlds import Desk
from tests.databases import sqlite_template, sqlite_url
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.asked import COMPONENTS, AskedService
from tests.kubernetes.cluster import RESERVED, create_pods, pod_body, wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.statuses import node_body
from tests.kubernetes.workload_stage import Unmirrored

__all__ = ["sqlite_template", "sqlite_url"]

pytestmark = pytest.mark.kubernetes

OPTIONS = KubeOptions()
SHORT = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=4, free_gpus=0, flexible_gpus=0)
TOLERATED = [{"key": LOANED_TAINT, "operator": "Exists", "effect": "NoSchedule"}]
BASE = COMPONENTS.parent / "base"
PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
SOON_S = 5.0  # from a plan to a pod that is bound: kube-scheduler looks again at once


@dataclass
class Ward:
    """A namespace on a cluster with Aryl's kube-scheduler beside the cluster's own."""

    control_plane: ControlPlane
    api: Api
    namespace: str
    service: AskedService
    desk: Desk
    kube: KubeApi

    def schedule(self, **changes: Any) -> None:
        """Start Aryl's kube-scheduler, with the extender's configuration changed."""
        self.control_plane.start_scheduler(self.service.config(**changes), "aryl-scheduler")

    def create(self, name: str, gpus: int = 4, server: str = "", **changes: Any) -> None:
        """A worker of the job resnet, whose plan may be known from the start."""
        labels = {MANAGED: "true", JOB: "resnet", **changes.pop("labels", {})}
        body = pod_body(name, gpus, schedulerName="aryl-scheduler", tolerations=TOLERATED)
        body["spec"] |= changes
        body["metadata"] |= {"labels": labels, "annotations": {SERVER: server} if server else {}}
        create_pods(self.api, self.namespace, [body])

    def plan(self, name: str, node: str, kind: WorkerKind = WorkerKind.BASE) -> None:
        """What a step does once a plan has a place for the worker."""
        pod = pod_view(self.api.get(f"{self.pods}/{name}"), OPTIONS)
        server = node_view(self.api.get(f"/api/v1/nodes/{node}"), OPTIONS)
        assert pod is not None
        assert server is not None
        hands = Hands(self.kube, Unmirrored(), OPTIONS)
        assert PodPlacer(self.kube, OPTIONS).place(hands, pod, kind, server, ()) == ""

    def node_of(self, name: str) -> str:
        """Where a pod is bound; "" for nowhere."""
        return str(self.api.get(f"{self.pods}/{name}")["spec"].get("nodeName", ""))

    def events_of(self, name: str) -> list[str]:
        """Why a pod could not be scheduled, as users read it."""
        events = self.api.list(f"/api/v1/namespaces/{self.namespace}/events")
        return [
            event["message"]
            for event in events
            if event["reason"] == "FailedScheduling" and event["involvedObject"]["name"] == name
        ]

    def wait_for_event(self, name: str, said: str) -> None:
        """Wait until a pod's events tell so."""
        wait_until(lambda: any(said in message for message in self.events_of(name)))

    @property
    def pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"


@pytest.fixture
def ward(control_plane: ControlPlane, api: Api, namespace: str, sqlite_url: str) -> Iterator[Ward]:
    bodies = [node_body(f"n{n}", 8, {POOL: "training"}) for n in (1, 2, 3)]
    bodies.append(node_body("i1", 8, {POOL: "inference"}, [RESERVED]))
    for body in bodies:
        api.create("/api/v1/nodes", body)
    wait_until_schedulable(api, ["n1", "n2", "n3", "i1"])
    database = Database(sqlite_url)
    service = AskedService(database)
    service.answer()
    desk = Desk(database)
    desk.submit(make_spec("resnet"))
    desk.record(now=10.0, waiting=(Waiting(SHORT, ("resnet",)),))
    with KubeApi(from_kubeconfig(control_plane.kubeconfig())) as kube:
        yield Ward(control_plane, api, namespace, service, desk, kube)
    service.fall_silent()
    database.close()


@pytest.mark.parametrize("by_name", [True, False], ids=["names", "whole nodes"])
def test_a_worker_waits_for_a_stated_reason_and_lands_where_the_plan_says(
    ward: Ward, by_name: bool
) -> None:
    ward.schedule(nodeCacheCapable=by_name)
    ward.create("w-0")
    ward.wait_for_event("w-0", f"3 Aryl lets job resnet wait: {SHORT.text}")
    assert ward.node_of("w-0") == ""

    ward.plan("w-0", "n2")

    wait_until(lambda: ward.node_of("w-0"), SOON_S)
    assert ward.node_of("w-0") == "n2"


def test_a_plan_that_changes_is_followed_though_nothing_else_has(ward: Ward) -> None:
    blocker = pod_body("blocker", 8, nodeName="n1")
    create_pods(ward.api, ward.namespace, [blocker])
    ward.schedule()
    ward.create("w-0")
    ward.plan("w-0", "n1")
    ward.wait_for_event("w-0", "2 Aryl's plan gives this pod n1")

    ward.plan("w-0", "n3")

    wait_until(lambda: ward.node_of("w-0"), SOON_S)
    assert ward.node_of("w-0") == "n3"


def test_pods_that_are_not_aryls_are_scheduled_as_ever(ward: Ward) -> None:
    ward.control_plane.start_scheduler(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1beta1",
            "kind": "KubeSchedulerConfiguration",
        },
        "default-scheduler",
    )
    ward.schedule()
    ours = pod_body("by-aryl", 4, schedulerName="aryl-scheduler")
    create_pods(ward.api, ward.namespace, [ours, pod_body("by-default", 4)])
    ward.create("w-0")

    wait_until(lambda: ward.node_of("by-aryl") and ward.node_of("by-default"))

    assert {ward.node_of("by-aryl"), ward.node_of("by-default")} <= {"n1", "n2", "n3"}
    assert ward.node_of("w-0") == ""


def test_while_the_service_is_away_workers_wait(ward: Ward) -> None:
    ward.service.fall_silent()
    ward.schedule()
    ward.create("w-0")
    ward.plan("w-0", "n2")
    ward.wait_for_event("w-0", "connection refused")
    assert ward.node_of("w-0") == ""

    ward.service.answer()
    # kube-scheduler 1.20 tries again when something happens on the cluster, or after a minute
    ward.api.patch("/api/v1/nodes/n3", {"metadata": {"labels": {"something": "new"}}})

    wait_until(lambda: ward.node_of("w-0"), 2 * SOON_S)
    assert ward.node_of("w-0") == "n2"


def test_a_scheduler_that_may_ignore_the_service_still_obeys_taints(ward: Ward) -> None:
    for node in ("n1", "n2"):
        create_pods(ward.api, ward.namespace, [pod_body(f"on-{node}", 8, nodeName=node)])
    ward.service.fall_silent()
    for number in range(3):
        ward.create(f"w-{number}")
        ward.plan(f"w-{number}", "n1")
    ward.schedule(ignorable=True)  # only now: it would place a pod before there is a plan

    wait_until(lambda: sum(bool(ward.node_of(f"w-{n}")) for n in range(3)) == 2)

    wrong = sorted(ward.node_of(f"w-{n}") for n in range(3))
    assert wrong == ["", "n3", "n3"]  # not where the plan says, but not on a reserved server either


def test_a_plans_node_is_found_among_many(ward: Ward) -> None:
    more = [node_body(f"more-{n}", 8, {POOL: "training"}) for n in range(150)]
    for body in more:
        ward.api.create("/api/v1/nodes", body)
    wait_until_schedulable(ward.api, [body["metadata"]["name"] for body in more])
    ward.schedule()
    names = [f"w-{n}" for n in range(8)]
    for number, name in enumerate(names):
        ward.create(name, server=f"more-{number * 20}")

    wait_until(lambda: all(ward.node_of(name) for name in names), 2 * SOON_S)

    assert [ward.node_of(name) for name in names] == [f"more-{n * 20}" for n in range(8)]
    assert not any(ward.events_of(name) for name in names)


def test_a_worker_of_the_deployed_priority_sends_nobody_away(ward: Ward) -> None:
    # 1.20.2 is one of the releases that ask no extender whom to send away (kubernetes #102971)
    for document in yaml.safe_load_all((BASE / "priorities.yaml").read_text()):
        ward.api.create(PRIORITIES, document)
    ward.create("lower", 8, nodeName="n1", labels={KIND: "base"})
    ward.schedule()

    ward.create("w-0", server="n1", priorityClassName="aryl-training")

    ward.wait_for_event("w-0", "1 Insufficient nvidia.com/gpu")
    assert not _is_going(ward, "lower")


def _is_going(ward: Ward, name: str) -> bool:
    found: Raw | None = ward.api.find(f"{ward.pods}/{name}")
    return found is None or "deletionTimestamp" in found["metadata"]
