"""Pod templates: what Aryl must find in one, and how many GPUs a pod of it asks for."""

from collections.abc import Mapping
from typing import Any

from aryl.kube.kinds.fields import bad

RESTARTS = ("Never", "OnFailure")


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
    resources = container.get("resources") or {}
    for part in ("limits", "requests"):
        asked = (resources.get(part) or {}).get(resource)
        if asked is None:
            continue
        if not str(asked).isdecimal():
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
    started again.
    """
    asked = gpus_in(template, resource, where)
    if asked not in {0, gpus_per_worker}:
        field = f"{where}.spec.containers[].resources[{resource}]"
        raise bad(field, asked, f"spec.gpusPerWorker, {gpus_per_worker}, or none")
    restarts = template["spec"].get("restartPolicy")  # type: ignore[index]
    if restarts not in {None, *RESTARTS}:
        raise bad(f"{where}.spec.restartPolicy", restarts, " or ".join(RESTARTS))


def asks_for(template: Mapping[str, Any], resource: str) -> bool:
    """Whether any container of a template asks for a resource."""
    containers = template["spec"]["containers"]
    return any(gpus_of(container, resource, "") for container in containers)
