"""The history of demand, bin by bin."""

from aryl.kube.demand.bins import KEPT_BINS, DemandBins
from aryl.model.demand import BIN_S


def test_a_bin_has_its_largest_demand() -> None:
    bins = DemandBins()
    for now, servers in ((10.0, 3.0), (20.0, 7.0), (30.0, 2.0)):
        bins.see(now, servers)
        assert len(bins.history()) == 0  # it has not ended

    bins.see(BIN_S, 1.0)
    bins.see(2 * BIN_S, 4.0)

    assert bins.history().values == (7.0, 2.0)  # 2 until the second bin began
    assert bins.history().first_s == 0.0
    assert bins.history() is bins.history()


def test_demand_is_what_was_seen_last() -> None:
    bins = DemandBins()
    bins.see(0.0, 5.0)
    bins.see(10.0, 3.0)
    bins.see(4 * BIN_S + 1.0, 9.0)

    assert bins.history().values == (5.0, 3.0, 3.0, 3.0)


def test_bins_of_the_past_come_first_and_gaps_are_filled() -> None:
    bins = DemandBins([(5 * BIN_S, 2.0), (7 * BIN_S, 4.0), (10 * BIN_S, 99.0), (20 * BIN_S, 99.0)])
    bins.see(10 * BIN_S + 3.0, 1.0)

    assert bins.history().first_s == 5 * BIN_S
    assert bins.history().values == (2.0, 2.0, 4.0, 4.0, 4.0)  # nobody knows the future
    bins.see(11 * BIN_S, 0.0)
    assert bins.history().values == (2.0, 2.0, 4.0, 4.0, 4.0, 1.0)


def test_samples_fill_only_bins_that_are_not_known() -> None:
    bins = DemandBins([(2 * BIN_S, 5.0)])
    bins.see(4 * BIN_S, 1.0)
    bins.fill([(60.0, 3.0), (120.0, 8.0), (180.0, 1.0), (2 * BIN_S + 60.0, 50.0)])

    assert bins.history().first_s == 0.0
    assert bins.history().values == (8.0, 8.0, 5.0, 5.0)


def test_four_weeks_are_kept() -> None:
    bins = DemandBins([(0.0, 1.0)])
    bins.see(10.0, 2.0)
    bins.see((KEPT_BINS + 50) * BIN_S, 3.0)

    history = bins.history()

    assert len(history) == KEPT_BINS
    assert history.end_s == (KEPT_BINS + 50) * BIN_S
    assert set(history.values) == {2.0}
