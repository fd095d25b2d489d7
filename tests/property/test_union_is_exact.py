"""Exact reclaim against every choice there is."""

import math
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aryl.policy.union import least_union

WEIGHTS = st.one_of(
    st.just(1.0),
    st.integers(0, 5).map(float),
    st.floats(1e-3, 1e7),
)


@st.composite
def reclaims(draw: st.DrawFn) -> tuple[list[list[int]], list[float], int]:
    """Up to ten servers, their jobs, what these weigh, and how many servers are to be emptied."""
    weights = draw(st.lists(WEIGHTS, min_size=1, max_size=9))
    jobs = st.lists(st.integers(0, len(weights) - 1), max_size=4, unique=True)
    kinds = draw(st.lists(jobs, min_size=1, max_size=8))
    servers = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=10))
    return servers, weights, draw(st.integers(0, len(servers)))


def cost(
    servers: Sequence[Sequence[int]], weights: Sequence[float], chosen: Sequence[int]
) -> float:
    preempted = sorted({job for server in chosen for job in servers[server]})
    return math.fsum(weights[job] for job in preempted)


@settings(max_examples=150, deadline=None)
@given(reclaims())
def test_no_servers_go_back_at_less_cost_than_the_answer(
    reclaim: tuple[list[list[int]], list[float], int],
) -> None:
    servers, weights, count = reclaim
    least = min(cost(servers, weights, c) for c in combinations(range(len(servers)), count))

    chosen = least_union(servers, weights, count, nodes=10_000)

    assert chosen is not None
    assert list(chosen) == sorted(set(chosen))
    assert len(chosen) == count
    assert all(0 <= server < len(servers) for server in chosen)
    # SCIP tells apart what differs by a billionth of the heaviest job or more
    tolerance = 1e-9 * max(weights)
    assert cost(servers, weights, chosen) == pytest.approx(least, rel=1e-9, abs=tolerance)
