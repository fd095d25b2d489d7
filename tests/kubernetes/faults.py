"""What must never be so on a cluster that has come to rest."""

from collections.abc import Iterator, Mapping

from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.kube.names import GPU, LOAN, MANAGED, POOL
from aryl.model.job import Job
from tests.kubernetes.api import Api

ENDED = {"Succeeded", "Failed"}


def disagreements(running: Mapping[str, Job], live: Mapping[str, JobRecord]) -> Iterator[str]:
    """Where what runs differs from what the store believes."""
    for name, record in live.items():
        if (record.state is JobState.RUNNING) != (name in running):
            yield f"{name} is {record.state.value} in the store"
        elif name in running and record.job.placements != running[name].placements:
            yield f"{name} is elsewhere"
    yield from (f"{name} runs unknown" for name in running.keys() - live.keys())


def faults_of_nodes(api: Api) -> Iterator[str]:
    """GPUs given twice on nodes, and workers where none may be."""
    nodes = {raw["metadata"]["name"]: raw for raw in api.list("/api/v1/nodes")}
    held: dict[str, int] = dict.fromkeys(nodes, 0)
    for pod in api.list("/api/v1/pods"):
        node = pod["spec"].get("nodeName")
        if node not in nodes or pod["status"].get("phase") in ENDED:
            continue
        limits = (part["resources"].get("limits", {}) for part in pod["spec"]["containers"])
        held[node] += sum(int(limit.get(GPU, 0)) for limit in limits)
        is_worker = pod["metadata"].get("labels", {}).get(MANAGED) == "true"
        metadata = nodes[node]["metadata"]
        is_lent = LOAN in metadata.get("annotations", {})
        if is_worker and metadata["labels"][POOL] == "inference" and not is_lent:
            yield f"{pod['metadata']['name']} is on {node}, which is not on loan"
    for name, gpus in held.items():
        if gpus > int(nodes[name]["status"]["allocatable"][GPU]):
            yield f"{name} has {gpus} GPUs held"


def refusal(pod: str) -> str:
    """What a kubelet says of a pod that it could not run."""
    return f"{pod} was refused by its kubelet"
