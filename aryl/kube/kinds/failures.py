"""How many workers of a TrainingJob have failed: counted on the object, once for each pod.

A failed pod is deleted only when it has been counted, and is named beside the count until it is
gone, so that a crash in between counts none twice. What a node did to a pod, such as to refuse or
to evict it, is no failure of the job's.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aryl.kube.names import FAILURES
from aryl.kube.views import PodView, WorkloadView

_TOO_LONG: Final = "DeadlineExceeded"  # as the pod itself said how long it may run


@dataclass(frozen=True, slots=True)
class Failures:
    """How many have failed; `pods` are the uids of those that are counted and still there."""

    count: int
    pods: tuple[str, ...]
    is_news: bool  # some are not yet counted on the object


def failures_of(view: WorkloadView, pods: Sequence[PodView]) -> Failures:
    """The failures counted on an object, and those that are to be."""
    count, counted = _read(view.annotations.get(FAILURES, ""))
    failed = [p.uid for p in pods if _has_failed(p)]
    new = sum(uid not in counted for uid in failed)
    return Failures(count + new, tuple(sorted(failed)), is_news=new > 0)


def failures_text(failures: Failures) -> str:
    """The annotation's value."""
    return json.dumps({"count": failures.count, "pods": [*failures.pods]})


def _has_failed(pod: PodView) -> bool:
    return pod.phase == "Failed" and pod.deleted_s is None and pod.reason in {"", _TOO_LONG}


def _read(text: str) -> tuple[int, frozenset[str]]:
    """What the annotation says; nothing, where somebody has spoilt it."""
    try:
        plain = json.loads(text)
        return int(plain["count"]), frozenset(plain["pods"])
    except (ValueError, KeyError, TypeError):
        return 0, frozenset()
