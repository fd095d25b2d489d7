"""Where a pod may go, as the plan in force has it. Pods that are not Aryl's may go anywhere."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from api.extender.wire import Candidates, Preemption, Victim

Answer = Mapping[str, Any]

BEST: Final = 10  # the protocol's highest score
UNKNOWN: Final = "Aryl has not placed this pod yet"


def filtered(asked: Candidates, why_not: str) -> Answer:
    """Only the plan's node suits one of Aryl's pods; `why_not` tells why it has none yet.

    A refusal is told twice: to schedulers from 1.21 on as one that no preemption resolves, which
    they then believe; to older ones, which know of no such thing, as any other.
    """
    if not asked.pod.is_managed:
        return _filtering(asked, asked.names, {})
    server = asked.pod.server
    reason = f"Aryl's plan gives this pod {server}" if server else why_not
    kept = [name for name in asked.names if name == server]
    return _filtering(asked, kept, {name: reason for name in asked.names if name != server})


def scored(asked: Candidates) -> Sequence[Answer]:
    """The plan's node is best, and all others are alike."""
    planned = asked.pod.server if asked.pod.is_managed else ""
    return [{"Host": name, "Score": BEST if name == planned else 0} for name in asked.names]


def preempting(asked: Preemption, bases: Collection[str] | None) -> Answer:
    """Who may be sent away: on the plan's node alone, and never a base worker.

    `bases` are the uids of the base workers there; where they are not known, a pod of which no more
    than the uid was sent may be one. To say no is no loss: Aryl makes room for its workers itself,
    more gently than a scheduler would.
    """
    if not asked.pod.is_managed:
        return asked.kept(list(asked.victims))
    there = asked.victims.get(asked.pod.server)
    if there is None or any(_may_be_base(victim, bases) for victim in there):
        return asked.kept([])
    return asked.kept([asked.pod.server])


def _may_be_base(victim: Victim, bases: Collection[str] | None) -> bool:
    if victim.is_base is not None:
        return victim.is_base
    return bases is None or victim.uid in bases


def _filtering(asked: Candidates, kept: Sequence[str], failed: Mapping[str, str]) -> Answer:
    return {
        **asked.kept(kept),
        "FailedNodes": failed,
        "FailedAndUnresolvableNodes": failed,
        "Error": "",
    }
