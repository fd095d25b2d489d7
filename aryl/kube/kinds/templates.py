"""Pod templates: what Aryl must find in one, and how many GPUs a pod of it asks for."""

from collections.abc import Mapping
from typing import Any, Final

from aryl.kube.kinds.fields import bad
from aryl.kube.options import KubeOptions

RESTARTS: Final = (None, "Never", "OnFailure")
DIGITS: Final = 9  # of a number of GPUs


def chosen(own: object, options: KubeOptions, where: str) -> tuple[Any, str]:
    """What a job's workers are made of, and where that stands; `own` is what the job brings.

    Raises `BadInput` where there is nothing.
    """
    if own is not None:
        return own, where
    if options.worker_template:
        return options.worker_template, "the service's worker_template"
    expected = "a pod template; this service has no worker_template either"
    raise bad(where, None, expected, "is missing")


def containers_of(template: object, where: str) -> list[dict[str, Any]]:
    """The containers of a template. Raises `BadInput` where it has none."""
    spec = template.get("spec") if isinstance(template, dict) else None
    containers = spec.get("containers") if isinstance(spec, dict) else None
    field = f"{where}.spec.containers"
    if not isinstance(containers, list) or not containers:
        raise bad(field, containers, "at least one container")
    if not all(isinstance(container, dict) for container in containers):
        raise bad(field, containers, "containers as Kubernetes has them")
    return containers


def gpus_of(container: Mapping[str, Any], resource: str, where: str) -> int:
    """The GPUs that a container asks for. Raises `BadInput` where that is no number."""
    resources = _mapping(container, "resources", where)
    for part in ("limits", "requests"):
        asked = _mapping(resources, part, f"{where}.resources").get(resource)
        if asked is None:
            continue
        if not str(asked).isdecimal() or len(str(asked)) > DIGITS:
            raise bad(f"{where}.resources.{part}[{resource}]", asked, "a whole number")
        return int(asked)
    return 0


def gpus_in(template: object, resource: str, where: str) -> int:
    """The GPUs that a pod of a template asks for. Raises `BadInput`."""
    containers = containers_of(template, where)
    return sum(
        gpus_of(container, resource, f"{where}.spec.containers[{place}]")
        for place, container in enumerate(containers)
    )


def check_worker(template: object, gpus_per_worker: int, resource: str, where: str) -> None:
    """See that workers can be made of a template. Raises `BadInput` where they can't.

    It may leave GPUs out, but not ask for another number; and a worker that succeeds must not be
    started again. Where we add something, there must be room for it: the rest is for the server to
    find fault with.
    """
    asked = gpus_in(template, resource, where)
    if asked not in {0, gpus_per_worker}:
        field = f"{where}.spec.containers[].resources[{resource}]"
        raise bad(field, asked, f"spec.gpusPerWorker, {gpus_per_worker}, or none")
    assert isinstance(template, dict), "it has containers"
    restarts = template["spec"].get("restartPolicy")
    if restarts not in RESTARTS:
        raise bad(f"{where}.spec.restartPolicy", restarts, "Never or OnFailure")
    _check_room(template, where)


def asks_for(template: Mapping[str, Any], resource: str) -> bool:
    """Whether any container of a template asks for a resource."""
    containers = template["spec"]["containers"]
    return any(gpus_of(container, resource, "") for container in containers)


def _check_room(template: Mapping[str, Any], where: str) -> None:
    """See that labels, annotations, tolerations and variables can be added to."""
    about = _mapping(template, "metadata", where)
    for name in ("labels", "annotations"):
        _mapping(about, name, f"{where}.metadata")
    _mappings(template["spec"], "tolerations", f"{where}.spec")
    for place, container in enumerate(template["spec"]["containers"]):
        at = f"{where}.spec.containers[{place}]"
        for variable in _mappings(container, "env", at):
            if not isinstance(variable.get("name"), str):
                raise bad(f"{at}.env[].name", variable.get("name"), "a name")


def _mapping(parent: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """A part of an object that has parts itself; empty where it is absent."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad(f"{where}.{name}", value, "an object")
    return value


def _mappings(parent: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    """A list of objects; empty where it is absent."""
    values = parent.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise bad(f"{where}.{name}", values, "a list of objects")
    return values
