"""The paper's worked examples: Tables 2 to 4 and Figure 6 replayed, Figure 5 with Table 1."""

import csv
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import pytest

from aryl.policy import sharing, victims
from aryl.policy.knapsack import Choice, Group, solve
from aryl.policy.victims import RECLAIMS, Reclaim, ReclaimPolicy, Victim, exact, greedy
from simulator.request import RunRequest
from simulator.run import run_request

POLICY = "[policy]\ncycle_s = 0\n"
CLUSTER = """
[pools.training]
servers = 1
gpus_per_server = {gpus}
gpu_type = "V100"
[pools.inference]
servers = 0
gpus_per_server = 8
gpu_type = "T4"
[gpu_types.T4]
workers_per_training_worker = 3
"""
HEAD = "job_id,num_gpus,duration_s,gpus_per_worker,min_workers,max_workers,allowed_workers,submit_s"

# The paper gives the least run time T, at the most workers: the work is most x T worker-seconds.
# "as given" leaves a job one size for the start; if it may grow, that is once the other has ended.
TABLE_3 = {"A": "6,50,1,2,6,,0", "B": "6,20,1,2,6,,0"}
TABLE_4 = {"A": "3,100,1,2,3,,0", "B": "6,20,1,2,6,,0"}
GIVEN: dict[str, tuple[dict[str, str], dict[str, list[int]], dict[str, float]]] = {
    "Table 3, 6 and 2 workers": (
        {"A": "6,50,1,6,6,,0", "B": "2,60,1,2,6,2|6,0"},
        {"A": [6], "B": [2, 6]},
        {"A": 50, "B": 53 + 1 / 3},
    ),
    "Table 3, 2 and 6 workers": (
        {"A": "2,150,1,2,6,2|6,0", "B": "6,20,1,6,6,,0"},
        {"A": [2, 6], "B": [6]},
        {"A": 63 + 1 / 3, "B": 20},
    ),
    "Table 3, 4 and 4 workers": (
        {"A": "4,75,1,4,6,4|6,0", "B": "4,30,1,4,6,4|6,0"},
        {"A": [4, 6], "B": [4]},
        {"A": 60, "B": 30},
    ),
    "Table 4, favouring A": (
        {"A": "3,100,1,3,3,,0", "B": "5,24,1,5,6,5|6,0"},
        {"A": [3], "B": [5]},
        {"A": 100, "B": 24},
    ),
    "Table 4, favouring B": (
        {"A": "2,150,1,2,3,2|3,0", "B": "6,20,1,6,6,,0"},
        {"A": [2, 3], "B": [6]},
        {"A": 106 + 2 / 3, "B": 20},
    ),
}
CHOSEN = {
    "Table 3": (TABLE_3, {"A": [5, 6], "B": [3]}, {"A": 56 + 2 / 3, "B": 40}),
    "Table 4": (TABLE_4, {"A": [3], "B": [5]}, {"A": 100, "B": 24}),
}


def _replay(jobs: Mapping[str, str], folder: Path, *, gpus: int = 8) -> Path:
    trace, cluster, policy = (folder / n for n in ("trace.csv", "cluster.toml", "policy.toml"))
    lines = [HEAD, *(f"{name},{cells}" for name, cells in jobs.items())]
    trace.write_text("\n".join(lines) + "\n", encoding="utf-8")
    cluster.write_text(CLUSTER.format(gpus=gpus), encoding="utf-8")
    policy.write_text(POLICY, encoding="utf-8")
    request = RunRequest(trace, cluster=str(cluster), policy=policy, scheme="aryl-scaling")
    run_request(request, folder / "run")
    return folder / "run"


def _jct_s(run_dir: Path) -> dict[str, float]:
    with (run_dir / "jobs.csv").open(newline="", encoding="utf-8") as file:
        return {row["job_id"]: float(row["jct_s"]) for row in csv.DictReader(file)}


def _sizes(run_dir: Path) -> dict[str, list[int]]:
    """The workers that each job holds over time."""
    with (run_dir / "allocations.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["start_s"] != row["end_s"]]
    sizes: dict[str, list[int]] = {}
    for name in sorted({row["job_id"] for row in rows}):
        own = [row for row in rows if row["job_id"] == name]
        sizes[name] = [
            sum(
                int(row["workers"])
                for row in own
                if float(row["start_s"]) <= start_s < float(row["end_s"])
            )
            for start_s in sorted({float(row["start_s"]) for row in own})
        ]
    return sizes


@pytest.mark.parametrize("example", GIVEN)
def test_a_given_allocation_takes_the_papers_time(example: str, tmp_path: Path) -> None:
    jobs, sizes, jct_s = GIVEN[example]

    run_dir = _replay(jobs, tmp_path)

    assert _sizes(run_dir) == sizes
    assert _jct_s(run_dir) == pytest.approx(jct_s, abs=1e-9)


@pytest.mark.parametrize("example", CHOSEN)
def test_the_knapsack_chooses_the_sizes_that_save_most_time(example: str, tmp_path: Path) -> None:
    jobs, sizes, jct_s = CHOSEN[example]

    run_dir = _replay(jobs, tmp_path)

    assert _sizes(run_dir) == sizes
    assert _jct_s(run_dir) == pytest.approx(jct_s, abs=1e-9)


def test_shortest_first_is_not_best_on_table_4(tmp_path: Path) -> None:
    chosen, by_length = tmp_path / "chosen", tmp_path / "by_length"
    for folder in (chosen, by_length):
        folder.mkdir()

    best = mean(_jct_s(_replay(TABLE_4, chosen)).values())
    shortest_first = mean(_jct_s(_replay(GIVEN["Table 4, favouring B"][0], by_length)).values())

    assert best == pytest.approx(62)
    assert shortest_first == pytest.approx(63 + 1 / 3)


def test_figure_6_offers_these_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[list[Group]] = []

    def noting(groups: list[Group], capacity: int, *, nodes: int) -> Choice:
        offered.append(groups)
        return solve(groups, capacity, nodes=nodes)

    monkeypatch.setattr(sharing, "solve", noting)
    two_gpus_a_worker = "6,100,2,2,3,,0"

    _replay({"A": two_gpus_a_worker, "B": TABLE_4["B"]}, tmp_path, gpus=16)

    job_a, job_b = offered[0]
    assert (job_a.weights, job_b.weights) == ((2,), (1, 2, 3, 4))
    assert job_a.values == pytest.approx((50,))
    assert job_b.values == pytest.approx((20, 30, 36, 40))


# Figure 5: GPUs by job and server
FIGURE_5 = {
    "a": {"server-1": 6, "server-2": 6},
    "b": {"server-3": 8},
    "c": {"server-4": 8, "server-5": 2},
    "d": {"server-5": 2, "server-6": 8},
}


def _figure_5(count: int) -> Reclaim:
    servers = sorted({server for gpus_on in FIGURE_5.values() for server in gpus_on})
    jobs_on = {
        server: tuple(name for name, gpus_on in FIGURE_5.items() if server in gpus_on)
        for server in servers
    }
    jobs = {name: Victim(gpus_on) for name, gpus_on in FIGURE_5.items()}
    return Reclaim(jobs_on, jobs, count)


@pytest.mark.parametrize("policy", [greedy, exact], ids=["greedy", "exact"])
def test_figure_5_returns_servers_1_and_2_with_one_preemption(
    policy: ReclaimPolicy,
) -> None:
    reclaim = _figure_5(2)

    chosen = policy(reclaim).servers

    assert sorted(chosen) == ["server-1", "server-2"]
    assert {name for server in chosen for name in reclaim.jobs_on[server]} == {"a"}


@pytest.mark.parametrize(("count", "preempted"), [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (6, 4)])
@pytest.mark.parametrize("name", ["greedy", "exact"])
def test_figure_5_preempts_the_fewest_jobs_whatever_is_asked_back(
    name: str, count: int, preempted: int
) -> None:
    reclaim = _figure_5(count)

    chosen = RECLAIMS[name](reclaim).servers

    assert len(chosen) == count
    assert len({job for server in chosen for job in reclaim.jobs_on[server]}) == preempted


@pytest.mark.parametrize(
    ("server", "cost"),
    [(1, 0.5), (2, 0.5), (3, 1.0), (4, 0.5), (5, 1.0), (6, 0.5)],
)
def test_table_1_costs_servers_so(server: int, cost: float) -> None:
    reclaim = _figure_5(2)

    assert victims._cost(reclaim, {*reclaim.jobs_on[f"server-{server}"]}) == cost
