"""From nodes and what stands on them to servers: order, condition, usable GPUs."""

from collections.abc import Mapping, Set
from math import inf
from typing import NamedTuple

from aryl.kube.loans import LoanNote
from aryl.kube.names import DOMAIN
from aryl.kube.options import KubeOptions
from aryl.kube.views import NodeView
from aryl.model.cluster import Condition, Loan, Pool, Server

REPELLING = frozenset({"NoSchedule", "NoExecute"})


class Burden(NamedTuple):
    """What stands on a node, in GPUs: given by plans, held by anybody else, and by inference."""

    held: int = 0
    blocked: int = 0
    inference: int = 0


NO_BURDEN = Burden()


def servers_of(
    nodes: Mapping[str, NodeView],
    burdens: Mapping[str, Burden],
    conditions: Mapping[str, Condition],
) -> tuple[Server, ...]:
    """The nodes as servers, by pool and name.

    Where a node offers less than it has given away (its device plugin starts again, say), it counts
    as it was.
    """
    ordered = sorted(nodes.values(), key=lambda node: (node.pool, node.name))
    found = []
    for index, node in enumerate(ordered):
        burden, condition = burdens.get(node.name, NO_BURDEN), conditions[node.name]
        gpus = max(node.gpus, burden.held)
        usable = burden.held
        if condition is Condition.OPEN:
            usable = max(usable, gpus - burden.blocked)
        found.append(Server(node.name, node.pool, gpus, index, gpus - usable, condition))
    return tuple(found)


def condition_of(
    node: NodeView, burden: Burden, *, is_overdue: bool, is_pinned: bool, options: KubeOptions
) -> Condition:
    """What may be done with a node now."""
    if is_overdue or node.gpus < burden.held or why_away(node, options):
        return Condition.AWAY
    if is_pinned:
        return Condition.PINNED
    if node.pool is Pool.INFERENCE and burden.inference:
        return Condition.BUSY
    return Condition.OPEN


def why_away(node: NodeView, options: KubeOptions) -> str:
    """What keeps all new workers from a node, as a sentence; "" for nothing."""
    if node.is_cordoned:
        return "is cordoned"
    if not node.is_ready:
        return "is not ready"
    for taint in node.taints:
        is_ours = taint.key.startswith(f"{DOMAIN}/")
        is_known = is_ours or taint.key in options.tolerated_taints
        if taint.effect in REPELLING and not is_known:
            return f"has the taint {taint.key}:{taint.effect}, which workers don't tolerate"
    return ""


def is_lost(node: NodeView | None, wall_s: float, options: KubeOptions) -> bool:
    """Whether what ran on a node is given up."""
    return node is None or (
        not node.is_ready and wall_s >= node.ready_since_s + options.node_lost_s
    )


def is_overdue(note: LoanNote | None, wall_s: float, options: KubeOptions) -> bool:
    """Whether a server was asked back so long ago that another had better go."""
    asked_s = note.asked_s if note else None
    return asked_s is not None and wall_s >= asked_s + options.reclaim_deadline_s


def is_refused(note: LoanNote | None, wall_s: float, options: KubeOptions) -> bool:
    """Whether the eviction of a server's workers has been refused for long enough."""
    refused_s = note.refused_s if note else None
    return refused_s is not None and wall_s >= refused_s + options.reclaim_deadline_s


def next_turn_s(
    nodes: Mapping[str, NodeView],
    notes: Mapping[str, LoanNote],
    wall_s: float,
    options: KubeOptions,
) -> float:
    """When one of these will be so by the passing of time alone, in wall time; else infinity."""
    turns = [n.ready_since_s + options.node_lost_s for n in nodes.values() if not n.is_ready]
    for note in notes.values():
        marks = (note.asked_s, note.refused_s)
        turns += [mark + options.reclaim_deadline_s for mark in marks if mark is not None]
    return min((turn for turn in turns if turn > wall_s), default=inf)


def loans_of(
    notes: Mapping[str, LoanNote], servers: Mapping[str, Server], held: Set[str]
) -> dict[str, Loan]:
    """The loans that the policy has to know of: not those of nodes that are gone or of no use."""
    return {
        name: note.loan(name)
        for name, note in sorted(notes.items())
        if name in servers and (servers[name].serves or name in held)
    }
