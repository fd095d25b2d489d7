"""The reclaim policies on the paper's example and on ties."""

import random
from typing import Any

import pytest

from aryl.policy.victims import RECLAIMS, Reclaim, Victim, _cost, exact, greedy

# Figure 5: GPUs of each job on each server.
FIGURE_5 = {
    "a": {"S1": 6, "S2": 6},
    "b": {"S3": 8},
    "c": {"S4": 8, "S5": 2},
    "d": {"S5": 2, "S6": 8},
}


def problem(gpus_on: dict[str, dict[str, int]], count: int, **changes: Any) -> Reclaim:
    jobs_on: dict[str, list[str]] = {}
    for job, servers in sorted(gpus_on.items()):
        for server in servers:
            jobs_on.setdefault(server, []).append(job)
    jobs = {name: Victim(servers) for name, servers in gpus_on.items()}
    return Reclaim({s: tuple(names) for s, names in jobs_on.items()}, jobs, count, **changes)


def test_server_preemption_costs_are_those_of_table_1() -> None:
    reclaim = problem(FIGURE_5, 1)

    costs = [_cost(reclaim, set(reclaim.jobs_on[f"S{n}"])) for n in range(1, 7)]

    assert costs == [0.5, 0.5, 1.0, 0.5, 1.0, 0.5]


def preempted(reclaim: Reclaim, servers: tuple[str, ...]) -> set[str]:
    return {name for server in servers for name in reclaim.jobs_on[server]}


@pytest.mark.parametrize(
    ("count", "servers", "jobs"),
    [
        # all but S3 and S5 cost 0.5; emptying S4 or S6 vacates 2 GPUs elsewhere, S1 or S2 6 GPUs
        pytest.param(1, "S4", "c", id="one server: 2 GPUs are vacated in vain, not 6"),
        pytest.param(2, "S1 S2", "a", id="the paper's: two servers, one preemption"),
        pytest.param(3, "S1 S2 S4", "a c", id="then half of a job's servers again"),
        pytest.param(4, "S1 S2 S4 S6", "a c d", id="half of a job again, not a whole one"),
    ],
)
def test_greedy_on_figure_5(count: int, servers: str, jobs: str) -> None:
    reclaim = problem(FIGURE_5, count)

    chosen = greedy(reclaim).servers

    assert chosen == tuple(servers.split())
    assert preempted(reclaim, chosen) == set(jobs.split())


def test_costs_follow_each_pick() -> None:
    # x costs 1/3 on each; once it is gone, its other servers are free to return
    reclaim = problem({"x": {"A": 1, "B": 1, "C": 1}, "y": {"D": 8, "E": 8}}, 3)

    assert greedy(reclaim).servers == ("A", "B", "C")


@pytest.mark.parametrize(
    ("gpus_on", "count", "servers"),
    [
        pytest.param(
            {"a": {"S1": 8, "S2": 1}, "b": {"S3": 8, "S4": 4}},
            1,
            ("S1",),
            id="fewer GPUs vacated elsewhere",
        ),
        pytest.param(
            {"a": {"S1": 2, "S2": 6}, "b": {"S3": 2, "S4": 8}}, 1, ("S2",), id="the bigger part"
        ),
        pytest.param(
            {"a": {"S1": 1, "S2": 8}, "b": {"S3": 8, "S4": 8}},
            2,
            ("S1", "S2"),
            id="what is returned next is no damage",
        ),
        pytest.param({"a": {"S2": 8}, "b": {"S1": 8}}, 1, ("S1",), id="the first by name at last"),
        pytest.param(
            {"a": {"S1": 1, "train": 8}, "b": {"S2": 1, "train": 2}},
            1,
            ("S2",),
            id="training servers are never returned",
        ),
        pytest.param(
            {
                "a": {"S1": 1, "S2": 1, "train": 1},
                "b": {"S3": 8, "S4": 8, "train": 2},
                "c": {"S5": 1, "S6": 1, "train": 3},
            },
            3,
            ("S1", "S2", "S5"),
            id="with one server to go, a second that empties is damage",
        ),
        pytest.param(
            {f"a{n}": {"S1": 1} | {f"train{m}": 1 for m in range(5)} for n in range(6)}
            | {"b": {"S2": 8}},
            1,
            ("S2",),
            id="six sixths of a job cost as much as one job",
        ),
    ],
)
def test_ties_go_to_the_least_collateral_damage(
    gpus_on: dict[str, dict[str, int]], count: int, servers: tuple[str, ...]
) -> None:
    reclaim = problem(gpus_on, count)
    lendable = {s: jobs for s, jobs in reclaim.jobs_on.items() if s.startswith("S")}

    chosen = greedy(Reclaim(lendable, reclaim.jobs, count))

    assert tuple(sorted(chosen.servers)) == servers


def test_exact_finds_what_greedy_misses() -> None:
    # greedy is drawn to E, a third of a job; then only whole jobs are left
    gpus_on = {
        "x": {"A": 1, "B": 1, "E": 1},
        "y": {"A": 1, "B": 1},
        "z": {"E": 1, "F": 1, "G": 1},
    }
    reclaim = problem(gpus_on, 2)

    assert len(preempted(reclaim, exact(reclaim).servers)) <= len(
        preempted(reclaim, greedy(reclaim).servers)
    )
    assert preempted(reclaim, exact(reclaim).servers) == {"z"}


def test_exact_weighs_what_a_preemption_loses() -> None:
    weights = {"a": 900.0, "b": 10.0, "c": 20.0, "d": 21.0}
    jobs = {name: Victim(FIGURE_5[name], weight) for name, weight in weights.items()}
    reclaim = Reclaim(problem(FIGURE_5, 2).jobs_on, jobs, 2)

    assert exact(reclaim).servers == ("S3", "S4")


def test_exact_falls_back_to_greedy_where_the_solver_s_limit_strikes() -> None:
    chance = random.Random(0)
    servers = [f"S{n:02d}" for n in range(40)]
    gpus_on = {f"j{n:02d}": dict.fromkeys(chance.sample(servers, 4), 2) for n in range(40)}

    limited = exact(problem(gpus_on, 20, nodes=1))

    assert limited.fell_back
    assert limited.servers == greedy(problem(gpus_on, 20)).servers
    assert not exact(problem(gpus_on, 20)).fell_back


def test_scf_counts_jobs_on_each_server() -> None:
    gpus_on = {"a": {"S1": 1, "S2": 1}, "b": {"S1": 1}, "c": {"S3": 8}, "d": {"S3": 1, "S4": 1}}

    assert RECLAIMS["scf"](problem(gpus_on, 2)).servers == ("S2", "S4")


def test_random_depends_on_seed_and_time_only() -> None:
    gpus_on = {f"j{n}": {f"S{n}": 1} for n in range(20)}
    draws = {
        RECLAIMS["random"](problem(gpus_on, 5, seed=seed, now=now)).servers
        for seed in range(3)
        for now in (0.0, 300.0)
    }

    assert len(draws) == 6
    again = RECLAIMS["random"](problem(gpus_on, 5, seed=1, now=300.0))
    assert again == RECLAIMS["random"](problem(gpus_on, 5, seed=1, now=300.0))
