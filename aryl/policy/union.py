"""Exact reclaim: the servers whose emptying preempts least, as a minimum k-union (paper §3).

Servers that host the same jobs are one class, and jobs on the same classes one job: what is left
is small enough to be solved to proof.
"""

import math
from collections.abc import Mapping, Sequence

from aryl.policy import solver


def least_union(
    jobs_on: Sequence[Sequence[int]], weights: Sequence[float], count: int, nodes: int
) -> tuple[int, ...] | None:
    """Choose `count` servers so that the jobs on any of them weigh least in total (paper §3).

    `jobs_on` holds the places of each server's jobs in `weights`, which are >= 0; a job of weight
    0 is preempted as if it were nothing. The answer is ascending. Of servers that the same
    preemptions empty, the first are chosen. None: the solver's limit of `nodes` struck before the
    proof. Errors: `SolverFailed`.
    """
    assert 0 <= count <= len(jobs_on), "no more than there are"
    assert all(weight >= 0.0 for weight in weights)
    if count == 0:
        return ()
    if count == 1:
        return (_cheapest(jobs_on, weights),)
    alike = _by_key([tuple(sorted(set(jobs))) for jobs in jobs_on])
    classes, costs = _reduced(alike, weights)
    scale = _scale(weights)
    answer = solver.least_union(
        [solver.ServerClass(c.servers, c.shared, c.cost * scale) for c in classes],
        [cost * scale for cost in costs],
        count,
        nodes,
    )
    if answer is None or not answer.proven:
        return None
    members = list(alike.values())
    emptied = sorted(server for place in answer.picks for server in members[place])
    assert len(emptied) >= count, "the solver empties enough servers"
    return tuple(emptied[:count])


def _cheapest(jobs_on: Sequence[Sequence[int]], weights: Sequence[float]) -> int:
    """The one server whose jobs weigh least; paper §3.4 scans for a single server, too."""
    cost = [math.fsum(weights[job] for job in set(jobs)) for jobs in jobs_on]
    return min(range(len(cost)), key=lambda server: (cost[server], server))


def _by_key(keys: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], list[int]]:
    """The places that hold each key, in the order of their first."""
    places: dict[tuple[int, ...], list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return places


def _reduced(
    alike: Mapping[tuple[int, ...], Sequence[int]], weights: Sequence[float]
) -> tuple[list[solver.ServerClass], list[float]]:
    """Classes of servers, and the costs of shared jobs; jobs on the same classes are one."""
    hosts: list[list[int]] = [[] for _ in weights]
    for place, jobs in enumerate(alike):
        for job in jobs:
            hosts[job].append(place)
    shared: list[list[int]] = [[] for _ in alike]
    own = [0.0] * len(alike)
    costs: list[float] = []
    for places, members in _by_key([tuple(found) for found in hosts]).items():
        cost = math.fsum(weights[job] for job in members)
        if len(places) == 1:
            own[places[0]] = cost
        elif places:
            for place in places:
                shared[place].append(len(costs))
            costs.append(cost)
    classes = [
        solver.ServerClass(len(servers), tuple(jobs), cost)
        for servers, jobs, cost in zip(alike.values(), shared, own, strict=True)
    ]
    return classes, costs


def _scale(weights: Sequence[float]) -> float:
    """Whole weights stay whole, which helps the solver; others become parts of 1,000."""
    if all(float(weight).is_integer() for weight in weights):
        return 1.0
    return 1000.0 / max(weights)
