"""What must hold at every moment of a run, and the numbers of what happened in it.

It is fed the cluster's history write by write, and looks after each at what the write touched. It
knows what the API server shows, and nothing of what Aryl thinks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.kubernetes.e2e.sights import (
    LOANED,
    RECLAIMING,
    RESERVED,
    JobSeen,
    NodeSeen,
    PodSeen,
    job_seen,
    node_seen,
    pod_seen,
)
from tests.kubernetes.e2e.witness import Happened

# How long what can't be one write may last, in wall seconds.
SETTLE_S = 15.0  # a job has some of its workers: the others are being made, bound or ended
GIVE_BACK_S = 5.0  # inference was bound to a node at the moment at which it was lent


@dataclass
class Figures:
    """What happened."""

    counts: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)  # of inference pods, until bound
    returns_s: list[float] = field(default_factory=list)  # from asking a node back to having it
    presses_s: list[float] = field(default_factory=list)  # a pod waits; until a node is asked back
    unsettled_s: list[float] = field(default_factory=list)
    preemptions: Counter[str] = field(default_factory=Counter)  # by job
    starts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """All of it in a few lines."""
        lists = {
            "inference pods waited": self.waits_s,
            "servers came back": self.returns_s,
            "a waiting pod had one asked back": self.presses_s,
            "jobs had some of their workers": self.unsettled_s,
        }
        told = [f"{text}: {_spread(values)}" for text, values in lists.items()]
        jobs = f"starts {self.starts.total()}, preemptions {self.preemptions.total()}"
        counts = ", ".join(f"{text} {count}" for text, count in sorted(self.counts.items()))
        return "\n".join([f"{jobs}, {counts}", *told])


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "never"
    return f"{len(values)} times, p50 {median(values):.2f} s, at most {max(values):.2f} s"


class Watcher:
    """Finds faults."""

    def __init__(self, factor: float) -> None:
        """`factor` is how many workers on lent servers do the work of one at home."""
        self._factor = factor
        self._pods: dict[str, PodSeen] = {}
        self._nodes: dict[str, NodeSeen] = {}
        self._jobs: dict[str, JobSeen] = {}
        self._on: defaultdict[str, set[str]] = defaultdict(set)  # uids of pods by node
        self._of: defaultdict[str, set[str]] = defaultdict(set)  # and by owner
        self._waiting: dict[str, float] = {}  # inference pods, since when
        self._asked: dict[str, float] = {}  # nodes on their way back, since when
        self._lasting: dict[tuple[str, str], tuple[float, str]] = {}
        self._now_s = 0.0
        self.faults: list[str] = []
        self.figures = Figures()

    def see(self, history: Iterable[Happened]) -> None:
        """Look at more of the history, all of it later than what was seen."""
        for each in history:
            self._now_s = max(self._now_s, each.at_s)
            if each.resource == "pods":
                self._see_pod(pod_seen(each.raw), is_gone=each.is_gone)
            elif each.resource == "nodes":
                self._see_node(node_seen(each.raw), is_gone=each.is_gone)
            else:
                self._see_job(job_seen({**each.raw, "kind": each.resource}), is_gone=each.is_gone)

    def end(self) -> None:
        """What still lasts has lasted until now."""
        for key in list(self._lasting):
            self._lasts(key, "", 0.0, holds=False)

    def _see_pod(self, pod: PodSeen, *, is_gone: bool) -> None:
        before = self._pods.get(pod.uid)
        if is_gone:
            self._pods.pop(pod.uid, None)
            self._on[pod.node].discard(pod.uid)
            self._of[pod.owner].discard(pod.uid)
        else:
            self._pods[pod.uid] = pod
            self._on[pod.node].add(pod.uid)
            self._of[pod.owner].add(pod.uid)
        if pod.reason.startswith("OutOf"):
            self._fault(f"{pod.name} is {pod.reason} on {pod.node}")
        is_bound = bool(pod.node) and not (before and before.node)
        if pod.is_inference:
            self._wait(pod, is_over=is_gone or bool(pod.node))
        if is_bound and pod.is_worker:
            self._hired(pod)
        if pod.is_worker and pod.is_deleted and not (before and before.is_deleted):
            self._dismissed(pod)
        self._check_node(pod.node)
        self._check_job(pod.owner)

    def _wait(self, pod: PodSeen, *, is_over: bool) -> None:
        if not is_over:
            self._waiting.setdefault(pod.uid, self._now_s)
        elif pod.uid in self._waiting:
            self.figures.waits_s.append(self._now_s - self._waiting.pop(pod.uid))

    def _hired(self, pod: PodSeen) -> None:
        """A worker was bound."""
        node, job = self._nodes.get(pod.node), self._jobs.get(pod.owner)
        self.figures.counts["workers bound"] += 1
        if job and self._workers(job) > job.least:
            self.figures.counts["growth"] += 1
        if node is None or not node.is_inference:
            return
        self.figures.counts["workers bound on loans"] += 1
        if LOANED not in node.marks:
            self._fault(f"{pod.name} was bound to {node.name}, which bears {[*node.marks]}")
        if any(each.is_inference and each.holds for each in self._there(node.name)):
            self._fault(f"{pod.name} was bound to {node.name}, where inference runs")
        if job is None or not job.may_borrow:
            self._fault(f"{pod.name} was bound to {node.name}, but its job may not borrow")

    def _dismissed(self, pod: PodSeen) -> None:
        """A worker was told to stop."""
        job = self._jobs.get(pod.owner)
        if job is None or not job.holds or job.run != pod.run or not pod.holds:
            return
        if pod.index == 0:
            self._fault(f"{pod.name} was deleted while its job runs")
        self.figures.counts["shrink"] += 1

    def _see_node(self, node: NodeSeen, *, is_gone: bool) -> None:
        before = self._nodes.get(node.name)
        if is_gone:
            self._nodes.pop(node.name, None)
            return
        self._nodes[node.name] = node
        if before and node.is_inference:
            self._moved(before, node)
        self._check_node(node.name)

    def _moved(self, before: NodeSeen, node: NodeSeen) -> None:
        """A server may have been lent, asked back, or come home."""
        figures, counts = self.figures, self.figures.counts
        counts["loans"] += not before.is_away and node.is_away
        if before.is_away and not node.is_away:
            asked_s = self._asked.pop(node.name, None)
            if asked_s is None:
                counts["given back"] += 1  # inference had come there
            else:
                figures.returns_s.append(self._now_s - asked_s)
        if RECLAIMING in node.marks - before.marks:
            counts["reclaims"] += 1
            counts["reclaims of servers in use"] += any(p.is_worker for p in self._there(node.name))
            self._asked[node.name] = self._now_s
            if self._waiting:
                counts["reclaims while pods wait"] += 1
                figures.presses_s.append(self._now_s - min(self._waiting.values()))

    def _see_job(self, job: JobSeen, *, is_gone: bool) -> None:
        before = self._jobs.get(job.uid)
        if is_gone:
            self._jobs.pop(job.uid, None)
            return
        self._jobs[job.uid] = job
        if job.run > (before.run if before else 0):
            self.figures.preemptions[job.name] = job.run
        if job.holds and not (before and before.holds):
            self.figures.starts[job.name] += 1
        self._check_job(job.uid)

    def _check_node(self, name: str) -> None:
        node = self._nodes.get(name)
        if node is None:
            return
        holding = [pod for pod in self._there(name) if pod.holds]
        held = sum(pod.gpus for pod in holding)
        if held > node.gpus:
            self._fault(f"{name} has {node.gpus} GPUs, {held} of them held")
        if not node.is_inference:
            return
        workers = [pod.name for pod in holding if pod.is_worker]
        if len(node.marks) != 1:
            self._fault(f"{name} bears {sorted(node.marks)}")
        elif RESERVED in node.marks and workers:
            self._fault(f"{name} is at home with {workers}")
        guests = [pod.name for pod in holding if pod.is_inference]
        text = f"{name} is away with {guests}"
        self._lasts(("guest", name), text, GIVE_BACK_S, holds=node.is_away and bool(guests))

    def _check_job(self, uid: str) -> None:
        job = self._jobs.get(uid)
        if job is None:
            return
        workers, where = self._workers(job), self._pools(job)
        if workers > job.most + 1e-9:
            self._fault(f"{job.name} has {workers} workers, at most {job.most}")
        if len(where) > 1 and not job.may_mix:
            self._fault(f"{job.name} is on both types")
        text = f"{job.name} has {workers} workers, at least {job.least}"
        is_short = 0 < workers < job.least - 1e-9 and not job.has_ended
        self._lasts(("short", uid), text, SETTLE_S, holds=is_short)

    def _workers(self, job: JobSeen) -> float:
        """Of the training pool's type."""
        pods = [pod for pod in self._staff(job) if pod.works]
        lent = sum(self._is_lent(pod) for pod in pods)
        return len(pods) - lent + lent / self._factor

    def _pools(self, job: JobSeen) -> set[bool]:
        return {self._is_lent(pod) for pod in self._staff(job) if pod.works}

    def _is_lent(self, pod: PodSeen) -> bool:
        node = self._nodes.get(pod.node)
        return node is not None and node.is_inference

    def _there(self, node: str) -> Iterator[PodSeen]:
        return (self._pods[uid] for uid in self._on[node])

    def _staff(self, job: JobSeen) -> Iterator[PodSeen]:
        return (self._pods[uid] for uid in self._of[job.uid])

    def _lasts(self, key: tuple[str, str], text: str, limit_s: float, *, holds: bool) -> None:
        """Something may be so, but not for long."""
        if holds:
            self._lasting.setdefault(key, (self._now_s + limit_s, text))
        elif key in self._lasting:
            until_s, told = self._lasting.pop(key)
            if self._now_s > until_s:
                self._fault(f"{told}, {self._now_s - until_s:.1f} s too long")
            elif key[0] == "short":
                self.figures.unsettled_s.append(self._now_s - until_s + SETTLE_S)

    def _fault(self, text: str) -> None:
        self.faults.append(f"{self._now_s:.2f} s: {text}")
