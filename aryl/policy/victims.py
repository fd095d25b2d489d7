"""Which on-loan servers with base workers go back: the reclaim policies (paper §3).

Each policy answers with servers to empty, in order. All jobs with base workers on them are
preempted, everywhere they run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heapify, heappop, heappush

from aryl.policy.union import least_union


@dataclass(frozen=True, slots=True)
class Victim:
    """A job that may be preempted: its GPUs by server, and what its preemption costs."""

    gpus_on: Mapping[str, int]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Reclaim:
    """`count` of the servers are to be emptied; `jobs_on` names the jobs on each, sorted.

    `seed` and `now` feed the random policy; `nodes` limits the solver.
    """

    jobs_on: Mapping[str, tuple[str, ...]]
    jobs: Mapping[str, Victim]
    count: int
    seed: int = 0
    now: float = 0.0
    nodes: int = 10_000


@dataclass(frozen=True, slots=True)
class Selection:
    """The servers to empty, and whether the policy itself found them."""

    servers: tuple[str, ...]
    fell_back: bool = False


ReclaimPolicy = Callable[[Reclaim], Selection]


def greedy(reclaim: Reclaim) -> Selection:
    """Cheapest server first by the paper's server preemption cost; costs follow each pick.

    The cost is the sum over a server's jobs of 1 / (servers that host the job). Ties go to the
    server with the least collateral damage: GPUs vacated beyond those of the servers that can then
    be returned (paper §3.3-3.5).

    A heap keeps the servers by cost and a floor of their collateral damage, which is told in full
    only for a server that comes to the top. A pick raises collateral damage, since fewer servers
    can still be returned; it lowers it only near the pick, where floors start again from 0.
    """
    left = {server: set(jobs) for server, jobs in reclaim.jobs_on.items()}
    floors = {server: (_cost(reclaim, jobs), 0) for server, jobs in left.items()}
    heap = [(*floor, server) for server, floor in floors.items()]
    heapify(heap)
    chosen: list[str] = []
    while len(chosen) < reclaim.count:
        cost, floor, server = heappop(heap)
        if floors.get(server) != (cost, floor):
            continue  # out of date
        collateral = _collateral(reclaim, left, server, reclaim.count - len(chosen))
        if collateral > floor:
            floors[server] = (cost, collateral)
            heappush(heap, (cost, collateral, server))
            continue
        chosen.append(server)
        del floors[server]
        for near in sorted(_emptied(reclaim, left, server)):
            floors[near] = (_cost(reclaim, left[near]), 0)
            heappush(heap, (*floors[near], near))
    return Selection(tuple(chosen))


def _emptied(reclaim: Reclaim, left: dict[str, set[str]], pick: str) -> set[str]:
    """Take a server and its jobs out of `left`; the servers whose cost or collateral may fall.

    They hosted one of those jobs, or share a job with a server that did.
    """
    preempted = left.pop(pick)
    hosts = {host for name in preempted for host in reclaim.jobs[name].gpus_on if host in left}
    for host in hosts:
        left[host] -= preempted
    sharing = {name for host in hosts for name in left[host]}
    return hosts | {host for name in sharing for host in reclaim.jobs[name].gpus_on if host in left}


def _cost(reclaim: Reclaim, jobs: set[str]) -> float:
    """The server preemption cost; rounded, so that costs that are equal compare equal."""
    return round(sum(sorted(1.0 / len(reclaim.jobs[name].gpus_on) for name in jobs)), 12)


def _collateral(reclaim: Reclaim, left: Mapping[str, set[str]], pick: str, wanted: int) -> int:
    """GPUs vacated on servers that are not returned, if `pick` is emptied next."""
    vacated: dict[str, int] = {}
    for name in left[pick]:
        for server, gpus in reclaim.jobs[name].gpus_on.items():
            vacated[server] = vacated.get(server, 0) + gpus
    vacated.pop(pick, None)
    emptied = sorted(
        (gpus for server, gpus in vacated.items() if server in left and left[server] <= left[pick]),
        reverse=True,
    )
    return sum(vacated.values()) - sum(emptied[: wanted - 1])


def exact(reclaim: Reclaim) -> Selection:
    """The servers with the least total weight of jobs to preempt (minimum k-union).

    Falls back to `greedy` where the solver reaches its limit first.
    """
    servers, names = sorted(reclaim.jobs_on), sorted(reclaim.jobs)
    position = {name: place for place, name in enumerate(names)}
    chosen = least_union(
        [[position[name] for name in reclaim.jobs_on[server]] for server in servers],
        [reclaim.jobs[name].weight for name in names],
        reclaim.count,
        reclaim.nodes,
    )
    if chosen is None:
        return Selection(greedy(reclaim).servers, fell_back=True)
    return Selection(tuple(servers[place] for place in chosen))


def fewest_jobs(reclaim: Reclaim) -> Selection:
    """SCF: the servers that host the fewest jobs (paper §3.7)."""
    ranked = sorted(reclaim.jobs_on, key=lambda server: (len(reclaim.jobs_on[server]), server))
    return _in_turn(reclaim, ranked)


def at_random(reclaim: Reclaim) -> Selection:
    """Any servers: ranked by a hash of seed, time and name, so that a replay repeats itself."""

    def rank(server: str) -> bytes:
        text = f"{reclaim.seed}/{reclaim.now!r}/{server}"
        return blake2b(text.encode(), digest_size=8).digest()

    return _in_turn(reclaim, sorted(reclaim.jobs_on, key=rank))


def _in_turn(reclaim: Reclaim, ranked: Sequence[str]) -> Selection:
    """Servers as ranked, but whatever empties on the way before any other."""
    left = {server: set(reclaim.jobs_on[server]) for server in ranked}
    chosen: list[str] = []
    for server in ranked:
        if server not in left or len(chosen) >= reclaim.count:
            continue
        preempted = left[server].copy()
        for jobs in left.values():
            jobs.difference_update(preempted)
        emptied = [name for name in left if not left[name]]
        chosen += [server, *(name for name in emptied if name != server)]
        for name in emptied:
            del left[name]
    return Selection(tuple(chosen[: reclaim.count]))


RECLAIMS: dict[str, ReclaimPolicy] = {
    "greedy": greedy,
    "exact": exact,
    "scf": fewest_jobs,
    "random": at_random,
}
