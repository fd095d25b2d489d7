"""SCIP through its one door: small programs with plain answers, and what its limit does."""

import random
from itertools import product

import pytest

from aryl.model.errors import SolverFailed
from aryl.policy.solver import MipAnswer, ServerClass, least_union, multiple_choice


def test_the_cheapest_options_that_fit_are_picked() -> None:
    answer = multiple_choice([[0, 3], [0, 2, 4]], [[5, 1], [6, 3, 0]], 5, 0.0, nodes=100)

    assert answer == MipAnswer((1, 1), proven=True)


def test_weights_may_be_negative() -> None:
    answer = multiple_choice([[0, -2], [0, 3]], [[0, 1], [4, 0]], 1, 0.0, nodes=100)

    assert answer == MipAnswer((1, 1), proven=True)


def test_room_that_is_left_costs() -> None:
    options = ([[0, 2, 3]], [[0.0, 2.0, 3.5]])

    assert multiple_choice(*options, 3, 0.5, nodes=100) == MipAnswer((0,), proven=True)
    assert multiple_choice(*options, 3, 2.0, nodes=100) == MipAnswer((2,), proven=True)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_of_options_that_differ_by_a_few_parts_in_100_000_is_picked(seed: int) -> None:
    # OR-Tools would stop at a relative gap of 1e-4
    rng = random.Random(seed)
    weights = [[0, *rng.sample(range(1, 30), 3)] for _ in range(6)]
    costs = [[1000.0 - w * (1 + rng.random() / 1000) for w in row] for row in weights]
    least = min(
        sum(costs[g][k] for g, k in enumerate(picks))
        for picks in product(range(4), repeat=6)
        if sum(weights[g][k] for g, k in enumerate(picks)) <= 42
    )

    answer = multiple_choice(weights, costs, 42, 0.0, nodes=1_000)

    assert answer is not None
    assert sum(costs[g][k] for g, k in enumerate(answer.picks)) == pytest.approx(least, rel=1e-9)


def test_a_program_without_an_answer_is_an_error() -> None:
    with pytest.raises(SolverFailed, match="status"):
        multiple_choice([[3, 4]], [[0, 0]], 2, 0.0, nodes=100)


def test_classes_are_vacated_at_the_cost_of_their_own_and_their_shared_jobs() -> None:
    classes = [
        ServerClass(1, (0,), 0.0),
        ServerClass(2, (0, 1), 0.0),
        ServerClass(1, (), 2.5),
        ServerClass(1, (1,), 4.0),
    ]

    assert least_union(classes, [1.0, 1.0], 1, nodes=100) == MipAnswer((0,), proven=True)
    assert least_union(classes, [1.0, 1.0], 3, nodes=100) == MipAnswer((0, 1), proven=True)
    assert least_union(classes, [1.0, 3.0], 2, nodes=100) == MipAnswer((0, 2), proven=True)


def test_classes_that_are_vacated_without_need_are_told() -> None:
    classes = [ServerClass(1, (0,), 0.0) for _ in range(3)] + [ServerClass(1, (), 0.0)]

    assert least_union(classes, [1.0], 2, nodes=100) == MipAnswer((0, 1, 2, 3), proven=True)


def test_an_answer_within_the_limit_of_nodes_only_is_not_proven() -> None:
    rng = random.Random(0)
    classes = [ServerClass(1, tuple(sorted(rng.sample(range(40), 4))), 0.0) for _ in range(40)]

    limited = least_union(classes, [1.0] * 40, 20, nodes=1)
    whole = least_union(classes, [1.0] * 40, 20, nodes=10_000)

    assert limited is None or not limited.proven
    assert whole is not None
    assert whole.proven


def test_the_same_program_has_the_same_answer() -> None:
    rng = random.Random(1)
    weights = [[0, *rng.sample(range(1, 30), 4)] for _ in range(15)]
    costs = [[float(30 - w) for w in row] for row in weights]

    answers = {multiple_choice(weights, costs, 90, 0.0, nodes=1_000) for _ in range(3)}

    assert len(answers) == 1
