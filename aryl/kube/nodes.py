"""What follows for nodes of what is written on them: marks put right, servers brought home."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache

from aryl.kube.lending import as_seen, training_pods
from aryl.kube.loans import LoanNote, is_marked, is_unmarked, unmarking
from aryl.kube.moment import Moment, pinning
from aryl.kube.paths import NODES, item
from aryl.kube.views import OVER, NodeView
from aryl.kube.writing import Pen
from aryl.model.cluster import Pool


def keep_nodes(pen: Pen, moment: Moment) -> None:
    """Bring every node in line with its loan, as far as the step's writes go."""
    owned = cache(lambda: _owned(moment))  # for many nodes at once, or for none
    for node in moment.sight.picture.nodes.values():
        if pen.hands.is_spent:
            return
        if node.pool is Pool.TRAINING:
            _leave_alone(pen, node)
            continue
        note = moment.notes.get(node.name)
        if note is not None and note.reclaim_s is not None:
            note = _brought_home(pen, moment, node, note, owned)
        elif note is not None and note.refused_s is not None:
            is_refused = pinning(moment, node.name)
            note = note if is_refused else replace(note, refused_s=None)
        if not is_marked(node, note):
            pen.mark(node.name, note, as_seen(pen, node))


def _brought_home(
    pen: Pen, moment: Moment, node: NodeView, note: LoanNote, owned: Callable[[], Collection[str]]
) -> LoanNote | None:
    """The note of a server that was asked back: none once no worker is there, by any account.

    The picture may be late, but not about who could be there: a worker is bound to the node that
    we wrote on it, and what we write is in the picture at once. One that is not bound, as far as
    we see, may be by now.
    """
    workers = [p for p in moment.sight.pods_on(node.name) if p.is_ours and p.holds_gpus]
    is_expected = any(p.phase not in OVER for p in moment.sight.pods_meant_for(node.name))
    if not workers and not is_expected and not training_pods(pen, node.name):
        return None
    for pod in workers:
        if pod.uid not in owned():
            pen.hands.evict(pod)
    return note


def _owned(moment: Moment) -> frozenset[str]:
    """The uids of all pods that some object has: their end is its own affair."""
    workloads = moment.objects.values()
    return frozenset(p.uid for w in workloads for p in w.kind.pods(w.view, moment.sight))


def _leave_alone(pen: Pen, node: NodeView) -> None:
    """A training node carries nothing of ours."""
    if is_unmarked(node):
        return
    path = item(NODES, node.name)
    pen.hands.patch("nodes", path, unmarking(pen.hands.api.get(path)))
