"""Reclaim policies on the very problems that replays met: greedy beside exact (paper §3.7)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import fmean, median

from aryl.engine.cycle import Timer
from aryl.policy.victims import RECLAIMS, Reclaim, ReclaimPolicy, Selection


@dataclass(frozen=True, slots=True)
class Recorder:
    """A reclaim policy that keeps the problems that it is asked."""

    policy: ReclaimPolicy
    problems: list[Reclaim]

    def __call__(self, reclaim: Reclaim) -> Selection:
        """Answer as the policy does."""
        self.problems.append(reclaim)
        return self.policy(reclaim)


@contextmanager
def recording(policy: str) -> Iterator[list[Reclaim]]:
    """Keep the problems that a policy of the registry is asked meanwhile, in this process."""
    recorder = Recorder(RECLAIMS[policy], [])
    RECLAIMS[policy] = recorder
    try:
        yield recorder.problems
    finally:
        RECLAIMS[policy] = recorder.policy


@dataclass(frozen=True, slots=True)
class Trial:
    """What each policy does on one problem; `jobs` are those that could be preempted.

    `shared` counts the servers that greedy and exact both choose.
    """

    asked: int
    jobs: int
    preempted: Mapping[str, int]
    seconds: Mapping[str, float]
    shared: int
    is_proven: bool


def tried(reclaim: Reclaim, elapsed: Timer) -> Trial:
    """Let every policy solve the same problem."""
    answers: dict[str, Selection] = {}
    seconds: dict[str, float] = {}
    for name, policy in RECLAIMS.items():
        since = elapsed()
        answers[name] = policy(reclaim)
        seconds[name] = elapsed() - since
    return Trial(
        reclaim.count,
        len(reclaim.jobs),
        {name: preempted(reclaim, answer.servers) for name, answer in answers.items()},
        seconds,
        len(set(answers["greedy"].servers) & set(answers["exact"].servers)),
        not answers["exact"].fell_back,
    )


def preempted(reclaim: Reclaim, servers: Iterable[str]) -> int:
    """How many jobs emptying the servers preempts."""
    return len({job for server in servers for job in reclaim.jobs_on[server]})


def asking(problems: Iterable[Reclaim], servers: int) -> list[Reclaim]:
    """The same states with so many servers asked back, where as many host base workers."""
    return [replace(p, count=servers) for p in problems if len(p.jobs_on) >= servers]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Greedy beside exact over some trials; those that exact did not prove are left out.

    `more` is by how much greedy's preemptions exceed exact's in sum, `shared` the mean share of
    exact's servers that greedy chooses, too, `slower` how many times as long exact takes (median).
    """

    trials: int
    unproven: int
    same: float
    more: float
    shared: float
    slower: float


def verdict(trials: Sequence[Trial]) -> Verdict | None:
    """How far greedy is from exact; None where nothing is proven."""
    proven = [trial for trial in trials if trial.is_proven]
    if not proven:
        return None
    greedy, exact = ([t.preempted[name] for t in proven] for name in ("greedy", "exact"))
    return Verdict(
        trials=len(proven),
        unproven=len(trials) - len(proven),
        same=fmean(a == b for a, b in zip(greedy, exact, strict=True)),
        more=sum(greedy) / max(1, sum(exact)) - 1.0,
        shared=fmean(t.shared / t.asked for t in proven),
        slower=median(t.seconds["exact"] / max(t.seconds["greedy"], 1e-9) for t in proven),
    )
