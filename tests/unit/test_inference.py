"""Inference demand as a replay meets it."""

import numpy as np
import pytest

from aryl.model.demand import BIN_S
from aryl.policy.forecasting import DAY_BINS, MEMORY_BINS
from simulator.inference import InferenceLoad
from traces.demand import DemandSeries


def load_of(*servers: int) -> InferenceLoad:
    return InferenceLoad(DemandSeries(np.array(servers, dtype=np.int64)))


@pytest.mark.parametrize(
    ("t_s", "servers"), [(0, 3), (299.9, 3), (300, 5), (899, 4), (900, 3), (1_200, 5)]
)
def test_demand_is_a_step_function_that_repeats(t_s: float, servers: int) -> None:
    assert load_of(3, 5, 4).demand_at(t_s) == servers


@pytest.mark.parametrize(
    ("now", "known"), [(0, []), (299, []), (300, [3]), (899, [3, 5]), (1_500, [3, 5, 4, 3, 5])]
)
def test_history_holds_the_bins_that_ended(now: float, known: list[int]) -> None:
    history = load_of(3, 5, 4).history_at(now)

    assert list(history.values) == known
    assert history.first_s == 0
    assert list(history.ahead) == []


@pytest.mark.parametrize("bins", [1, 7, DAY_BINS, MEMORY_BINS + 11])
def test_history_is_right_after_any_number_of_repetitions(bins: int) -> None:
    servers = np.random.default_rng(2).integers(0, 99, bins)
    load = load_of(*servers)
    for ended in (0, 1, bins, MEMORY_BINS, MEMORY_BINS + 1, 3 * MEMORY_BINS + 17):
        history = load.history_at(ended * BIN_S + 5)

        first = max(0, ended - MEMORY_BINS)
        assert history.first_s == first * BIN_S
        assert history.end_s == ended * BIN_S
        np.testing.assert_array_equal(history.values, servers[np.arange(first, ended) % bins])


def test_the_oracle_gets_the_bins_from_the_first_unknown_one_to_the_end_of_its_lead() -> None:
    load = load_of(3, 5, 4, 8)

    assert list(load.history_at(300, ahead_s=300).ahead) == [5]
    assert list(load.history_at(310, ahead_s=300).ahead) == [5, 4]
    assert list(load.history_at(0, ahead_s=1_500).ahead) == [3, 5, 4, 8, 3]


def test_the_future_is_given_by_bins() -> None:
    load = load_of(3, 5, 4)

    assert list(load.future(450, 1_000)) == [5, 4, 3]
    assert list(load.future(300, 300)) == []


def test_nobody_can_change_the_demand_that_a_history_shows() -> None:
    history = load_of(3, 5, 4).history_at(900)

    with pytest.raises(ValueError, match="read-only"):
        np.asarray(history.values)[0] = 1
