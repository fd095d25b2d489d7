"""What the watcher reads of raw objects: by itself, with nothing of Aryl's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.api import Raw
from tests.kubernetes.pod_life import GPU, gpus_of

RESERVED, LOANED, RECLAIMING = "aryl.dev/reserved", "aryl.dev/loaned", "aryl.dev/reclaiming"
ENDED = frozenset({"Succeeded", "Failed"})
LENT_TYPE = "T4"


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod; `owner` is the uid of who controls it, `index` -1 where it is no TrainingJob's."""

    uid: str
    name: str
    node: str
    phase: str
    reason: str
    gpus: int
    is_deleted: bool
    is_worker: bool
    is_inference: bool
    owner: str
    index: int
    run: int

    @property
    def holds(self) -> bool:
        """Whether its node's GPUs are counted as taken."""
        return bool(self.node) and self.phase not in ENDED

    @property
    def works(self) -> bool:
        """Whether its job counts on it: bound, not failed, and not told to stop."""
        return bool(self.node) and self.phase != "Failed" and not self.is_deleted


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node; `marks` are the keys of the taints that tell loans."""

    name: str
    is_inference: bool
    gpus: int
    marks: frozenset[str]
    state: str
    has_note: bool

    @property
    def is_away(self) -> bool:
        """Whether it is on loan, or on its way back."""
        return bool(self.marks & {LOANED, RECLAIMING})


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job's object; workers are counted as those of the training pool's GPU type."""

    uid: str
    name: str  # the service's
    least: int
    most: int
    may_borrow: bool
    may_mix: bool
    holds: bool  # the plan in force gives it workers
    run: int  # how often it had been preempted
    has_ended: bool


def pod_seen(raw: Raw) -> PodSeen:
    """A pod."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    labels = metadata.get("labels") or {}
    tolerated = {each.get("key") for each in spec.get("tolerations") or ()}
    owners = [own["uid"] for own in metadata.get("ownerReferences") or () if own.get("controller")]
    return PodSeen(
        uid=metadata["uid"],
        name=metadata["name"],
        node=spec.get("nodeName", ""),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        gpus=gpus_of(spec),
        is_deleted="deletionTimestamp" in metadata,
        is_worker=labels.get("aryl.dev/managed") == "true",
        is_inference=RESERVED in tolerated,
        owner=owners[0] if owners else "",
        index=int(labels.get("aryl.dev/worker", -1)),
        run=int(labels.get("aryl.dev/run", 0)),
    )


def node_seen(raw: Raw) -> NodeSeen:
    """A node."""
    metadata = raw["metadata"]
    labels = metadata.get("labels") or {}
    keys = {taint["key"] for taint in raw["spec"].get("taints") or ()}
    return NodeSeen(
        name=metadata["name"],
        is_inference=labels.get("aryl.dev/pool") == "inference",
        gpus=int((raw["status"].get("allocatable") or {}).get(GPU, 0)),
        marks=frozenset(keys & {RESERVED, LOANED, RECLAIMING}),
        state=labels.get("aryl.dev/state", ""),
        has_note="aryl.dev/loan" in (metadata.get("annotations") or {}),
    )


def job_seen(raw: Raw) -> JobSeen:
    """A TrainingJob, or a Job that is managed."""
    metadata = raw["metadata"]
    notes = metadata.get("annotations") or {}
    job = json.loads(notes.get("aryl.dev/allocation", "{}")).get("job", {})
    has_ended = "aryl.dev/ended" in notes
    asked = _asked(raw, notes)
    return JobSeen(
        uid=metadata["uid"],
        name=notes.get("aryl.dev/job-id") or _job_id(metadata),
        least=asked[0],
        most=asked[1],
        may_borrow=asked[2],
        may_mix=asked[3],
        holds=bool(job.get("placements")) and not has_ended,
        run=int(job.get("preemptions", 0)),
        has_ended=has_ended or "deletionTimestamp" in metadata,
    )


def _job_id(metadata: Raw) -> str:
    """What the service calls a job that was brought to the cluster."""
    return f"{metadata['namespace']}.{metadata['name']}.{metadata['uid'][:8]}"


def _asked(raw: Raw, notes: Mapping[str, str]) -> tuple[int, int, bool, bool]:
    """Least and most workers, and whether it may run on loans, and on both types at once."""
    if raw["kind"] == "Job":
        least = int(notes.get("aryl.dev/min-workers", 1))
        most = int(notes.get("aryl.dev/max-workers", least))
        told = [notes.get(f"aryl.dev/{word}") == "true" for word in ("fungible", "heterogeneous")]
        return least, most, told[1] or told[0], told[1]
    spec: Mapping[str, Any] = raw["spec"]
    least = spec.get("minWorkers") or 1
    may_mix = bool(spec.get("heterogeneous"))
    may_borrow = LENT_TYPE in (spec.get("gpuTypes") or ())
    return least, spec.get("maxWorkers") or least, may_borrow or may_mix, may_mix
