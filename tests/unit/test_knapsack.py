"""The multiple-choice knapsack on cases whose answer is plain."""

import random

import pytest

from aryl.policy.knapsack import Choice, Group, How, solve


def growth(work: float, base: int, most: int, gpus_per_worker: int = 1) -> Group:
    """The options of one elastic job, as the paper values them (paper §4)."""
    steps = range(1, most - base + 1)
    return Group(
        weights=tuple(k * gpus_per_worker for k in steps),
        values=tuple(work / base - work / (base + k) for k in steps),
    )


def strongly_correlated(groups: int, heaviest: int, seed: int) -> list[Group]:
    """Options that gain what they weigh and a constant: the bound says little about them."""
    rng = random.Random(seed)
    drawn = [sorted(rng.sample(range(1, heaviest), 8)) for _ in range(groups)]
    return [Group(tuple(w), tuple(x + heaviest / 10 for x in w)) for w in drawn]


def assert_consistent(choice: Choice, groups: list[Group], capacity: int) -> None:
    taken = [(g, p) for g, p in zip(groups, choice.picks, strict=True) if p >= 0]
    assert choice.weight == sum(g.weights[p] for g, p in taken) <= capacity
    assert choice.value == pytest.approx(sum(g.values[p] for g, p in taken), rel=1e-12)


def test_the_jobs_of_table_3_get_5_and_3_workers() -> None:
    choice = solve([growth(300, 2, 6), growth(120, 2, 6)], capacity=4)

    assert choice.picks == (2, 0)
    assert choice.value == pytest.approx(110)
    assert choice.proven


def test_the_jobs_of_table_4_get_3_and_5_workers() -> None:
    assert solve([growth(300, 2, 3), growth(120, 2, 6)], capacity=4).picks == (0, 2)


@pytest.mark.parametrize(
    ("capacity", "picks", "value"),
    [(0, (-1, -1), 0), (1, (-1, 0), 20), (2, (0, -1), 50), (4, (0, 1), 80), (5, (0, 2), 86)],
)
def test_the_items_of_figure_6_are_chosen_by_what_they_save(
    capacity: int, picks: tuple[int, ...], value: float
) -> None:
    groups = [growth(300, 2, 3, gpus_per_worker=2), growth(120, 2, 6)]
    assert groups[0].values + groups[1].values == pytest.approx((50, 20, 30, 36, 40))

    choice = solve(groups, capacity)

    assert choice.picks == picks
    assert choice.value == pytest.approx(value)


def test_nothing_is_taken_from_no_groups() -> None:
    assert solve([], 8) == Choice((), How.TRIVIAL, ())


def test_all_best_options_are_taken_when_they_fit() -> None:
    choice = solve([Group((2, 1), (5.0, 3.0)), Group((), ()), Group((4,), (1.0,))], 6)

    assert (choice.picks, choice.how) == ((0, -1, 0), How.TRIVIAL)
    assert (choice.value, choice.weight) == (6.0, 6)


def test_an_option_without_gain_is_never_taken() -> None:
    assert solve([Group((1, 2), (-1.0, 0.0)), Group((1,), (1.0,))], 9).picks == (-1, 0)


def test_of_options_that_gain_the_same_the_lightest_is_taken() -> None:
    roomy = solve([Group((4, 2, 2), (3.0, 3.0, 3.0))], 9)
    tight = solve([Group((4, 2, 2), (3.0, 3.0, 3.0)), Group((9,), (1.0,))], 9)

    assert roomy.picks == (1,)
    assert tight.picks == (1, -1)


def test_an_option_that_fills_the_capacity_meets_the_bound() -> None:
    choice = solve([Group((8, 16), (5.0, 6.0)), Group((8,), (4.0,))], 16)

    assert (choice.picks, choice.how) == ((0, 0), How.BOUND)
    assert (choice.value, choice.weight) == (9.0, 16)


def test_a_capacity_between_multiples_of_the_weights_counts_for_its_whole_part() -> None:
    groups = [Group((8, 16), (5.0, 6.0)), Group((8,), (4.0,)), Group((16,), (1.0,))]

    choice = solve(groups, 23)

    assert (choice.picks, choice.how) == ((0, 0, -1), How.BOUND)
    assert (choice.value, choice.weight) == (9.0, 16)


def test_a_pick_inside_the_hull_is_taken_when_only_it_fits() -> None:
    # (3, 10) lies below the chord from nothing to (4, 20), so no linear bound ever picks it
    groups = [Group((3, 4), (10.0, 20.0)), Group((5,), (100.0,))]

    choice = solve(groups, 8)

    assert choice.picks == (0, 0)
    assert choice.value == 110.0


@pytest.mark.parametrize("cells", [16_000_000, 0], ids=["dynamic program", "SCIP"])
def test_both_searches_find_what_greed_misses(cells: int) -> None:
    # by gain per unit: 6, 5.5, 5; the first is alone at 24, the other two fill up to 32
    groups = [Group((4,), (24.0,)), Group((3,), (16.5,)), Group((3,), (15.0,)), Group((1,), (0.5,))]

    choice = solve(groups, 6, cells=cells)

    assert (choice.picks, choice.how) == ((-1, 0, 0, -1), How.CORE)
    assert (choice.value, choice.weight) == (31.5, 6)


def test_a_dynamic_program_that_runs_out_of_cells_hands_over_to_scip() -> None:
    groups = strongly_correlated(40, 200, seed=3)

    # 20,000 are enough for a better choice than greed's, but not for the proof
    answers = [solve(groups, 400, cells=cells) for cells in (16_000_000, 20_000, 0)]

    assert {answer.how for answer in answers} == {How.CORE}
    assert len({answer.value for answer in answers}) == 1


def test_a_solver_that_reaches_its_limit_leaves_the_best_choice_known_unproven() -> None:
    groups = strongly_correlated(20, 100_000, seed=1)

    choice = solve(groups, 600_000, nodes=1, cells=0)

    assert choice.how is How.FALLBACK
    assert not choice.proven
    assert choice.value > 0.99 * solve(groups, 600_000).value
    assert_consistent(choice, groups, 600_000)


@pytest.mark.parametrize("capacity", [200, 400])
def test_the_same_groups_have_the_same_answer_and_their_order_does_not_change_the_value(
    capacity: int,
) -> None:
    groups = strongly_correlated(40, 200, seed=4)

    first = solve(groups, capacity)

    assert solve(list(groups), capacity) == first
    assert solve(groups[::-1], capacity).value == pytest.approx(first.value, rel=1e-10)
    assert_consistent(first, groups, capacity)
