"""From workers on servers to training workers, and back."""

import pytest

from aryl.model.cluster import Pool
from aryl.model.job import Placement, holding_of
from aryl.policy.units import (
    largest_allowed,
    release_flexible,
    together,
    training_workers,
    whole_units,
    without,
)
from tests.builders import base, flexible, make_cluster, make_spec


def on_loan(number: int, workers: int) -> Placement:
    return flexible(number, workers, loaned=True)


@pytest.mark.parametrize(
    ("factor", "counts"),
    [
        pytest.param(1.0, [1, 2, 3, 4, 15], id="one for one"),
        pytest.param(1.5, [2, 3, 5, 6, 23], id="three for two"),
        pytest.param(3.0, [3, 6, 9, 12, 45], id="three for one"),
        pytest.param(2.2, [3, 5, 7, 9, 33], id="eleven for five, which floats miss"),
    ],
)
def test_workers_on_loan_for_training_workers(factor: float, counts: list[int]) -> None:
    cluster = make_cluster(factor=factor)

    assert [cluster.workers_on(Pool.INFERENCE, w) for w in (1, 2, 3, 4, 15)] == counts
    assert [cluster.training_workers_of(Pool.INFERENCE, n) for n in counts] == [1, 2, 3, 4, 15]
    assert cluster.workers_on(Pool.TRAINING, 5) == 5


def test_part_of_a_unit_on_loan_counts_for_nothing() -> None:
    cluster = make_cluster(factor=3.0)

    held = holding_of([base(1, 2), on_loan(1, 4), on_loan(2, 1)])

    assert training_workers(cluster, held) == 3


@pytest.mark.parametrize(
    ("listed", "at_most", "size"),
    [
        pytest.param((), 5, 5, id="any number"),
        pytest.param((), 9, 6, id="never more than the maximum"),
        pytest.param((2, 4, 6), 5, 4, id="the next listed below"),
        pytest.param((2, 4, 6), 1, 2, id="the minimum is always kept"),
    ],
)
def test_the_largest_allowed_size(listed: tuple[int, ...], at_most: int, size: int) -> None:
    spec = make_spec(min_workers=2, max_workers=6, allowed_workers=listed)

    assert largest_allowed(spec, at_most) == size


@pytest.mark.parametrize(
    ("factor", "listed", "held", "released"),
    [
        pytest.param(3.0, (), [base(1), on_loan(1, 6)], [], id="factor 3: whole units stay"),
        pytest.param(
            3.0, (), [base(1), on_loan(1, 4)], [on_loan(1, 1)], id="factor 3: one over goes"
        ),
        pytest.param(
            3.0,
            (),
            [base(1), on_loan(1, 3), on_loan(2, 2)],
            [on_loan(2, 2)],
            id="factor 3: two over go, from the emptier server",
        ),
        pytest.param(1.5, (), [base(1), on_loan(1, 3)], [], id="factor 1.5: three are two units"),
        pytest.param(
            1.5, (), [base(1), on_loan(1, 4)], [on_loan(1, 1)], id="factor 1.5: the fourth goes"
        ),
        pytest.param(
            1.5, (), [base(1), on_loan(1, 1)], [on_loan(1, 1)], id="factor 1.5: one is no unit"
        ),
        pytest.param(
            1.0, (1, 2, 4), [base(1), flexible(1, 2)], [flexible(1, 1)], id="down to a listed size"
        ),
        pytest.param(
            3.0,
            (1, 2, 4),
            [base(1), flexible(1, 1), on_loan(1, 3)],
            [on_loan(1, 3)],
            id="a surplus unit goes from the loan first",
        ),
        pytest.param(
            3.0,
            (1, 2, 4),
            [base(1, 6, loaned=True), flexible(1, 1)],
            [flexible(1, 1)],
            id="base workers on loan stay; training ones go instead",
        ),
    ],
)
def test_what_is_released_to_keep_whole_units(
    factor: float, listed: tuple[int, ...], held: list[Placement], released: list[Placement]
) -> None:
    spec = make_spec(
        min_workers=1, max_workers=6, allowed_workers=listed, fungible=True, heterogeneous=True
    )

    assert list(whole_units(make_cluster(factor=factor), spec, tuple(held))) == released


def test_releasing_empties_servers_of_one_pool_as_far_as_can_be() -> None:
    held = [base(1, 3), flexible(1, 3), flexible(2, 1), flexible(3, 2), on_loan(1, 1)]

    assert release_flexible(held, Pool.TRAINING, 4) == [
        flexible(2, 1),
        flexible(3, 2),
        flexible(1, 1),
    ]
    assert release_flexible(held, Pool.TRAINING, 0) == []


def test_together_and_without_undo_each_other() -> None:
    held = (base(1, 2), flexible(1, 1))
    added = (flexible(1, 2), flexible(2, 1))

    merged = together(held, added)

    assert merged == (base(1, 2), flexible(1, 3), flexible(2, 1))
    assert without(merged, added) == held
