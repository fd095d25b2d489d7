"""The knapsack against a plain dynamic program, written apart from it."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aryl.policy.knapsack import Group, solve

CAPACITIES = st.integers(0, 60)
WEIGHTS = st.one_of(
    st.integers(1, 12), st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([7, 14, 1000])
)
VALUES = st.one_of(
    st.floats(-100, 10_000),
    st.floats(0, 1e-3),
    st.integers(-2, 6).map(float),  # many ties
)


@st.composite
def any_group(draw: st.DrawFn) -> Group:
    """Options in any order, of any shape: dominated, heavy, worthless ones among them."""
    options = draw(st.lists(st.tuples(WEIGHTS, VALUES), max_size=7))
    return Group(tuple(w for w, _ in options), tuple(v for _, v in options))


@st.composite
def concave_group(draw: st.DrawFn) -> Group:
    """One elastic job under linear scaling: each added worker saves less than the one before."""
    gpus, base = draw(st.sampled_from([1, 2, 4, 8])), draw(st.integers(1, 8))
    work, steps = draw(st.floats(1, 1e6)), range(1, draw(st.integers(1, 8)) + 1)
    values = tuple(work / base - work / (base + k) for k in steps)
    return Group(tuple(k * gpus for k in steps), values)


@st.composite
def correlated_group(draw: st.DrawFn) -> Group:
    """Options that gain what they weigh, or that and a constant: full of ties across groups."""
    weights = draw(st.lists(st.integers(1, 20), max_size=5, unique=True))
    bonus = draw(st.sampled_from([0.0, 5.0]))
    return Group(tuple(weights), tuple(w + bonus for w in weights))


GROUPS = st.one_of(
    st.lists(any_group(), max_size=10),
    st.lists(concave_group(), max_size=10),
    st.lists(correlated_group(), max_size=10),
    st.lists(st.one_of(any_group(), concave_group(), correlated_group()), max_size=10),
)


def best_value(groups: list[Group], capacity: int) -> float:
    """The greatest total value, by filling one row of the table per group."""
    row = np.zeros(capacity + 1)
    for group in groups:
        before = row.copy()
        for weight, value in zip(group.weights, group.values, strict=True):
            if weight <= capacity:
                row[weight:] = np.maximum(row[weight:], before[: capacity + 1 - weight] + value)
    return float(row[capacity])


def assert_exact(groups: list[Group], capacity: int, **limits: int) -> None:
    choice = solve(groups, capacity, **limits)

    taken = [(g, p) for g, p in zip(groups, choice.picks, strict=True) if p >= 0]
    assert choice.weight == sum(g.weights[p] for g, p in taken) <= capacity
    assert choice.value == pytest.approx(sum(g.values[p] for g, p in taken), rel=1e-12, abs=0)
    assert choice.value == pytest.approx(best_value(groups, capacity), rel=1e-9, abs=0)
    assert choice.proven


@settings(max_examples=400, deadline=None)
@given(GROUPS, CAPACITIES)
def test_no_choice_is_better_than_the_answer(groups: list[Group], capacity: int) -> None:
    assert_exact(groups, capacity)


@settings(max_examples=60, deadline=None)
@given(GROUPS, CAPACITIES)
def test_no_choice_is_better_when_scip_searches(groups: list[Group], capacity: int) -> None:
    assert_exact(groups, capacity, cells=0)


@settings(max_examples=60, deadline=None)
@given(GROUPS, CAPACITIES, st.integers(1, 200))
def test_no_choice_is_better_when_the_search_changes_hands(
    groups: list[Group], capacity: int, cells: int
) -> None:
    assert_exact(groups, capacity, cells=cells)


def elastic_jobs(rng: random.Random, weights: list[int]) -> Group:
    base, work = rng.choice([1, 2, 4, 8]), rng.lognormvariate(9, 2)
    values = (work / base - work / (base + k) for k in range(1, len(weights) + 1))
    return Group(tuple(rng.choice([1, 2, 4, 8]) * k for k in range(1, 17)), tuple(values))


def with_bonus(_: random.Random, weights: list[int]) -> Group:
    return Group(tuple(weights), tuple(w + 20.0 for w in weights))


def with_noise(rng: random.Random, weights: list[int]) -> Group:
    return Group(tuple(weights), tuple(w + rng.uniform(-10, 10) for w in weights))


def sparse(rng: random.Random, weights: list[int]) -> Group:
    return Group(tuple(weights[:3]), tuple(3.0 * w + rng.choice([0, 5, 9]) for w in weights[:3]))


@pytest.mark.parametrize("shape", [elastic_jobs, with_bonus, with_noise, sparse])
@pytest.mark.parametrize(("groups", "capacities"), [(40, range(37, 700, 21)), (200, [17, 1_601])])
def test_no_choice_is_better_among_many_groups(
    shape: Callable[[random.Random, list[int]], Group], groups: int, capacities: Sequence[int]
) -> None:
    for capacity in capacities:
        rng = random.Random(capacity)
        drawn = [sorted(rng.sample(range(2, 200), 16)) for _ in range(groups)]
        assert_exact([shape(rng, weights) for weights in drawn], capacity)
