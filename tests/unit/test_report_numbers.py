import numpy as np
import pytest

from simulator.charts import TimeAxis
from simulator.report_format import NOTHING, duration, percent, quantity, times
from simulator.report_sampling import cumulative_shares, extreme_rows, stretch_means

SPACE = "\N{NO-BREAK SPACE}"


def test_thinned_rows_keep_every_peak_of_every_column() -> None:
    chance = np.random.default_rng(1)
    noise, spikes = chance.random(20_000), np.zeros(20_000)
    spikes[[17, 9_999, 19_998]] = 1.0, -1.0, 2.0

    rows = extreme_rows([noise, spikes], max_points=200)

    assert len(rows) <= 200
    assert np.all(np.diff(rows) > 0)
    assert rows[0] == 0
    assert rows[-1] == 19_999
    assert {17, 9_999, 19_998, int(noise.argmax()), int(noise.argmin())} <= set(rows.tolist())


def test_short_series_and_gaps_survive_thinning() -> None:
    gaps = np.full(500, np.nan)
    gaps[123] = 7.0

    assert extreme_rows([gaps], max_points=500).tolist() == list(range(500))
    assert 123 in extreme_rows([gaps], max_points=50).tolist()


def test_a_cdf_rises_to_one_and_keeps_its_ends() -> None:
    values = np.random.default_rng(2).lognormal(5, 2, 10_000)

    seconds, shares = cumulative_shares(values, max_points=100)

    assert len(seconds) == 100
    assert np.all(np.diff(seconds) > 0)
    assert np.all(np.diff(shares) > 0)
    assert (seconds[0], seconds[-1], shares[-1]) == (values.min(), values.max(), 1.0)
    halfway = int(np.searchsorted(shares, 0.5))
    assert seconds[halfway] == pytest.approx(np.median(values), rel=0.1)


def test_a_cdf_counts_ties_together_and_gaps_not_at_all() -> None:
    seconds, shares = cumulative_shares(np.array([0.0, np.nan, 0.0, 4.0, 2.0]))

    assert seconds.tolist() == [0.0, 2.0, 4.0]
    assert shares.tolist() == [0.5, 0.75, 1.0]


def test_stretch_means_leave_out_empty_stretches() -> None:
    starts, means = stretch_means(
        np.array([0.0, 300.0, 600.0, 3000.0]), np.array([1.0, 3.0, 5.0, 7.0]), 600.0
    )

    assert starts.tolist() == [0.0, 600.0, 3000.0]
    assert means.tolist() == [2.0, 5.0, 7.0]


@pytest.mark.parametrize(
    ("end_s", "last_submit_s", "unit", "until_s"),
    [
        (15 * 86400.0, 15 * 86400.0, "day", 15 * 86400.0),
        (60 * 86400.0, 10 * 86400.0, "day", 11.5 * 86400.0),
        (30000.0, 28800.0, "hour", 30000.0),
        (900.0, 0.0, "minute", 900.0),
    ],
    ids=["days", "long tail", "hours", "minutes"],
)
def test_the_time_axis_suits_the_run_and_cuts_a_long_tail(
    end_s: float, last_submit_s: float, unit: str, until_s: float
) -> None:
    axis = TimeAxis.fitting(0.0, last_submit_s, end_s)

    assert axis.unit == unit
    assert axis.until_s == pytest.approx(until_s)


def test_means_are_taken_while_jobs_are_submitted() -> None:
    axis = TimeAxis.fitting(300.0, 900.0, 1e6)
    times = np.array([0.0, 300.0, 600.0, 900.0, 1200.0])

    assert axis.mean(times, np.array([9e9, 1.0, np.nan, 3.0, 9e9])) == 2.0


def test_a_long_tail_takes_few_points_from_the_part_that_is_shown() -> None:
    times = np.arange(0.0, 64 * 86400.0, 300.0)
    axis = TimeAxis.fitting(0.0, 10 * 86400.0, float(times[-1]))

    rows = axis.rows(times, [np.random.default_rng(3).random(len(times))])

    shown = times[rows] <= axis.until_s
    assert len(rows) <= 2000
    assert shown.sum() > 1500
    assert rows[-1] == len(times) - 1
    assert np.all(np.diff(rows) > 0)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (duration(0.0), f"0{SPACE}s"),
        (duration(5.25), f"5.2{SPACE}s"),
        (duration(55.4), f"55{SPACE}s"),
        (duration(3072.0), f"51.2{SPACE}min"),
        (duration(16610.0), f"4.6{SPACE}h"),
        (duration(376513.0), f"4.4{SPACE}d"),
        (duration(None), NOTHING),
        (percent(0.0), f"0{SPACE}%"),
        (percent(0.0026), f"0.26{SPACE}%"),
        (percent(0.1224), f"12.2{SPACE}%"),
        (percent(float("nan")), NOTHING),
        (quantity(50390), "50,390"),
        (quantity(6.5), "6.5"),
        (quantity(0.043), "0.043"),
        (quantity(None), NOTHING),
        (times(1.528), "1.53\N{MULTIPLICATION SIGN}"),
        (times(float("inf")), "\N{INFINITY}\N{MULTIPLICATION SIGN}"),
        (times(None), NOTHING),
    ],
)
def test_figures_read_as_people_write_them(shown: str, expected: str) -> None:
    assert shown == expected
