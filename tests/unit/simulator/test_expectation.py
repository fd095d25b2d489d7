"""Expected demand: the known bins as they are, then what their pattern leads one to expect."""

import numpy as np
import pytest

from aryl.model.demand import BIN_S, DemandHistory
from aryl.policy.forecasting import DAY_BINS, MEMORY_BINS, WEEK_BINS, expected
from simulator.expectation import ExpectedLoad

HOURS = np.arange(DAY_BINS) / 12
DAILY = np.round(50 + 30 * np.sin(HOURS / 24 * 2 * np.pi))


def test_while_less_than_two_days_are_known_no_change_is_expected() -> None:
    history = DemandHistory(np.append(DAILY, 7.0))

    assert list(expected(history, 3)) == [7.0, 7.0, 7.0]


def test_where_nothing_is_known_nothing_is_expected() -> None:
    assert len(expected(DemandHistory(()), 5)) == 0


def test_a_day_that_repeats_is_expected_again() -> None:
    ahead = expected(DemandHistory(np.tile(DAILY, 3)), 2 * DAY_BINS)

    assert ahead == pytest.approx(np.tile(DAILY, 2))


def test_a_week_that_repeats_is_expected_again() -> None:
    week = np.concatenate([DAILY * scale for scale in (1, 1, 1, 1, 1, 0.5, 0.5)])
    ahead = expected(DemandHistory(np.tile(week, 2)), WEEK_BINS)

    assert ahead == pytest.approx(week)


def test_a_burst_above_the_pattern_fades_in_some_hours() -> None:
    known = np.tile(DAILY, 3)
    known[-1] += 10.0
    above = expected(DemandHistory(known), DAY_BINS) - DAILY

    assert above[0] == pytest.approx(7.0, abs=0.5)  # the newest bin weighs 0.3 in its own profile
    assert above[0] > above[71] > above[-2] > 0
    assert above[71] / above[0] == pytest.approx(1 / np.e, rel=0.05)


def test_the_load_is_what_is_known_and_then_whole_servers_of_the_pool() -> None:
    history = DemandHistory((3.0, 9.5), first_s=600.0)
    load = ExpectedLoad.after(history, servers=8, until_s=2_000.0)

    assert [load.demand_at(t_s) for t_s in (600.0, 899.0, 900.0, 1_200.0, 99_999.0)] == [
        *(3, 3, 9),
        *(8, 8),  # ten servers would be more than there are
    ]


def test_at_its_beginning_a_load_tells_just_the_history_it_is_made_of() -> None:
    history = DemandHistory(np.tile(DAILY, 3), first_s=3_000.0)
    load = ExpectedLoad.after(history, servers=100, until_s=history.end_s + 10_000.0)
    again = load.history_at(history.end_s + 299.0)

    assert (list(again.values), again.first_s) == (list(history.values), 3_000.0)


def test_later_expected_bins_have_ended_and_an_oracle_sees_those_ahead() -> None:
    history = DemandHistory((4.0,), first_s=0.0)
    load = ExpectedLoad.after(history, servers=8, until_s=10 * BIN_S)
    later = load.history_at(3 * BIN_S, ahead_s=2 * BIN_S)

    assert (len(later), later.end_s, len(later.ahead)) == (3, 3 * BIN_S, 3)


def test_no_more_is_told_than_a_forecaster_remembers() -> None:
    history = DemandHistory(np.zeros(MEMORY_BINS + 10))
    load = ExpectedLoad.after(history, servers=8, until_s=history.end_s)
    told = load.history_at(history.end_s)

    assert (len(told), told.end_s) == (MEMORY_BINS, history.end_s)


def test_a_load_of_which_nothing_is_known_tells_nothing() -> None:
    load = ExpectedLoad.after(DemandHistory(()), servers=8, until_s=5_000.0)

    assert load.demand_at(1_000.0) == 0
    assert len(load.history_at(1_000.0)) == 0
