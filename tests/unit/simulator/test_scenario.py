"""Which jobs a workload makes elastic, fungible, heterogeneous, and writers of checkpoints."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from aryl.model.job import JobSpec
from simulator.scenarios.drawing import Shares, drawn, shares_of
from simulator.scenarios.named import SCENARIOS, workload_of
from simulator.scenarios.workload import Workload
from tests.builders import make_spec
from traces.specs import job_specs
from traces.synthetic import generate

NO_COLUMNS: frozenset[str] = frozenset()
BASIC = Workload()
SHARE_OF_COLUMN = {
    "max_workers": "elastic_jobs",
    "fungible": "fungible_jobs",
    "heterogeneous": "heterogeneous_jobs",
    "checkpoint_s": "checkpoint_jobs",
}
ALL_SORTS = replace(BASIC, heterogeneous_jobs=0.3, checkpoint_jobs=0.4)


def jobs(count: int, *, carry_in: int = 0, seed: int = 5) -> list[JobSpec]:
    """Jobs of 1 to 16 GPUs with heavy-tailed run times; the first few are carried in."""
    chance = random.Random(seed)
    return [
        make_spec(
            f"job-{number:04d}",
            num_gpus=chance.choice([1, 1, 2, 4, 8, 16]),
            duration_s=chance.lognormvariate(7, 1.8),
            carry_in=number < carry_in,
        )
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def paper_jobs() -> list[JobSpec]:
    """The generated trace at the paper's size."""
    return job_specs(generate(seed=0), 8)


def shaped(before: list[JobSpec], scenario: str, seed: int = 0, **overrides: float) -> Shares:
    workload = workload_of(scenario, NO_COLUMNS, overrides)
    return shares_of(drawn(before, workload, NO_COLUMNS, seed))


@pytest.mark.parametrize(
    ("scenario", "elastic", "gpu_time", "fungible", "heterogeneous"),
    [
        ("basic", 0.05, 0.36, 0.21, 0.0),
        ("advanced", 0.05, 0.36, 0.21, 0.1),
        ("heterogeneous", 0.05, 0.36, 0.0, 0.1),
        ("ideal", 1.0, 1.0, 0.21, 1.0),
        ("as-is", 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_scenarios_reach_the_papers_shares_on_a_trace_like_the_papers(
    paper_jobs: list[JobSpec],
    scenario: str,
    elastic: float,
    gpu_time: float,
    fungible: float,
    heterogeneous: float,
) -> None:
    shares = shaped(paper_jobs, scenario)

    assert shares.elastic_jobs == pytest.approx(elastic, abs=0.0001)
    assert shares.elastic_gpu_time == pytest.approx(gpu_time, abs=0.0005)
    assert shares.fungible_jobs == pytest.approx(fungible, abs=1e-5)
    assert shares.heterogeneous_jobs == pytest.approx(heterogeneous, abs=1e-5)
    assert shares.checkpoint_jobs == 0


@pytest.mark.parametrize("seed", range(4))
def test_basic_reaches_the_papers_shares_beside_carried_in_jobs(seed: int) -> None:
    shares = shaped(jobs(4_000, carry_in=200), "basic", seed)

    assert shares.elastic_gpu_time == pytest.approx(0.36, abs=0.01)
    assert shares.elastic_jobs == pytest.approx(0.05, abs=0.002)
    assert shares.fungible_jobs == pytest.approx(0.21, abs=0.0003)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_smallest_trace_is_no_trouble(scenario: str) -> None:
    carried = [make_spec(carry_in=True)]
    workload = workload_of(scenario, NO_COLUMNS)

    assert drawn([], workload, NO_COLUMNS, seed=1) == []
    assert len(drawn([make_spec()], workload, NO_COLUMNS, seed=1)) == 1
    assert shaped(carried, scenario) == shares_of([]) == Shares(0, 0, 0, 0, 0)


def test_as_is_leaves_every_job_alone() -> None:
    assert drawn(jobs(50), None, NO_COLUMNS, seed=1) == jobs(50)


def test_gpu_time_wins_where_both_shares_can_t_be_had() -> None:
    alike = [make_spec(f"job-{n:03d}", num_gpus=4, duration_s=100.0) for n in range(400)]

    shares = shaped(alike, "basic", 1)

    assert shares.elastic_gpu_time == pytest.approx(0.36, abs=0.005)
    assert shares.elastic_jobs == pytest.approx(0.36, abs=0.005)


def test_the_mix_of_elastic_jobs_has_several_gpus() -> None:
    elastic = [job for job in drawn(jobs(1_000), BASIC, NO_COLUMNS, seed=2) if job.is_elastic]

    assert elastic
    assert min(job.num_gpus for job in elastic) > 1


@pytest.mark.parametrize(
    ("scenario", "multiple"), [("basic", 1.5), ("basic", 2), ("basic", 4), ("ideal", 2)]
)
def test_elastic_jobs_grow_from_their_requested_size(scenario: str, multiple: float) -> None:
    before = {job.job_id: job for job in jobs(1_000)}
    workload = workload_of(scenario, NO_COLUMNS, {"range": multiple})
    after = drawn(list(before.values()), workload, NO_COLUMNS, seed=2)
    elastic = [job for job in after if job.is_elastic]

    assert elastic
    for job in elastic:
        assert job.max_workers == int(multiple * job.requested_workers)
        assert job.min_workers == before[job.job_id].min_workers == job.requested_workers


def test_an_elastic_job_ends_at_an_allowed_number_of_workers() -> None:
    listed = make_spec("listed", num_gpus=4, gpus_per_worker=1, allowed_workers=(4, 6, 12))
    stuck = make_spec("stuck", num_gpus=4, gpus_per_worker=1, allowed_workers=(4, 12))
    workload = workload_of("ideal", NO_COLUMNS)

    assert [job.max_workers for job in drawn([listed, stuck], workload, NO_COLUMNS, 1)] == [6, 4]


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_any_share_of_jobs_can_be_elastic(share: float) -> None:
    shares = shaped(jobs(2_000, carry_in=50), "basic", elastic_jobs=share)

    assert shares.elastic_jobs == pytest.approx(share, abs=0.001)


@pytest.mark.parametrize("share", [0.03, 0.2, 0.7])
def test_elastic_jobs_beyond_the_mix_are_like_all_others(share: float) -> None:
    shares = shaped(jobs(4_000), "basic", elastic_jobs=share, elastic_gpu_time=0.0)

    assert shares.elastic_jobs == pytest.approx(share, abs=0.001)
    assert shares.elastic_gpu_time == pytest.approx(share, abs=0.06)


def test_no_job_is_elastic_where_none_is_to_be() -> None:
    assert shaped(jobs(500), "basic", elastic_jobs=0.0).elastic_jobs == 0


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("elastic_jobs", "is_elastic"),
        ("fungible_jobs", "fungible"),
        ("heterogeneous_jobs", "heterogeneous"),
        ("checkpoint_jobs", "checkpoint_s"),
    ],
)
def test_a_larger_share_holds_the_jobs_of_a_smaller_one(entry: str, field: str) -> None:
    def chosen(share: float) -> set[str]:
        workload = replace(BASIC, **{entry: share})
        after = drawn(jobs(1_000, carry_in=20), workload, NO_COLUMNS, seed=4)
        return {job.job_id for job in after if getattr(job, field)}

    by_share = [chosen(share) for share in (0.05, 0.1, 0.3, 0.5, 0.9, 1.0)]

    assert len(by_share[-1]) == 1_000
    assert all(fewer < more for fewer, more in pairwise(by_share))


def test_checkpoints_come_at_the_interval_asked_for() -> None:
    workload = replace(BASIC, checkpoint_jobs=0.3, checkpoint_s=600.0)

    after = drawn(jobs(1_000), workload, NO_COLUMNS, seed=4)

    assert [job.checkpoint_s for job in after].count(600.0) == 300
    assert shares_of(after).checkpoint_jobs == 0.3


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_heterogeneous_jobs_are_as_many_at_all_times(share: float, seed: int) -> None:
    workload = replace(BASIC, heterogeneous_jobs=share)
    after = drawn(jobs(2_050), workload, NO_COLUMNS, seed)

    stretches = [after[start : start + 100] for start in range(0, 2_000, 100)]
    counts = [sum(job.heterogeneous for job in stretch) for stretch in stretches]
    assert counts == [round(100 * share)] * 20
    places = [place for place, job in enumerate(after) if job.heterogeneous]
    assert len({after - before for before, after in pairwise(places)}) > 2, (
        "at random, not each nth"
    )


def test_advanced_adds_heterogeneous_jobs_to_basic_and_heterogeneous_takes_fungible_ones() -> None:
    basic, advanced, heterogeneous = (
        drawn(jobs(1_000), workload_of(name, NO_COLUMNS), NO_COLUMNS, seed=3)
        for name in ("basic", "advanced", "heterogeneous")
    )

    assert [replace(job, heterogeneous=False) for job in advanced] == basic
    assert [replace(job, fungible=False) for job in advanced] == heterogeneous


@pytest.mark.parametrize("column", SHARE_OF_COLUMN)
def test_only_the_columns_that_the_trace_lacks_are_drawn(column: str) -> None:
    everything = drawn(jobs(500), ALL_SORTS, NO_COLUMNS, seed=3)
    without = drawn(jobs(500), ALL_SORTS, frozenset({column}), seed=3)

    blank = {job.job_id: getattr(job, column) for job in jobs(500)}
    expected = [replace(job, **{column: blank[job.job_id]}) for job in everything]
    assert without == expected
    assert without != everything


def test_what_the_trace_says_is_kept() -> None:
    own = [
        replace(job, fungible=place % 2 == 0, heterogeneous=place % 3 == 0, checkpoint_s=7.0)
        for place, job in enumerate(jobs(300))
    ]
    columns = frozenset({"fungible", "heterogeneous", "checkpoint_s", "max_workers"})

    assert drawn(own, ALL_SORTS, columns, seed=3) == own


def test_ideal_holds_on_any_trace_and_leaves_a_job_its_own_range() -> None:
    ranged = make_spec("ranged", num_gpus=8, gpus_per_worker=2, min_workers=2, max_workers=5)
    rigid = make_spec("rigid", num_gpus=8, gpus_per_worker=2)
    columns = frozenset({"min_workers", "max_workers", "heterogeneous", "fungible"})

    after = drawn([ranged, rigid], workload_of("ideal", columns), columns, seed=1)

    assert [(job.min_workers, job.max_workers) for job in after] == [(2, 5), (4, 8)]
    assert all(job.heterogeneous and not job.fungible for job in after)


def test_a_share_of_1_leaves_a_job_its_own_checkpoints() -> None:
    own = [make_spec("own", checkpoint_s=7.0), make_spec("none")]
    workload = replace(BASIC, checkpoint_jobs=1.0, checkpoint_s=600.0)

    after = drawn(own, workload, frozenset({"checkpoint_s"}), seed=1)

    assert [job.checkpoint_s for job in after] == [7.0, 600.0]


def test_draws_are_independent_of_each_other(paper_jobs: list[JobSpec]) -> None:
    workload = replace(BASIC, heterogeneous_jobs=0.3, checkpoint_jobs=0.4, elastic_jobs=0.5)
    after = drawn(paper_jobs, workload, NO_COLUMNS, seed=1)

    flags = {
        "fungible": [job.fungible for job in after],
        "heterogeneous": [job.heterogeneous for job in after],
        "checkpoints": [job.checkpoint_s > 0 for job in after],
        "elastic": [job.is_elastic for job in after],
    }
    for one, first in flags.items():
        for other, second in flags.items():
            both = sum(a and b for a, b in zip(first, second, strict=True)) / len(after)
            alone = sum(first) * sum(second) / len(after) ** 2
            assert one == other or both == pytest.approx(alone, abs=0.006)


def test_the_seed_alone_decides() -> None:
    once = drawn(jobs(300), ALL_SORTS, NO_COLUMNS, seed=1)

    assert drawn(jobs(300), ALL_SORTS, NO_COLUMNS, seed=1) == once
    other = drawn(jobs(300), ALL_SORTS, NO_COLUMNS, seed=2)
    for column in SHARE_OF_COLUMN:
        assert [getattr(job, column) for job in other] != [getattr(job, column) for job in once]


def test_shares_leave_carried_in_jobs_out() -> None:
    counted = make_spec("counted", num_gpus=4, duration_s=100.0, fungible=True)
    carried = make_spec(
        "carried",
        num_gpus=8,
        min_workers=2,
        duration_s=1e6,
        carry_in=True,
        max_workers=9,
        heterogeneous=True,
        checkpoint_s=60.0,
    )

    assert shares_of([counted, carried]) == Shares(0, 0, 1, 0, 0)
