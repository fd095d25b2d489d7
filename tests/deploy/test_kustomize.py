"""What each overlay deploys, seen without a cluster: modes, versions, rights and locks."""

import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.settings import read_settings
from aryl.kube.rights import RULES, Mode, Rule
from tests.deploy.kustomize import KUBERNETES, OVERLAYS, Object, built, only, overlay, read

Grant = tuple[str, str, str]  # group, resource, verb
LIVE = [name for name in OVERLAYS if not name.endswith("shadow")]
EXTENDING = [name for name in OVERLAYS if name.endswith("extender")]


def mode_of(name: str) -> Mode:
    return Mode(name.rpartition("-")[2])


def pod_of(objects: Iterable[Object]) -> Any:
    return only(objects, "Deployment")["spec"]["template"]["spec"]


def container(objects: Iterable[Object], name: str) -> Any:
    found = [c for c in pod_of(objects)["containers"] if c["name"] == name]
    assert len(found) == 1
    return found[0]


def grants_of(rules: Iterable[Any]) -> set[Grant]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def wanted(rules: Iterable[Rule], *, own: bool) -> set[Grant]:
    return {
        (rule.group, rule.resource, verb)
        for rule in rules
        if rule.is_own == own
        for verb in rule.verbs
    }


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_mode_grants_what_it_needs_and_no_more(name: str) -> None:
    objects, rules = overlay(name), RULES[mode_of(name)]
    for kind, own in (("ClusterRole", False), ("Role", True)):
        roles = {o["metadata"]["name"]: o["rules"] for o in objects if o["kind"] == kind}
        bound = {o["roleRef"]["name"] for o in objects if o["kind"] == f"{kind}Binding"}
        granted = set().union(*(grants_of(rules) for rules in roles.values()))

        assert granted == wanted(rules, own=own)
        assert set(roles) <= bound
        foreign = {"system:kube-scheduler", "system:volume-scheduler"}
        assert bound - set(roles) == (foreign if name in EXTENDING and not own else set())


@pytest.mark.parametrize("name", OVERLAYS)
def test_all_rights_are_the_service_accounts_own(name: str) -> None:
    objects = overlay(name)
    account = only(objects, "ServiceAccount")["metadata"]
    bindings = [o for o in objects if o["kind"].endswith("RoleBinding")]

    subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    assert all(binding["subjects"] == [subject] for binding in bindings)
    assert pod_of(objects)["serviceAccountName"] == account["name"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_mode_is_said_to_the_service(name: str, tmp_path: Path) -> None:
    objects, mode = overlay(name), mode_of(name)
    mounted = {v["name"]: v for v in pod_of(objects)["volumes"]}["config"]["configMap"]["name"]
    file = tmp_path / "aryl.toml"
    file.write_text(only(objects, "ConfigMap", mounted)["data"]["aryl.toml"])
    said = container(objects, "aryl")["args"]
    assert said[:2] == ["serve", "--config=/etc/aryl/aryl.toml"]
    flags: dict[str, dict[str, object]] = {
        "scheduler": {"shadow": "--shadow" in said or None},
        "kubernetes": {"placing": "binding" if "--placing=binding" in said else None},
    }

    settings = read_settings(file, flags, {})

    assert settings.is_kubernetes
    assert set(said[2:]) <= {"--shadow", "--placing=binding"}
    assert settings.scheduler.shadow == (mode is Mode.SHADOW)
    assert mode is Mode.SHADOW or settings.kubernetes.placing == mode.value


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_suit_the_restricted_standard(name: str) -> None:
    pod = pod_of(overlay(name))

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert all({"configMap", "emptyDir"} & set(volume) for volume in pod["volumes"])
    for each in pod["containers"]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "livenessProbe" in each
        assert {"requests", "limits"} <= set(each["resources"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_kube_scheduler_comes_with_the_extender_alone(name: str) -> None:
    names = [each["name"] for each in pod_of(overlay(name))["containers"]]

    assert names == (["aryl", "kube-scheduler"] if name in EXTENDING else ["aryl"])


def configured(name: str) -> Any:
    """The kube-scheduler's configuration in an overlay."""
    objects = overlay(name)
    mounted = {v["name"]: v for v in pod_of(objects)["volumes"]}["kube-scheduler"]
    held = only(objects, "ConfigMap", mounted["configMap"]["name"])["data"]
    return yaml.safe_load(held["scheduler.yaml"])


@pytest.mark.parametrize(
    ("name", "form", "release"),
    [
        ("v1.20-extender", "v1beta1", "v1.20."),
        ("v1.22-extender", "v1beta2", "v1.24."),
        ("extender", "v1", "v1."),
    ],
)
def test_kube_scheduler_is_configured_in_its_versions_form(
    name: str, form: str, release: str
) -> None:
    config = configured(name)

    assert config["apiVersion"] == f"kubescheduler.config.k8s.io/{form}"
    assert container(overlay(name), "kube-scheduler")["image"].partition(":")[2].startswith(release)


def test_the_forms_of_its_configuration_differ_in_packing_alone() -> None:
    old, middle, new = (
        configured(name) for name in ("v1.20-extender", "v1.22-extender", "extender")
    )

    assert {**middle, "apiVersion": new["apiVersion"]} == new
    for config in (old, new):
        del config["apiVersion"], config["profiles"][1]["plugins"]
        del config["profiles"][1]["pluginConfig"]
    for address in ("healthzBindAddress", "metricsBindAddress"):
        assert old.pop(address).startswith("127.0.0.1:")
    assert old == new


@pytest.mark.parametrize("name", EXTENDING)
def test_the_scheduler_asks_the_service_in_its_pod(name: str) -> None:
    config, objects = configured(name), overlay(name)
    asked = config["extenders"][0]["urlPrefix"]
    toml = tomllib.loads((KUBERNETES / "base" / "aryl.toml").read_text())
    settings = read_settings(KUBERNETES / "base" / "aryl.toml", {}, {})

    assert asked == f"http://127.0.0.1:{settings.server.port}/extender"
    assert "tls_cert" not in toml["server"]
    assert config["profiles"][0]["schedulerName"] == settings.kubernetes.scheduler_name
    managed = [each["name"] for each in config["extenders"][0]["managedResources"]]
    assert managed == [settings.kubernetes.gpu_resource]
    role = only(objects, "Role")["metadata"]
    assert config["leaderElection"]["resourceNamespace"] == role["namespace"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_names_of_objects_hold_together(name: str) -> None:
    objects = overlay(name)
    deployment = only(objects, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    pod = pod_of(objects)
    maps = {o["metadata"]["name"] for o in objects if o["kind"] == "ConfigMap"}
    classes = {o["metadata"]["name"] for o in objects if o["kind"] == "PriorityClass"}

    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert only(objects, "Service")["spec"]["selector"].items() <= labels.items()
    budget = only(objects, "PodDisruptionBudget")
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
    form = "policy/v1beta1" if name.startswith("v1.20") else "policy/v1"
    assert budget["apiVersion"] == form
    assert {v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v} == maps
    assert pod["priorityClassName"] in classes


def test_no_secret_is_in_the_repository() -> None:
    assert not [o for name in OVERLAYS for o in overlay(name) if o["kind"] == "Secret"]


def test_inference_goes_before_training_and_training_pushes_nobody_out() -> None:
    classes = {o["metadata"]["name"]: o for o in read("base", "priorities.yaml")}
    order = ["aryl-service", "aryl-inference", "aryl-training", "aryl-training-flexible"]

    assert sorted(classes, key=lambda name: -classes[name]["value"]) == order
    assert {classes[name].get("preemptionPolicy") for name in order[2:]} == {"Never"}


def test_images_are_of_this_release() -> None:
    image = f"aryl:{version('aryl')}"

    assert container(overlay("shadow"), "aryl")["image"] == image
    assert read("first-token.yaml")[0]["spec"]["containers"][0]["image"] == image


def test_an_operators_kustomization_sets_image_and_monitoring(tmp_path: Path) -> None:
    (tmp_path / "deploy").symlink_to(KUBERNETES)
    own = tmp_path / "kustomization.yaml"
    own.write_text(
        "resources: [deploy/overlays/extender]\n"
        "components: [deploy/components/monitoring]\n"
        "images:\n"
        "  - {name: aryl, newName: registry.example/aryl, newTag: '9'}\n"
        "  - {name: registry.k8s.io/kube-scheduler, newTag: v1.30.0}\n"
    )

    objects = built(tmp_path)

    images = [each["image"] for each in pod_of(objects)["containers"]]
    assert images == ["registry.example/aryl:9", "registry.k8s.io/kube-scheduler:v1.30.0"]
    monitor, service = only(objects, "ServiceMonitor"), only(objects, "Service")
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
