"""A loan as a node bears it: the annotation is the truth, label and taints follow from it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from aryl.kube.names import DOMAIN, LOAN, LOANED_TAINT, RECLAIMING_TAINT, RESERVED_TAINT, STATE
from aryl.kube.views import NodeView
from aryl.model.cluster import Loan

HOME, LOANED, RECLAIMING = "home", "loaned", "reclaiming"
Raw = Mapping[str, Any]

_TAINTS: Final[Mapping[str, Raw]] = {
    HOME: {"key": RESERVED_TAINT, "value": "inference", "effect": "NoSchedule"},
    LOANED: {"key": LOANED_TAINT, "value": "training", "effect": "NoSchedule"},
    RECLAIMING: {"key": RECLAIMING_TAINT, "effect": "NoSchedule"},
}
_OURS: Final = frozenset({RESERVED_TAINT, LOANED_TAINT, RECLAIMING_TAINT})


@dataclass(frozen=True, slots=True)
class LoanNote:
    """The annotation of a node on loan.

    `start_s` and `reclaim_s` are cluster time; `asked_s`, when it was asked back, and `refused_s`,
    since when the eviction of its workers is refused, are wall time.
    """

    start_s: float
    term: int
    reclaim_s: float | None = None
    asked_s: float | None = None
    refused_s: float | None = None

    def loan(self, server_id: str) -> Loan:
        """The loan, as the policy sees it."""
        return Loan(server_id, self.start_s, self.reclaim_s)


def note_text(note: LoanNote) -> str:
    """The annotation's value."""
    return json.dumps(asdict(note))


def note_of(text: str) -> LoanNote | None:
    """The note in an annotation; None where there is none, or what stands there is none."""
    if not text:
        return None
    try:
        plain = json.loads(text)
        times = (plain.get(name) for name in ("reclaim_s", "asked_s", "refused_s"))
        later = (None if value is None else float(value) for value in times)
        return LoanNote(float(plain["start_s"]), int(plain.get("term", 0)), *later)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def state_of(note: LoanNote | None) -> str:
    """The value of the label `STATE`."""
    if note is None:
        return HOME
    return LOANED if note.reclaim_s is None else RECLAIMING


def is_marked(node: NodeView, note: LoanNote | None) -> bool:
    """Whether an inference node's annotation, label and taints say all of `note`, and no more."""
    state = state_of(note)
    marks = [t for t in node.taints if t.key in _OURS]
    wanted = _TAINTS[state]
    return (
        node.labels.get(STATE) == state
        and node.loan == (note_text(note) if note else "")
        and [(t.key, t.value, t.effect) for t in marks]
        == [(wanted["key"], wanted.get("value", ""), wanted["effect"])]
    )


def is_unmarked(node: NodeView) -> bool:
    """Whether a node carries nothing of a loan."""
    has_taint = any(taint.key in _OURS for taint in node.taints)
    return not (has_taint or node.loan or STATE in node.labels)


def marking(raw: Raw, note: LoanNote | None) -> dict[str, Any]:
    """The merge patch that marks a node, as the server has it, with a note or as being at home."""
    state = state_of(note)
    return {
        "metadata": {
            "resourceVersion": raw["metadata"]["resourceVersion"],
            "labels": {STATE: state},
            "annotations": {LOAN: note_text(note) if note else None},
        },
        "spec": {"taints": [*_foreign(raw), dict(_TAINTS[state])]},
    }


def unmarking(raw: Raw) -> dict[str, Any]:
    """The merge patch that takes everything of Aryl's from a node but the label of its pool."""
    metadata = raw["metadata"]
    return {
        "metadata": {
            "resourceVersion": metadata["resourceVersion"],
            "labels": {STATE: None},
            "annotations": {
                name: None
                for name in metadata.get("annotations") or {}
                if name.startswith(f"{DOMAIN}/")
            },
        },
        "spec": {"taints": _foreign(raw) or None},
    }


def _foreign(raw: Raw) -> list[Raw]:
    taints: Iterable[Raw] = (raw.get("spec") or {}).get("taints") or ()
    return [taint for taint in taints if taint["key"] not in _OURS]
