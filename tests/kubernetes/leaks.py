"""What may be left of nothing, once a fault is over and the cluster has come to rest.

Only what anybody can read on the API server counts: Aryl's views, mirror and rules are not used.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from aryl.engine.lifecycle import JobState
from aryl.kube.names import ALLOCATION, ENDED, JOB, LOAN, MANAGED, POOL
from tests.kubernetes.api import Api, Raw
from tests.kubernetes.faults import ENDED as OVER
from tests.kubernetes.faults import faults_of_nodes
from tests.kubernetes.marks import HOME, LENT, RECLAIMING, annotation, marks_of

JOBS = "/apis/aryl.dev/v1alpha1/trainingjobs"


def leaks(api: Api) -> list[str]:
    """Marks without a loan, GPUs given twice, books that are not the pods', orphans."""
    jobs, pods = api.list(JOBS), api.list("/api/v1/pods")
    return [
        *_wrong_marks(api),
        *faults_of_nodes(api),
        *_wrong_books(jobs, pods),
        *_orphans(jobs, [*pods, *api.list("/api/v1/services")]),
    ]


def lost(submitted: Collection[str], states: Mapping[str, JobState]) -> list[str]:
    """Jobs that were submitted and of which nobody knows; jobs that nobody has submitted."""
    return [*(f"{name} is lost" for name in submitted if name not in states)] + [
        f"nobody has submitted {name}" for name in states if name not in submitted
    ]


def _wrong_marks(api: Api) -> Iterator[str]:
    """Nodes whose taints and label say other than their annotation."""
    for raw in api.list("/api/v1/nodes"):
        name, note = raw["metadata"]["name"], annotation(raw, LOAN)
        wanted = HOME if note is None else LENT if note["reclaim_s"] is None else RECLAIMING
        if raw["metadata"]["labels"][POOL] == "training":
            wanted = ("", [], False)
        if marks_of(api, name) != wanted:
            yield f"{name} bears {marks_of(api, name)}, not {wanted}"


def _wrong_books(jobs: Collection[Raw], pods: Collection[Raw]) -> Iterator[str]:
    """Jobs whose workers are elsewhere, more or fewer than is written on their objects."""
    for raw in jobs:
        held = annotation(raw, ALLOCATION)
        told: Counter[str] = Counter()
        for placement in held["job"]["placements"] if held else ():
            told[placement["server_id"]] += placement["workers"]
        found = Counter(
            str(pod["spec"].get("nodeName"))
            for pod in pods
            if _owner(pod) == raw["metadata"]["uid"] and pod["status"].get("phase") not in OVER
        )
        if found != told:
            yield f"{raw['metadata']['name']} has {dict(found)}, by its books {dict(told)}"
        if held and annotation(raw, ENDED):
            yield f"{raw['metadata']['name']} has ended and holds GPUs"


def _orphans(jobs: Collection[Raw], owned: Collection[Raw]) -> Iterator[str]:
    """Pods and services of no job, and whatever is about to be deleted for ever."""
    uids = {raw["metadata"]["uid"] for raw in jobs}
    for raw in owned:
        labels = raw["metadata"].get("labels") or {}
        is_ours = labels.get(MANAGED) == "true" or JOB in labels
        if is_ours and _owner(raw) not in uids:
            yield f"{raw['metadata']['name']} is nobody's"
    for raw in [*jobs, *owned]:
        if "deletionTimestamp" in raw["metadata"]:
            yield f"{raw['metadata']['name']} is still to go"


def _owner(raw: Raw) -> str:
    """The uid of what controls an object."""
    owners = raw["metadata"].get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")
