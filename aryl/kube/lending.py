"""A plan's actions on servers, each as one write on the node: taints, label and loan together."""

from collections.abc import Callable, Collection
from dataclasses import replace

from aryl.engine.ports import Outcome, Status
from aryl.kube.books import Books
from aryl.kube.loans import LoanNote, Raw, note_of
from aryl.kube.names import LOAN, MANAGED
from aryl.kube.paths import PODS
from aryl.kube.translate import requested
from aryl.kube.views import OVER, NodeView
from aryl.kube.writing import Pen, check_term
from aryl.model.cluster import Condition, Pool
from aryl.model.plan import LoanServer, ReclaimServer


def lend(pen: Pen, books: Books, action: LoanServer) -> Outcome:
    """Let training use an idle inference server; nothing is lent that inference has just taken."""
    node = books.moment.sight.node(action.server_id)
    why_not = _why_kept(books, action.server_id)
    if node is None or why_not:
        return _refused(action, why_not)
    note = LoanNote(pen.clock.now(), pen.term)
    if not pen.mark(node.name, note, as_seen(pen, node)):
        return _refused(action, "the node has changed meanwhile")
    if _serving(pen, node.name):
        pen.mark(node.name, None, lambda _: True)
        return _refused(action, "an inference pod has come to run there meanwhile")
    books.lend(note.loan(node.name))
    return Outcome(action, Status.DONE)


def reclaim(pen: Pen, books: Books, action: ReclaimServer) -> Outcome:
    """Ask a vacant server back: nobody is placed there from now on, and it goes home once empty."""
    loan, node = books.loans.get(action.server_id), books.moment.sight.node(action.server_id)
    if loan is None or not loan.is_open or node is None or books.holds(action.server_id):
        return _refused(action, "the server is not on loan and vacant")
    note = LoanNote(loan.start_s, pen.term, pen.clock.now(), asked_s=pen.wall())
    if not pen.mark(node.name, note, as_seen(pen, node)):
        return _refused(action, "the node has changed meanwhile")
    books.lend(note.loan(node.name))
    return Outcome(action, Status.DONE)


def _why_kept(books: Books, server_id: str) -> str:
    """Why a server can't be lent; "" where it can."""
    server = books.moment.cluster.by_id.get(server_id)
    if server is None or server.pool is not Pool.INFERENCE:
        return "there is no such inference server"
    if server_id in books.moment.notes or server_id in books.loans:
        return "the server is on loan"
    return "" if server.condition is Condition.OPEN else f"the server is {server.condition.value}"


def note_refusal(pen: Pen, books: Books, servers: Collection[str]) -> None:
    """Remember on lent servers since when their workers may not be evicted."""
    for name in sorted(servers):
        note, node = books.moment.notes.get(name), books.moment.sight.node(name)
        if note is not None and node is not None and note.refused_s is None:
            refused = replace(note, term=pen.term, refused_s=pen.wall())
            pen.mark(name, refused, as_seen(pen, node))


def training_pods(pen: Pen, node: str) -> list[Raw]:
    """The workers on a node by the server itself, whatever a watch has told of them."""
    return [raw for raw in _pods(pen, node) if _is_ours(raw)]


def _serving(pen: Pen, node: str) -> bool:
    """Whether anybody but us has GPUs of a node by the server itself."""
    resource = pen.options.gpu_resource
    others = (raw for raw in _pods(pen, node) if not _is_ours(raw))
    return any(requested(raw["spec"], resource) for raw in others)


def _pods(pen: Pen, node: str) -> list[Raw]:
    # Out of the server's memory: from etcd, an older server reads all pods for one node's, half a
    # second for thousands. What it learns moments later is seen by the next step all the same.
    there = f"spec.nodeName={node}"
    listed = pen.hands.api.list(PODS, fieldSelector=there, resourceVersion=0).items
    return [raw for raw in listed if raw["status"].get("phase") not in OVER]


def _is_ours(raw: Raw) -> bool:
    return (raw["metadata"].get("labels") or {}).get(MANAGED) == "true"


def as_seen(pen: Pen, node: NodeView) -> Callable[[Raw], bool]:
    """Whether a node's loan is still what we saw. Raises `LeaseLost` where a later leader wrote."""

    def suits(raw: Raw) -> bool:
        text: str = (raw["metadata"].get("annotations") or {}).get(LOAN, "")
        note = note_of(text)
        check_term(note.term if note else 0, pen.term, node.name)
        is_same: bool = raw["metadata"]["uid"] == node.uid
        return is_same and text == node.loan

    return suits


def _refused(action: LoanServer | ReclaimServer, detail: str) -> Outcome:
    return Outcome(action, Status.REFUSED, detail=detail)
