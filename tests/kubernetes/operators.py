"""The operators of other kinds, as far as their pods go: they make pods by the counts of objects.

Each `operate` looks once, does what is to be done, and says whether that was anything. Jobs are run
by the real controller: that one is only waited for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.kubernetes.api import Api, Raw
from tests.kubernetes.daemons import wait_until

ENDED = {"Succeeded", "Failed"}
_numbers = count()


@dataclass(frozen=True)
class Wanted:
    """A pod that an object asks for; `identity` are the labels that tell it from its siblings."""

    name: str
    identity: Mapping[str, str]
    template: Raw
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Operator:
    """Whoever makes the pods of one kind in a namespace."""

    api: Api
    namespace: str
    path: str  # the kind's collection in the namespace

    def operate(self) -> bool:
        """Do what the objects ask for."""
        did = [self._run(item) for item in self.api.list(self.path)]
        return any(did)

    def end(self, name: str, condition: str) -> None:
        """Say that an object has come to an end."""
        said = {"type": condition, "status": "True", "reason": condition, "message": "it is over"}
        self.api.patch(f"{self.path}/{name}/status", {"status": {"conditions": [said]}})

    def _run(self, item: Raw) -> bool:
        """Delete what is too much, make what is missing; a finished object is let be."""
        if item["metadata"].get("deletionTimestamp") or self._is_over(item):
            return False
        pods = self._pods_of(item)
        alive = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        leaving = [*self._leaving(item, alive)]
        for pod in leaving:
            self.api.delete(f"{self._pods}/{pod['metadata']['name']}")
        missing = [*self._missing(item, pods)]
        for wanted in missing:
            self._create(item, wanted)
        return bool(leaving or missing)

    def _leaving(self, item: Raw, alive: Sequence[Raw]) -> Iterator[Raw]:
        """Pods that nobody asks for any more, and those that failed."""
        wanted = [pod.identity for pod in self.wanted(item)]
        for pod in alive:
            labels = pod["metadata"]["labels"]
            is_wanted = any(identity.items() <= labels.items() for identity in wanted)
            if not is_wanted or pod["status"].get("phase") == "Failed":
                yield pod

    def _missing(self, item: Raw, pods: Sequence[Raw]) -> Iterator[Wanted]:
        """Pods that are asked for; one on its way out is waited for."""
        for pod in self.wanted(item):
            there = (p["metadata"]["labels"] for p in pods)
            if not any(pod.identity.items() <= labels.items() for labels in there):
                yield pod

    def wanted(self, item: Raw) -> Iterator[Wanted]:
        """The pods that an object asks for now."""
        raise NotImplementedError

    def owner(self, item: Raw) -> Raw:
        """The pods' controller."""
        return {
            "apiVersion": item["apiVersion"],
            "kind": item["kind"],
            "name": item["metadata"]["name"],
            "uid": item["metadata"]["uid"],
            "controller": True,
        }

    @property
    def _pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def _pods_of(self, item: Raw) -> list[Raw]:
        """An object's pods that have not ended well."""
        uid = self.owner(item)["uid"]
        pods = [
            pod
            for pod in self.api.list(self._pods)
            if any(o["uid"] == uid for o in pod["metadata"].get("ownerReferences") or ())
        ]
        return [pod for pod in pods if pod["status"].get("phase") != "Succeeded"]

    def _is_over(self, item: Raw) -> bool:
        conditions = (item.get("status") or {}).get("conditions") or ()
        return any(
            one["type"] in {"Succeeded", "Complete", "Completed", "Failed"} for one in conditions
        )

    def _create(self, item: Raw, wanted: Wanted) -> None:
        about = wanted.template.get("metadata") or {}
        metadata = {
            "name": wanted.name,
            "labels": {**(about.get("labels") or {}), **wanted.identity},
            "annotations": {**(about.get("annotations") or {}), **wanted.annotations},
            "ownerReferences": [self.owner(item)],
        }
        spec = {"restartPolicy": "Never"} | wanted.template["spec"]
        self.api.create(self._pods, {"kind": "Pod", "metadata": metadata, "spec": spec})


class PyTorchOperator(Operator):
    """Pods by replica index; on a shrink the highest go, and none is there while suspended."""

    def wanted(self, item: Raw) -> Iterator[Wanted]:
        spec, name = item["spec"], item["metadata"]["name"]
        if (spec.get("runPolicy") or {}).get("suspend"):
            return
        for role, replicated in spec["pytorchReplicaSpecs"].items():
            for index in range(replicated.get("replicas", 1)):
                identity = {
                    "training.kubeflow.org/job-name": name,
                    "training.kubeflow.org/operator-name": "pytorchjob-controller",
                    "training.kubeflow.org/replica-type": role.lower(),
                    "training.kubeflow.org/replica-index": str(index),
                }
                pod_name = f"{name}-{role.lower()}-{index}"
                yield Wanted(pod_name, identity, replicated["template"])


class JobSetOperator(Operator):
    """Pods of child Jobs by replica and completion index.

    A ConfigMap stands for the child Jobs: the real controller would make pods of those.
    """

    def wanted(self, item: Raw) -> Iterator[Wanted]:
        spec, name = item["spec"], item["metadata"]["name"]
        if spec.get("suspend"):
            return
        for replicated in spec["replicatedJobs"]:
            job, role = replicated["template"]["spec"], replicated["name"]
            assert job.get("completions", 1) == job.get("parallelism", 1), "both move together"
            for replica in range(replicated.get("replicas", 1)):
                for index in range(job.get("parallelism", 1)):
                    identity = {
                        "jobset.sigs.k8s.io/jobset-name": name,
                        "jobset.sigs.k8s.io/replicatedjob-name": role,
                        "jobset.sigs.k8s.io/job-index": str(replica),
                        "batch.kubernetes.io/job-completion-index": str(index),
                    }
                    annotations = {"batch.kubernetes.io/job-completion-index": str(index)}
                    pod_name = f"{name}-{role}-{replica}-{index}-{next(_numbers)}"
                    yield Wanted(pod_name, identity, job["template"], annotations)

    def owner(self, item: Raw) -> Raw:
        path, name = f"/api/v1/namespaces/{self.namespace}/configmaps", item["metadata"]["name"]
        body = {"metadata": {"name": name, "ownerReferences": [super().owner(item)]}}
        stand_in = self.api.find(f"{path}/{name}") or self.api.create(path, body)
        uid = stand_in["metadata"]["uid"]
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": name,
            "uid": uid,
            "controller": True,
        }


class RayOperator(Operator):
    """Pods by count, with names of chance; named ones go first, then the youngest."""

    def wanted(self, item: Raw) -> Iterator[Wanted]:
        raise NotImplementedError

    def _leaving(self, item: Raw, alive: Sequence[Raw]) -> Iterator[Raw]:
        for group in item["spec"]["workerGroupSpecs"]:
            named = (group.get("scaleStrategy") or {}).get("workersToDelete") or ()
            there = [pod for pod in alive if _group(pod) == group["groupName"]]
            going = [pod for pod in there if pod["metadata"]["name"] in named]
            going += [p for p in there if p["status"].get("phase") == "Failed" and p not in going]
            staying = [pod for pod in there if pod not in going]
            yield from going
            yield from staying[self._replicas(group) :]

    def _missing(self, item: Raw, pods: Sequence[Raw]) -> Iterator[Wanted]:
        name = item["metadata"]["name"]
        alive = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        if not any(pod["metadata"]["labels"]["ray.io/node-type"] == "head" for pod in alive):
            yield _ray_pod(name, "head", "headgroup", item["spec"]["headGroupSpec"])
        for group in item["spec"]["workerGroupSpecs"]:
            named = (group.get("scaleStrategy") or {}).get("workersToDelete") or ()
            there = [p for p in alive if _group(p) == group["groupName"]]
            there = [p for p in there if p["metadata"]["name"] not in named]
            for _ in range(self._replicas(group) - len(there)):
                yield _ray_pod(name, "worker", group["groupName"], group)

    def _replicas(self, group: Raw) -> int:
        replicas, least = int(group.get("replicas", 0)), int(group.get("minReplicas", 0))
        return least if replicas < least else min(replicas, int(group.get("maxReplicas", replicas)))


class RealJobController(Operator):
    """kube-controller-manager runs Jobs: wait until it has done what is to be done."""

    def operate(self) -> bool:
        wait_until(lambda: all(self._is_met(item) for item in self.api.list(self.path)))
        return False

    def owner(self, item: Raw) -> Raw:
        return {"uid": item["metadata"]["uid"]}

    def _is_met(self, item: Raw) -> bool:
        working = [pod for pod in self._pods_of(item) if _is_working(pod)]
        return self._is_over(item) or len(working) == item["spec"]["parallelism"]


def _is_working(pod: Raw) -> bool:
    ended = pod["status"].get("phase") in ENDED
    return not ended and not pod["metadata"].get("deletionTimestamp")


def _ray_pod(cluster: str, role: str, group: str, spec: Mapping[str, Any]) -> Wanted:
    identity = {
        "ray.io/cluster": cluster,
        "ray.io/node-type": role,
        "ray.io/group": group,
        "ray.io/is-ray-node": "yes",
    }
    return Wanted(f"{cluster}-{group}-{role}-{next(_numbers)}", identity, spec["template"])


def _group(pod: Raw) -> str:
    return str(pod["metadata"]["labels"]["ray.io/group"])


OPERATORS: Mapping[str, type[Operator]] = {
    "Job": RealJobController,
    "PyTorchJob": PyTorchOperator,
    "JobSet": JobSetOperator,
    "RayCluster": RayOperator,
}
