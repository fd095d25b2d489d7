"""Custom resources of others, in the shape that their owners document."""

from collections.abc import Mapping
from typing import Any

from tests.kubernetes.api import Raw

ANYTHING: Raw = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
NUMBER: Raw = {"type": "integer", "format": "int32"}
TEXT: Raw = {"type": "string"}
FLAG: Raw = {"type": "boolean"}


def objects(**fields: Raw) -> Raw:
    return {"type": "object", "properties": fields}


def lists(item: Raw) -> Raw:
    return {"type": "array", "items": item}


CONDITIONS = lists(
    objects(type=TEXT, status=TEXT, reason=TEXT, message=TEXT, lastTransitionTime=TEXT)
)


def definition(group: str, version: str, kind: str, spec: Raw, status: Raw, **also: Any) -> Raw:
    """The definition of a namespaced resource with a status of its own."""
    plural = f"{kind.lower()}s"
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}, **also},
        "schema": {"openAPIV3Schema": objects(spec=spec, status=status)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [served],
        },
    }


PYTORCHJOB = definition(
    "kubeflow.org",
    "v1",
    "PyTorchJob",
    objects(
        runPolicy=objects(
            suspend=FLAG, cleanPodPolicy=TEXT, backoffLimit=NUMBER, ttlSecondsAfterFinished=NUMBER
        ),
        elasticPolicy=objects(
            minReplicas=NUMBER,
            maxReplicas=NUMBER,
            rdzvBackend=TEXT,
            rdzvHost=TEXT,
            rdzvId=TEXT,
            rdzvPort=NUMBER,
            maxRestarts=NUMBER,
            nProcPerNode=NUMBER,
            standalone=FLAG,
        ),
        nprocPerNode=TEXT,
        pytorchReplicaSpecs={
            "type": "object",
            "additionalProperties": objects(replicas=NUMBER, restartPolicy=TEXT, template=ANYTHING),
        },
    ),
    objects(conditions=CONDITIONS, replicaStatuses=ANYTHING, startTime=TEXT, completionTime=TEXT),
    scale={
        "specReplicasPath": ".spec.pytorchReplicaSpecs.Worker.replicas",
        "statusReplicasPath": ".status.replicaStatuses.Worker.active",
    },
)

JOBSET = definition(
    "jobset.x-k8s.io",
    "v1alpha2",
    "JobSet",
    objects(
        suspend=FLAG,
        failurePolicy=ANYTHING,
        successPolicy=ANYTHING,
        network=ANYTHING,
        replicatedJobs=lists(
            objects(name=TEXT, replicas=NUMBER, template=objects(metadata=ANYTHING, spec=ANYTHING))
        ),
    ),
    objects(conditions=CONDITIONS, restarts=NUMBER, terminalState=TEXT),
)

RAYCLUSTER = definition(
    "ray.io",
    "v1",
    "RayCluster",
    objects(
        rayVersion=TEXT,
        suspend=FLAG,
        enableInTreeAutoscaling=FLAG,
        headGroupSpec=objects(rayStartParams=ANYTHING, serviceType=TEXT, template=ANYTHING),
        workerGroupSpecs=lists(
            objects(
                groupName=TEXT,
                replicas=NUMBER,
                minReplicas=NUMBER,
                maxReplicas=NUMBER,
                numOfHosts=NUMBER,
                rayStartParams=ANYTHING,
                scaleStrategy=objects(workersToDelete=lists(TEXT)),
                template=ANYTHING,
            )
        ),
    ),
    objects(state=TEXT, availableWorkerReplicas=NUMBER, desiredWorkerReplicas=NUMBER),
)

DEFINITIONS: Mapping[str, Raw] = {
    "PyTorchJob": PYTORCHJOB,
    "JobSet": JOBSET,
    "RayCluster": RAYCLUSTER,
}
