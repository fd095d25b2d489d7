"""A pod fits a node by Kubernetes' own rules, and each "no" says why."""

from typing import Any

import pytest

from aryl.kube.feasible import Taken, obstacles, tolerates
from aryl.kube.views import NodeView, PodView, Taint, Toleration
from aryl.model.cluster import Pool

GIB = 1 << 30
ANYTHING = Toleration("", "Exists", "", "")


def a_node(**changes: Any) -> NodeView:
    plain: dict[str, Any] = {
        "name": "n1",
        "uid": "u-n1",
        "version": "1",
        "pool": Pool.TRAINING,
        "gpus": 8,
        "cpu_milli": 16_000,
        "memory_bytes": 64 * GIB,
        "is_ready": True,
        "ready_since_s": 0.0,
        "is_cordoned": False,
        "labels": {"zone": "a", "generation": "7"},
        "taints": (),
        "loan": "",
    }
    return NodeView(**(plain | changes))


def a_pod(**changes: Any) -> PodView:
    plain: dict[str, Any] = {
        "namespace": "ml",
        "name": "p-0",
        "uid": "u-p-0",
        "version": "1",
        "owner_uid": "",
        "owner_kind": "",
        "node": "",
        "phase": "Pending",
        "is_ready": False,
        "is_unschedulable": False,
        "created_s": 0.0,
        "deleted_s": None,
        "gpus": 4,
        "cpu_milli": 1_000,
        "memory_bytes": GIB,
        "scheduler": "aryl-scheduler",
        "labels": {},
        "annotations": {},
        "tolerations": (),
        "node_selector": {},
        "has_affinity": False,
        "reason": "",
    }
    return PodView(**(plain | changes))


def found(
    pod: PodView, node: NodeView, taken: Taken | None = None, affinity: Any = None
) -> list[str]:
    return list(obstacles(pod, node, taken or Taken(), affinity))


def test_a_pod_fits_an_empty_node() -> None:
    assert found(a_pod(), a_node()) == []


TOLERATING = [
    (Toleration("k", "Equal", "v", "NoSchedule"), True),
    (Toleration("k", "", "v", "NoSchedule"), True),
    (Toleration("k", "Equal", "v", ""), True),
    (Toleration("k", "Exists", "", "NoSchedule"), True),
    (Toleration("k", "Exists", "", ""), True),
    (ANYTHING, True),
    (Toleration("k", "Equal", "w", "NoSchedule"), False),
    (Toleration("k", "Equal", "", "NoSchedule"), False),
    (Toleration("other", "Exists", "", ""), False),
    (Toleration("k", "Exists", "", "NoExecute"), False),
    (Toleration("", "Equal", "", ""), False),
    (Toleration("k", "Gt", "v", ""), False),
]


@pytest.mark.parametrize(("toleration", "is_tolerated"), TOLERATING)
def test_a_toleration_matches_key_value_and_effect(
    toleration: Toleration, is_tolerated: bool
) -> None:
    assert tolerates(toleration, Taint("k", "v", "NoSchedule")) is is_tolerated


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_taint_that_is_not_tolerated_keeps_a_pod_away(effect: str) -> None:
    node = a_node(taints=(Taint("team", "a", effect), Taint("soft", "", "PreferNoSchedule")))

    assert found(a_pod(), node) == [f"n1 has the taint team=a:{effect}, which is not tolerated"]
    assert found(a_pod(tolerations=(Toleration("team", "Exists", "", ""),)), node) == []


def test_each_taint_needs_a_toleration() -> None:
    node = a_node(taints=(Taint("a", "", "NoSchedule"), Taint("b", "", "NoSchedule")))
    pod = a_pod(tolerations=(Toleration("b", "Exists", "", ""),))

    assert found(pod, node) == ["n1 has the taint a:NoSchedule, which is not tolerated"]


STATES = [
    ({"is_cordoned": True}, "n1 is cordoned"),
    ({"is_ready": False}, "n1 is not ready"),
    (
        {
            "is_cordoned": True,
            "taints": (Taint("node.kubernetes.io/unschedulable", "", "NoSchedule"),),
        },
        "n1 is cordoned",
    ),
    (
        {
            "is_ready": False,
            "taints": (Taint("node.kubernetes.io/unreachable", "", "NoSchedule"),),
        },
        "n1 can't be reached",
    ),
]


@pytest.mark.parametrize(("state", "said"), STATES)
def test_a_node_that_takes_no_pods_says_so_once(state: dict[str, Any], said: str) -> None:
    assert found(a_pod(), a_node(**state)) == [said]
    assert found(a_pod(tolerations=(ANYTHING,)), a_node(**state)) == []


def test_a_node_selector_must_match_every_label() -> None:
    pod = a_pod(node_selector={"zone": "b", "generation": "7", "disk": "ssd"})

    assert found(pod, a_node()) == [
        "the pod selects nodes with zone=b, n1 has a",
        "the pod selects nodes with disk=ssd, n1 lacks it",
    ]


def a_requirement(operator: str, *values: str, key: str = "generation") -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values) or None}


MET = [
    a_requirement("In", "6", "7"),
    a_requirement("NotIn", "6"),
    a_requirement("NotIn", "6", key="absent"),
    a_requirement("Exists"),
    a_requirement("DoesNotExist", key="absent"),
    a_requirement("Gt", "6"),
    a_requirement("Lt", "8"),
]
UNMET = [
    a_requirement("In", "6"),
    a_requirement("In", "6", key="absent"),
    a_requirement("NotIn", "7"),
    a_requirement("Exists", key="absent"),
    a_requirement("DoesNotExist"),
    a_requirement("Gt", "7"),
    a_requirement("Lt", "7"),
    a_requirement("Gt", "6", key="zone"),
    a_requirement("Gt", "6", key="absent"),
    a_requirement("Gt", "1_0"),
    a_requirement("Like", "7"),
]


def affinity_of(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"nodeAffinity": required, "podAffinity": None}


@pytest.mark.parametrize("requirement", MET, ids=str)
def test_a_requirement_that_is_met(requirement: dict[str, Any]) -> None:
    assert found(a_pod(), a_node(), affinity=affinity_of({"matchExpressions": [requirement]})) == []


@pytest.mark.parametrize("requirement", UNMET, ids=str)
def test_a_requirement_that_is_not_met(requirement: dict[str, Any]) -> None:
    affinity = affinity_of({"matchExpressions": [requirement]})

    said = found(a_pod(), a_node(), affinity=affinity)

    assert said == ["n1 does not suit the pod's required node affinity"]


def test_one_term_is_enough_but_all_of_it_must_be_met() -> None:
    met, unmet = a_requirement("Exists"), a_requirement("Exists", key="absent")
    here = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    elsewhere = here | {"values": ["n2"]}

    def fits(*terms: dict[str, Any]) -> bool:
        return not found(a_pod(), a_node(), affinity=affinity_of(*terms))

    assert fits({"matchExpressions": [met, unmet]}, {"matchExpressions": [met]})
    assert fits({"matchFields": [here], "matchExpressions": [met]})
    assert not fits({"matchFields": [here], "matchExpressions": [unmet]})
    assert not fits({"matchFields": [elsewhere]})
    assert not fits({})
    assert not fits()


def test_what_only_prefers_keeps_no_pod_away() -> None:
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}

    assert found(a_pod(), a_node(), affinity={"podAntiAffinity": preferred}) == []


def test_what_needs_a_look_at_all_pods_is_refused() -> None:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}

    said = found(a_pod(), a_node(), affinity={"podAntiAffinity": required})

    assert said == [
        "the pod requires anti-affinity to other pods, which only a kube-scheduler can follow"
    ]


def test_what_other_pods_hold_is_not_left() -> None:
    taken = Taken(gpus=5, cpu_milli=15_500, memory_bytes=64 * GIB)

    assert found(a_pod(), a_node(), taken) == [
        "the pod requests 4 GPUs: 3 of 8 are left on n1",
        "the pod requests 1 CPUs: 0.5 of 16 are left on n1",
        "the pod requests 1 GiB of memory: 0 of 64 are left on n1",
    ]
    assert found(a_pod(), a_node(), Taken(gpus=4)) == []


def test_who_requests_nothing_is_not_kept_away_by_what_is_overdrawn() -> None:
    modest = a_pod(cpu_milli=0, memory_bytes=0)

    assert found(modest, a_node(), Taken(cpu_milli=20_000, memory_bytes=99 * GIB)) == []
