"""Which jobs a scenario makes elastic and fungible."""

import random
from dataclasses import replace

import pytest

from aryl.model.errors import BadInput
from aryl.model.job import JobSpec
from aryl.policy.config import EstimateError
from simulator.scenarios.drawing import drawn, shares_of
from simulator.scenarios.estimates import with_wrong_estimates
from simulator.scenarios.named import scenario_named
from simulator.scenarios.workload import Workload
from tests.builders import make_spec

NO_COLUMNS: frozenset[str] = frozenset()
BASIC = Workload()


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


@pytest.mark.parametrize(
    ("name", "columns", "scenario"),
    [
        pytest.param(None, [], "basic", id="nothing shaped"),
        pytest.param(None, ["user", "checkpoint_s"], "basic", id="nothing that shapes"),
        pytest.param(None, ["fungible"], "as-is", id="fungible"),
        pytest.param(None, ["heterogeneous"], "as-is", id="heterogeneous"),
        pytest.param(None, ["min_workers"], "as-is", id="least workers"),
        pytest.param(None, ["max_workers"], "as-is", id="most workers"),
        pytest.param("basic", ["fungible"], "basic", id="asked for"),
    ],
)
def test_the_scenario_follows_from_the_columns_unless_asked_for(
    name: str | None, columns: list[str], scenario: str
) -> None:
    assert scenario_named(name, frozenset(columns)) == scenario


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(BadInput, match="'best' is no scenario; expected basic, .*, as-is"):
        scenario_named("best", NO_COLUMNS)


def test_as_is_leaves_every_job_alone() -> None:
    assert drawn(jobs(50), None, NO_COLUMNS, seed=1) == jobs(50)


def test_no_jobs_are_no_trouble() -> None:
    assert drawn([], BASIC, NO_COLUMNS, seed=1) == []
    assert shares_of([]) == shares_of([make_spec(carry_in=True)])


@pytest.mark.parametrize("seed", range(4))
def test_basic_reaches_the_paper_s_shares(seed: int) -> None:
    shares = shares_of(drawn(jobs(4_000, carry_in=200), BASIC, NO_COLUMNS, seed))

    assert shares.elastic_gpu_time == pytest.approx(0.36, abs=0.01)
    assert shares.elastic_jobs == pytest.approx(0.05, abs=0.002)
    assert shares.fungible_jobs == pytest.approx(0.21, abs=0.0003)


def test_gpu_time_wins_where_both_shares_can_t_be_had() -> None:
    alike = [make_spec(f"job-{n:03d}", num_gpus=4, duration_s=100.0) for n in range(400)]

    shares = shares_of(drawn(alike, BASIC, NO_COLUMNS, seed=1))

    assert shares.elastic_gpu_time == pytest.approx(0.36, abs=0.005)
    assert shares.elastic_jobs == pytest.approx(0.36, abs=0.005)


def test_elastic_jobs_have_several_gpus_and_twice_the_range() -> None:
    before = {job.job_id: job for job in jobs(1_000)}
    shaped = drawn(list(before.values()), BASIC, NO_COLUMNS, seed=2)
    elastic = [job for job in shaped if job.is_elastic]

    assert elastic
    for job in elastic:
        assert job.num_gpus > 1
        assert job.max_workers == 2 * job.requested_workers
        assert job.min_workers == before[job.job_id].min_workers


def test_only_the_columns_that_the_trace_lacks_are_drawn() -> None:
    given = [replace(job, fungible=True) for job in jobs(300)]

    shaped = drawn(given, BASIC, frozenset({"fungible"}), seed=3)
    assert all(job.fungible for job in shaped)
    assert any(job.is_elastic for job in shaped)

    shaped = drawn(jobs(300), BASIC, frozenset({"max_workers"}), seed=3)
    assert not any(job.is_elastic for job in shaped)
    assert any(job.fungible for job in shaped)


def test_a_column_s_draw_does_not_shift_another_s() -> None:
    both = drawn(jobs(300), BASIC, NO_COLUMNS, seed=3)
    fungible = drawn(jobs(300), BASIC, frozenset({"max_workers"}), seed=3)
    elastic = drawn(jobs(300), BASIC, frozenset({"fungible"}), seed=3)

    assert [job.fungible for job in both] == [job.fungible for job in fungible]
    assert [job.max_workers for job in both] == [job.max_workers for job in elastic]


def test_the_seed_alone_decides() -> None:
    once = drawn(jobs(300), BASIC, NO_COLUMNS, seed=1)

    assert drawn(jobs(300), BASIC, NO_COLUMNS, seed=1) == once
    assert drawn(jobs(300), BASIC, NO_COLUMNS, seed=2) != once


def test_shares_leave_carried_in_jobs_out() -> None:
    counted = make_spec("counted", num_gpus=4, duration_s=100.0, fungible=True)
    carried = make_spec(
        "carried", num_gpus=8, min_workers=2, duration_s=1e6, carry_in=True, max_workers=9
    )

    shares = shares_of([counted, carried])

    assert (shares.elastic_jobs, shares.elastic_gpu_time, shares.fungible_jobs) == (0, 0, 1)


@pytest.mark.parametrize(("share", "most"), [(0.0, 0.25), (0.3, 0.0)])
def test_no_estimate_is_wrong_without_both_a_share_and_a_size(share: float, most: float) -> None:
    assert with_wrong_estimates(jobs(50), EstimateError(share, most), seed=1) == jobs(50)


def test_a_share_of_the_estimates_is_wrong_by_up_to_the_most_in_either_direction() -> None:
    wrong = with_wrong_estimates(jobs(2_000), EstimateError(0.3, 0.25), seed=1)
    factors = [
        after.estimated_duration_s / before.duration_s
        for before, after in zip(jobs(2_000), wrong, strict=True)
    ]
    missed = [factor for factor in factors if factor != 1.0]

    assert len(missed) == pytest.approx(600, abs=60)
    assert 0.75 <= min(missed) < 0.77
    assert 1.23 < max(missed) <= 1.25
    assert [job.duration_s for job in wrong] == [job.duration_s for job in jobs(2_000)]
