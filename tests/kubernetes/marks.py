"""What Aryl has written on objects, as anybody can read it."""

import json
from typing import Any

from aryl.kube.names import LOAN, LOANED_TAINT, RECLAIMING_TAINT, RESERVED_TAINT, STATE
from tests.kubernetes.api import Api, Raw

Marks = tuple[str, list[str], bool]  # a node's state, its taints of ours, whether it bears a loan

HOME: Marks = ("home", [RESERVED_TAINT], False)
LENT: Marks = ("loaned", [LOANED_TAINT], True)
RECLAIMING: Marks = ("reclaiming", [RECLAIMING_TAINT], True)


def marks_of(api: Api, node: str) -> Marks:
    """What a node bears."""
    raw = api.get(f"/api/v1/nodes/{node}")
    taints = [taint["key"] for taint in raw["spec"].get("taints") or ()]
    return (
        raw["metadata"]["labels"].get(STATE, ""),
        [key for key in taints if key.startswith("aryl.dev/")],
        LOAN in raw["metadata"].get("annotations", {}),
    )


def annotation(raw: Raw, name: str) -> Any:
    """What an annotation of ours says; None where there is none."""
    text = raw["metadata"].get("annotations", {}).get(name)
    return None if text is None else json.loads(text)
