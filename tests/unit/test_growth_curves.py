"""What speed-up models do to the sizes that schemes choose (docs/policy.md, "Speed-up models")."""

import pytest

from aryl.policy import sharing
from aryl.policy.registry import load_policy
from aryl.policy.rules import rules_of
from tests.builders import base, make_cluster, make_job
from tests.growing import added, elastic, grown

SCALING = ("aryl-scaling", "gandiva", "afs", "pollux")
RING = "comm=0.3:4e8:1e10"  # 0.3 s of compute on one worker, 0.08 s to exchange everything
SLOW_RING = "comm=0.3:4e8:2e9"  # 0.4 s to exchange: one worker alone is fastest

Sizes = tuple[int, ...]


def sizes(scheme: str, speedup: str, requested: Sizes, durations_s: Sizes, spare: int) -> Sizes:
    """Workers after one decision, of jobs that may grow to 16, where so many GPUs are spare."""
    cluster = make_cluster([sum(requested) + spare])
    jobs = [
        elastic(cluster, f"job-{n}", base(1, workers), max_workers=16, duration_s=duration_s)
        for n, (workers, duration_s) in enumerate(zip(requested, durations_s, strict=True))
    ]
    gains = added(grown(cluster, *jobs, scheme=scheme, speedup=speedup))
    return tuple(workers + gains.get(f"job-{n}", 0) for n, workers in enumerate(requested))


@pytest.mark.parametrize(
    ("scheme", "linear", "ring"),
    [
        ("aryl-scaling", (16, 9, 5), (16, 9, 5)),
        ("afs", (2, 12, 16), (10, 10, 10)),
        ("pollux", (10, 10, 10), (10, 10, 10)),
    ],
)
def test_a_ring_spreads_what_afs_gives_and_leaves_the_others_choices(
    scheme: str, linear: Sizes, ring: Sizes
) -> None:
    alike, durations_s = (2, 2, 2), (16_000, 4_000, 1_000)

    assert sizes(scheme, "linear", alike, durations_s, spare=24) == linear
    assert sizes(scheme, RING, alike, durations_s, spare=24) == ring


@pytest.mark.parametrize(
    ("speedup", "knapsack", "afs", "pollux"),
    [
        pytest.param("linear", (12, 6), (16, 2), (8, 10), id="linear"),
        pytest.param("loss=0.2", (10, 8), (10, 8), (8, 10), id="loss"),
        pytest.param(RING, (10, 8), (11, 7), (8, 10), id="a ring: a wide job gains less"),
        pytest.param(f"{RING}:0.1", (12, 6), (11, 7), (8, 10), id="compressed to a tenth"),
        pytest.param(f"{RING}:1:0.9", (12, 6), (11, 7), (8, 10), id="nine tenths hidden"),
        pytest.param(SLOW_RING, (8, 2), (8, 2), (8, 2), id="a slow ring"),
    ],
)
def test_where_workers_exchange_gpus_turn_to_jobs_that_asked_for_few(
    speedup: str, knapsack: Sizes, afs: Sizes, pollux: Sizes
) -> None:
    chosen = {
        scheme: sizes(scheme, speedup, (8, 2), (4_000, 4_000), spare=8)
        for scheme in ("aryl-scaling", "afs", "pollux")
    }

    assert chosen == {"aryl-scaling": knapsack, "afs": afs, "pollux": pollux}


@pytest.mark.parametrize("scheme", SCALING)
def test_nobody_grows_where_exchanging_takes_longer_than_computing(scheme: str) -> None:
    def grown_to(speedup: str) -> Sizes:
        return sizes(scheme, speedup, (2, 2), (5_000, 5_000), spare=8)

    assert grown_to(SLOW_RING) == (2, 2)
    assert sum(grown_to(f"{SLOW_RING}:0.1")) == 12


@pytest.mark.parametrize("scheme", SCALING)
def test_a_peak_is_not_passed_and_a_dip_is_not_entered(scheme: str) -> None:
    def grown_to(speedup: str, spare: int) -> Sizes:
        return sizes(scheme, speedup, (2,), (5_000,), spare)

    peak, dip = "table=2:2,6:4,7:3.9,16:3", "table=2:2,3:1.5,4:1.5,5:4,6:4"
    assert grown_to(peak, spare=14) == (6,)
    assert grown_to(dip, spare=2) == (2,)
    assert grown_to(dip, spare=14) == (5,)


@pytest.mark.parametrize(
    ("gpus", "speedup", "gains"),
    [
        pytest.param([9, 5], "table=1:1,2:2,3:1.5,4:4", {"threes": 1}, id="none pays"),
        pytest.param(
            [9, 6, 1], "table=1:1,2:2,3:2.5,4:2.2,5:4", {"threes": 1, "twos": 1}, id="the best pays"
        ),
    ],
)
@pytest.mark.parametrize("rounds", [1, 3])
def test_a_growth_that_cannot_be_placed_falls_to_the_fastest_size_that_can(
    rounds: int,
    gpus: list[int],
    speedup: str,
    gains: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "ROUNDS", rounds)
    cluster = make_cluster(gpus)
    threes = elastic(
        cluster, "threes", base(1, 1), gpus_per_worker=3, num_gpus=3, max_workers=2, duration_s=9e3
    )
    twos = elastic(
        cluster, "twos", base(2, 2), gpus_per_worker=2, num_gpus=4, max_workers=5, duration_s=9e3
    )

    # beside a worker of 3 GPUs, fewer of 2 fit than the GPUs that are left would make
    assert added(grown(cluster, threes, twos, speedup=speedup)) == gains


def test_a_job_is_as_short_as_its_fastest_size_makes_it() -> None:
    rigid = make_job("rigid", workers=2, duration_s=110.0)
    elastic_job = make_job("elastic", min_workers=2, max_workers=16, duration_s=100.0)

    def first(speedup: str) -> str:
        rank = rules_of(load_policy({"speedup": speedup})).rank
        return min(rigid, elastic_job, key=rank).id

    # on the slow ring, 16 workers would take 112 s, and nobody will give it so many
    assert first(SLOW_RING) == "elastic"
    assert first("linear") == "elastic"
