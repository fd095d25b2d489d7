"""Demand files, good and bad, and the built-in series."""

import gzip
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from aryl.model.errors import BadInput
from traces.demand import HOUR_OF_DAY_MEANS, DemandSeries, builtin_demand, read_demand

TRACES = Path(os.environ.get("ARYL_TRACES", Path(__file__).parents[3] / "../shared/traces"))
PER_HOUR = 12


class Reader(Protocol):
    """Writes a file for a pool of `servers` with 8 GPUs each and reads it."""

    def __call__(self, text: str, *, servers: int = ..., peak: float = ...) -> DemandSeries: ...


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def write_and_read(text: str, *, servers: int = 100, peak: float = 0.95) -> DemandSeries:
        path = tmp_path / "demand.csv"
        path.write_text(text)
        return read_demand(path, servers=servers, gpus_per_server=8, peak=peak)

    return write_and_read


def table(column: str, values: Iterable[object], *, step_s: int = 300, first_s: int = 0) -> str:
    rows = "".join(f"{first_s + n * step_s},{value}\n" for n, value in enumerate(values))
    return f"t_s,{column}\n{rows}"


@pytest.mark.parametrize(
    ("column", "values", "servers"),
    [
        ("demand_norm", ["1", "0.5", "0.101"], [95, 48, 10]),
        ("demand_norm", ["0.5", "0.25", "0"], [48, 24, 0]),
        ("gpus", ["800", "8", "9"], [100, 1, 2]),
        ("servers", ["100", "3", "3.2"], [100, 3, 4]),
        ("demand", ["4000", "2000", "1e3"], [95, 48, 24]),
        ("demand", ["0", "0"], [0, 0]),
    ],
)
def test_each_measure_becomes_whole_servers_rounded_up(
    read: Reader, column: str, values: list[str], servers: list[int]
) -> None:
    assert read(table(column, values)).servers.tolist() == servers


def test_the_peak_says_what_share_of_the_pool_the_largest_demand_takes(read: Reader) -> None:
    text = table("demand", [10, 5])

    assert read(text, servers=40, peak=0.5).servers.tolist() == [20, 10]
    assert read(text, servers=40, peak=1).servers.tolist() == [40, 20]


@pytest.mark.parametrize("servers", range(1, 601, 7))
def test_float_noise_never_costs_a_server(read: Reader, servers: int) -> None:
    shares = [whole / servers for whole in range(servers + 1)]

    read_back = read(table("demand_norm", shares), servers=servers, peak=1)

    assert read_back.servers.tolist() == list(range(servers + 1))


def test_the_paper_peak_of_the_paper_pool_is_494_servers(read: Reader) -> None:
    assert read(table("demand_norm", [1]), servers=520).servers.tolist() == [494]


@pytest.mark.parametrize(
    ("header", "row", "servers"),
    [
        ("t_s,demand,servers,gpus,demand_norm", "0,9,7,80,0.2", 19),
        ("t_s,demand,servers,gpus", "0,9,7,80", 10),
        ("demand,servers,t_s,src", "9,7,0,actual", 7),
        ("demand,t_s,started", "9,0,x", 95),
    ],
)
def test_of_several_measures_the_first_by_precedence_counts(
    read: Reader, header: str, row: str, servers: int
) -> None:
    assert read(f"{header}\n{row}\n").servers.tolist() == [servers]


def test_coarse_samples_are_joined_by_lines_and_the_last_leads_to_the_first(read: Reader) -> None:
    series = read(table("servers", [10, 22, 34], step_s=3_600))

    assert series.servers.size * 300 == 3 * 3_600
    first, second, closing = series.servers.reshape(3, PER_HOUR).tolist()
    assert first == list(range(10, 22))
    assert second == list(range(22, 34))
    assert closing == list(range(34, 10, -2))


def test_a_week_of_hours_repeats_after_a_week(read: Reader) -> None:
    series = read(table("servers", [n % 50 for n in range(7 * 24)], step_s=3_600))

    assert series.servers.size * 300 == 7 * 86_400
    assert series.at(7 * 86_400 + 5 * 3_600) == series.at(5 * 3_600) == 5


def test_fine_samples_give_their_largest(read: Reader) -> None:
    series = read(table("servers", [1, 7, 2, 3, 1, 9, 4, 4, 4, 4], step_s=60))

    assert series.servers.tolist() == [7, 9]


def test_a_gap_is_bridged_by_a_line(read: Reader) -> None:
    series = read("t_s,servers\n0,10\n300,10\n600,10\n900,10\n2100,50\n2400,50\n")

    assert series.servers.tolist() == [10, 10, 10, 10, 20, 30, 40, 50, 50]


def test_a_short_step_among_long_ones_does_not_shorten_the_cycle(read: Reader) -> None:
    series = read("t_s,servers\n0,10\n3600,10\n7200,10\n7260,10\n")

    assert series.servers.size * 300 == pytest.approx(7_260 + 3_600, abs=300)


def test_times_are_the_times_of_the_trace_whatever_the_first(read: Reader) -> None:
    series = read(table("servers", [1, 2, 3, 4], first_s=600))

    assert [series.at(t) for t in (600, 900, 1_200, 1_500)] == [1, 2, 3, 4]
    assert [series.at(t) for t in (0, 300)] == [3, 4]


def test_samples_off_the_grid_count_in_the_bin_where_they_fall(read: Reader) -> None:
    series = read(table("servers", [1, 2, 3, 4], first_s=150))

    assert series.servers.tolist() == [1, 2, 3, 4]


def test_a_single_sample_is_constant_demand(read: Reader) -> None:
    assert read("t_s,servers\n0,5\n").at(1e6) == 5


def test_a_series_is_a_step_function_that_repeats(read: Reader) -> None:
    series = read(table("servers", [1, 2]))

    assert [series.at(t) for t in (0, 299, 300, 599, 600, 900)] == [1, 1, 2, 2, 1, 2]


def test_a_gzipped_file_reads_the_same(tmp_path: Path, read: Reader) -> None:
    text = table("demand_norm", [0.2, 0.9])
    path = tmp_path / "demand.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))

    series = read_demand(path, servers=100, gpus_per_server=8)

    np.testing.assert_array_equal(series.servers, read(text).servers)


BAD = {
    "empty file": ("", "is empty; expected a header with t_s and one of demand_norm"),
    "header only": ("t_s,demand\n", "has a header but no samples; expected at least one row"),
    "no t_s": ("time,demand\n0,1\n", "row 1, column t_s: is missing"),
    "no measure": (
        "t_s,load\n0,1\n",
        "row 1: has no column of demand; expected one of demand_norm, gpus, servers, demand",
    ),
    "column twice": ("t_s,gpus,gpus\n0,1,1\n", "row 1, column gpus: appears more than once"),
    "NaN": ("t_s,gpus\n0,1\n300,nan\n", "row 3, column gpus: 'nan' is not a finite number"),
    "infinite": ("t_s,gpus\n0,inf\n", "row 2, column gpus: 'inf' is not a finite number"),
    "negative": ("t_s,demand\n0,-1\n", "row 2, column demand: '-1' is negative"),
    "no number": ("t_s,servers\n0,many\n", "row 2, column servers: 'many' is not a number"),
    "hole": ("t_s,demand_norm\n0,\n", "row 2, column demand_norm: '' is empty"),
    "share above 1": (
        "t_s,demand_norm\n0,0.5\n300,1.01\n",
        "row 3, column demand_norm: '1.01' is more than 1; expected a share between 0 and 1",
    ),
    "same time": (
        "t_s,gpus\n0,1\n300,1\n300,1\n",
        "row 4, column t_s: '300' is not after the row before, 300; expected times that increase",
    ),
    "back in time": ("t_s,gpus\n600,1\n\n300,1\n", "row 4, column t_s: '300' is not after"),
    "negative time": ("t_s,gpus\n-300,1\n", "row 2, column t_s: '-300' is negative"),
    "milliseconds": (
        "t_s,gpus\n0,1\n1296000000,1\n",
        "row 3, column t_s: '1296000000' is 15000 days after the first; expected seconds",
    ),
    "ragged": ("t_s,gpus\n0,1\n300\n", "row 3: has 1 cells; expected 2, as in the header"),
    "more GPUs than there are": (
        "t_s,gpus\n0,800\n300,801\n",
        "row 3, column gpus: '801' is more than there are; expected at most the 800 gpus of the",
    ),
    "more servers than there are": (
        "t_s,servers\n0,100.5\n",
        "row 2, column servers: '100.5' is more than there are; expected at most the 100 servers",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_with_its_place(read: Reader, text: str, message: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read(text)

    assert message in str(refusal.value)
    assert str(refusal.value).split(", ")[0].split(":")[0].endswith("demand.csv")


@pytest.mark.parametrize("peak", [-0.1, 1.01, float("nan")])
def test_a_peak_that_is_no_share_is_refused(read: Reader, peak: float) -> None:
    with pytest.raises(BadInput, match=r"--inference-peak: .* is not a share"):
        read(table("demand", [1]), peak=peak)
    with pytest.raises(BadInput, match=r"--inference-peak: .* is not a share"):
        builtin_demand(100, peak)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.csv: no such file"):
        read_demand(tmp_path / "none.csv", servers=1, gpus_per_server=8)


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "demand.csv.gz"
    path.write_bytes(gzip.compress(table("demand", range(5_000)).encode())[:-500])

    with pytest.raises(BadInput, match=r"demand\.csv\.gz: is damaged or cut short"):
        read_demand(path, servers=1, gpus_per_server=8)


def test_the_builtin_series_follows_the_hour_of_day_means_of_the_paper() -> None:
    pool = 100_000
    days = builtin_demand(pool).servers.reshape(15, 24, PER_HOUR)

    on_the_hour = days[:, :, 0].mean(axis=0) / pool
    expected = np.array(HOUR_OF_DAY_MEANS) * (0.95 / 0.945)
    # 15 draws of noise with an sd of 0.03; the cap cuts the busiest hours
    np.testing.assert_allclose(on_the_hour, expected, atol=0.025)
    assert days.mean() / pool == pytest.approx(0.694, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_the_median_change_within_5_minutes_is_2_percent_of_the_pool(seed: int) -> None:
    pool = 100_000

    changes = np.abs(np.diff(builtin_demand(pool, seed=seed).servers)) / pool

    assert np.median(changes) == pytest.approx(0.02, abs=0.001)


def test_the_builtin_series_stays_within_its_peak_and_reaches_it() -> None:
    assert builtin_demand(520, 0.8).servers.max() == 416
    assert builtin_demand(520).servers.max() == 494
    assert builtin_demand(520).servers.min() > 0


def test_the_builtin_series_depends_on_its_seed_alone() -> None:
    np.testing.assert_array_equal(builtin_demand(520).servers, builtin_demand(520, seed=0).servers)
    assert (builtin_demand(520, seed=1).servers != builtin_demand(520, seed=2).servers).any()


def test_the_builtin_series_is_the_same_everywhere() -> None:
    assert builtin_demand(520).servers[:6].tolist() == [321, 289, 281, 289, 272, 274]


def test_a_pool_without_servers_needs_none() -> None:
    assert set(builtin_demand(0).servers.tolist()) == {0}


def test_nobody_can_change_a_series() -> None:
    with pytest.raises(ValueError, match="read-only"):
        builtin_demand(4).servers[0] = 1


@pytest.mark.skipif(
    not TRACES.is_dir(), reason="leaves out the public Azure series: no ARYL_TRACES"
)
def test_the_azure_series_covers_15_days() -> None:
    path = TRACES / "window15d_infer_azure.csv.gz"

    series = read_demand(path, servers=365, gpus_per_server=8)

    assert series.servers.size == 15 * 288
    assert series.servers.max() == 347  # 0.95 x 365 = 346.75
    assert series.servers[0] == 213  # 0.61362 of the peak
