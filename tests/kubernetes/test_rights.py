"""Who lacks a right is told which; and what needs no right is not asked for."""

from collections.abc import Iterable

import pytest

from aryl.kube.access import from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.discovery import Served, discover
from aryl.kube.rights import RULES, Mode, Right, Rule, missing, needed
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until

RBAC = "/apis/rbac.authorization.k8s.io/v1"
BARE = Served((1, 34), "policy/v1", {"leases": "coordination.k8s.io/v1", "jobs": "batch/v1"})


def granted(api: Api, user: str, rules: Iterable[Rule], namespace: str) -> None:
    """Give a user these rules, everywhere or in their own namespace."""
    for own in (False, True):
        role = {
            "metadata": {"name": f"role-{user}"},
            "rules": [
                {"apiGroups": [rule.group], "resources": [rule.resource], "verbs": [*rule.verbs]}
                for rule in rules
                if rule.is_own == own
            ],
        }
        kind = "Role" if own else "ClusterRole"
        where = f"{RBAC}/namespaces/{namespace}" if own else RBAC
        api.create(f"{where}/{kind.lower()}s", role)
        binding = {
            "metadata": {"name": f"binding-{user}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": kind,
                "name": f"role-{user}",
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
        api.create(f"{where}/{kind.lower()}bindings", binding)


@pytest.mark.kubernetes
@pytest.mark.parametrize("mode", [*Mode])
def test_the_rules_of_a_mode_are_what_it_needs(
    control_plane: ControlPlane, api: Api, namespace: str, mode: Mode
) -> None:
    user = f"user-{mode}"
    with KubeApi(from_kubeconfig(control_plane.kubeconfig(user))) as kube:
        rights = needed(mode, discover(kube), namespace)
        assert missing(kube, rights) == [*rights]

        granted(api, user, RULES[mode], namespace)

        wait_until(lambda: missing(kube, rights) == [])


@pytest.mark.kubernetes
def test_a_right_that_is_missing_is_named(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    nodes = Rule("", "nodes", ("patch",))
    rules = [rule for rule in RULES[Mode.BINDING] if rule != nodes and not rule.is_own]
    granted(api, "bob", rules, namespace)
    with KubeApi(from_kubeconfig(control_plane.kubeconfig("bob"))) as kube:
        rights = needed(Mode.BINDING, discover(kube), namespace)

        wait_until(lambda: len(missing(kube, rights)) == 4)
        lacking = [str(right) for right in missing(kube, rights)]

    assert lacking == [
        "patch nodes",
        f"get leases.coordination.k8s.io in namespace {namespace}",
        f"create leases.coordination.k8s.io in namespace {namespace}",
        f"update leases.coordination.k8s.io in namespace {namespace}",
    ]


def test_shadow_needs_to_look_and_no_more() -> None:
    verbs = {right.verb for right in needed(Mode.SHADOW, BARE, "own")}

    assert verbs == {"get", "list", "watch"}


def test_what_is_not_served_needs_no_right() -> None:
    resources = {right.resource for right in needed(Mode.BINDING, BARE, "own")}

    assert resources == {
        "nodes",
        "pods",
        "jobs",
        "leases",
        "services",
        "pods/binding",
        "pods/eviction",
    }


@pytest.mark.parametrize(
    ("right", "said"),
    [
        (Right("patch", "", "nodes"), "patch nodes"),
        (Right("create", "", "pods/eviction"), "create pods/eviction"),
        (Right("patch", "aryl.dev", "trainingjobs/status"), "patch trainingjobs.aryl.dev/status"),
        (Right("get", "", "pods", "ml"), "get pods in namespace ml"),
    ],
)
def test_a_right_is_said_as_kubectl_does(right: Right, said: str) -> None:
    assert str(right) == said
