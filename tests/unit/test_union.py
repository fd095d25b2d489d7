"""Exact reclaim on cases whose answer is plain."""

import random

import pytest

from aryl.policy.union import least_union

A, B, C, D = range(4)
FIGURE_5 = [[A], [A], [B], [C], [C, D], [D]]


@pytest.mark.parametrize(
    ("count", "servers"),
    [(0, ()), (1, (0,)), (2, (0, 1)), (3, (0, 1, 2)), (5, (0, 1, 3, 4, 5)), (6, tuple(range(6)))],
)
def test_the_servers_of_figure_5_go_back_with_the_fewest_preemptions(
    count: int, servers: tuple[int, ...]
) -> None:
    assert least_union(FIGURE_5, [1.0] * 4, count, nodes=100) == servers


def test_servers_whose_jobs_have_little_to_lose_go_first() -> None:
    assert least_union(FIGURE_5, [900.0, 60.0, 0.5, 61.5], 2, nodes=100) == (2, 3)
    assert least_union(FIGURE_5, [900.0, 60.0, 0.5, 58.5], 2, nodes=100) == (3, 4)


def test_vacant_servers_cost_nothing() -> None:
    assert least_union([[A, B], [], [B], []], [1.0] * 2, 2, nodes=100) == (1, 3)
    assert least_union([[A, B], [], [B], []], [1.0] * 2, 1, nodes=100) == (1,)


@pytest.mark.parametrize("double", range(3))
def test_jobs_that_only_one_server_hosts_count_each(double: int) -> None:
    servers = [[B], [C], [D]]
    servers[double].append(A)
    others = tuple(server for server in range(3) if server != double)

    assert least_union(servers, [1.0] * 4, 2, nodes=100) == others


def test_two_shared_jobs_beat_one_that_only_one_server_hosts() -> None:
    servers = [[A, B], [A, B], [A, B], [C], [D], [4]]

    assert least_union(servers, [1.0] * 5, 3, nodes=100) == (0, 1, 2)


def test_only_as_many_servers_are_chosen_as_asked() -> None:
    assert least_union([[A], [A], [A], [B, C]], [1.0] * 3, 2, nodes=100) == (0, 1)


def test_no_proof_within_the_limit_is_no_answer() -> None:
    rng = random.Random(0)
    servers = [sorted(rng.sample(range(40), 4)) for _ in range(40)]

    assert least_union(servers, [1.0] * 40, 20, nodes=1) is None
    assert least_union(servers, [1.0] * 40, 20, nodes=10_000) is not None


def test_the_order_of_a_server_s_jobs_does_not_matter() -> None:
    rng = random.Random(3)
    servers = [rng.sample(range(30), 3) for _ in range(25)]

    once = least_union(servers, [1.0] * 30, 12, nodes=1_000)

    assert least_union([jobs[::-1] for jobs in servers], [1.0] * 30, 12, nodes=1_000) == once
