"""The names under which Aryl writes on Kubernetes objects: labels, annotations and taints.

What a crash must not lose stands in annotations; labels and taints follow from them, so that users
and kube-scheduler can see and select.
"""

from typing import Final

DOMAIN: Final = "aryl.dev"
API_VERSION: Final = f"{DOMAIN}/v1alpha1"  # of TrainingJobs

# on nodes
POOL: Final = f"{DOMAIN}/pool"  # label, set by the operator: training | inference
STATE: Final = f"{DOMAIN}/state"  # label: home | loaned | reclaiming
LOAN: Final = (
    f"{DOMAIN}/loan"  # annotation: {"start_s", "reclaim_s", "term"} as JSON; no loan, no annotation
)
RESERVED_TAINT: Final = f"{DOMAIN}/reserved"  # =inference:NoSchedule, an inference node at home
LOANED_TAINT: Final = f"{DOMAIN}/loaned"  # =training:NoSchedule, on loan
RECLAIMING_TAINT: Final = (
    f"{DOMAIN}/reclaiming"  # :NoSchedule, on its way back; nobody tolerates it
)

# on what describes a job: a TrainingJob, or another kind's object
MANAGED: Final = (
    f"{DOMAIN}/managed"  # label, "true": the object, and its pods' template, are Aryl's
)
ALLOCATION: Final = f"{DOMAIN}/allocation"  # annotation: what the job holds, as JSON
ENDED: Final = f"{DOMAIN}/ended"  # annotation: how it ended, and when, as JSON
JOB_ID: Final = f"{DOMAIN}/job-id"  # annotation: the service's name of the job
FAILURES: Final = f"{DOMAIN}/failures"  # annotation: how many workers have failed, as JSON
NOTICE: Final = f"{DOMAIN}/notice"  # annotation: why a job of another kind waits or is refused
LAST_CHECKPOINT: Final = f"{DOMAIN}/last-checkpoint"  # annotation, RFC 3339, written by users

# on worker pods
JOB: Final = f"{DOMAIN}/job"  # label: the name of the object that describes the job
WORKER: Final = f"{DOMAIN}/worker"  # label: the worker's index
KIND: Final = f"{DOMAIN}/kind"  # label: base | flexible
RUN: Final = f"{DOMAIN}/run"  # label: how often the job had been preempted when the pod was made
SERVER: Final = f"{DOMAIN}/server"  # annotation: the node that the plan in force gives the pod
FINALIZER: Final = f"{DOMAIN}/training-job"

GPU: Final = "nvidia.com/gpu"
