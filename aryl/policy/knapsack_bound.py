"""The multiple-choice knapsack with its capacity priced instead of kept: a bound and a start.

Any price per unit of weight gives a bound: each group takes what is best at that price. The price
used is where the greedy answer over the groups' concave hulls breaks off; there the bound equals
that of the linear program (Sinha and Zoltners 1979), whatever the shape of the values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Options(Protocol):
    """The options of one group."""

    @property
    def weights(self) -> tuple[int, ...]:
        """What each option weighs, > 0."""

    @property
    def values(self) -> tuple[float, ...]:
        """What each option gains."""


@dataclass(frozen=True, slots=True)
class Table:
    """All useful options as columns, sorted by group and weight; each group starts with "none".

    `option` is the place in its group, -1 for none. Within a group, weights and values rise.
    """

    group: Ints
    option: Ints
    weight: Ints
    value: Floats

    def only(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> "Table":
        """Keep some of the rows."""
        return Table(self.group[keep], self.option[keep], self.weight[keep], self.value[keep])


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The greedy choice, and what each option would cost against the bound.

    `base` is the row taken in each group, `slack` the capacity that leaves. A row adds `shift` to
    the weight of its group's base. What a choice gains is the `bound` less its rows' `loss` less
    `price` times the capacity it leaves. Weights count the greatest common divisor of all weights.
    """

    table: Table
    base: NDArray[np.intp]
    slack: int
    price: float
    bound: float
    shift: Ints
    loss: Floats


def tabulate(groups: Sequence[Options], capacity: int) -> Table:
    """List the options that could be part of an answer: they gain, fit and are not dominated."""
    weights, values, sizes = list[int](), list[float](), list[int]()
    for group in groups:
        weights.append(0)
        weights += group.weights
        values.append(0.0)
        values += group.values
        sizes.append(len(group.weights) + 1)
    weight = np.fromiter(weights, np.int64, len(weights))
    value = np.fromiter(values, np.float64, len(values))
    heads = np.cumsum(sizes) - sizes
    option = np.arange(weight.size) - 1 - np.repeat(heads, sizes)
    assert np.isfinite(value).all(), "values are finite"
    assert ((weight > 0) == (option >= 0)).all(), "only taking nothing weighs nothing"
    table = Table(np.repeat(np.arange(len(groups)), sizes), option, weight, value)
    keep = (value > 0.0) & (weight <= capacity) | (option < 0)
    return _undominated(_sorted(table if keep.all() else table.only(keep)))


def relax(table: Table, capacity: int) -> Relaxation:
    """Fill the capacity greedily along the hulls and price it where the next step is too heavy."""
    unit = int(np.gcd.reduce(table.weight)) or 1
    weight, capacity = table.weight // unit, capacity // unit
    hull = _hull(weight, table.value, table.option >= 0)
    step = table.option[hull][1:] >= 0
    size = np.diff(weight[hull])[step]
    slope = np.diff(table.value[hull])[step] / size
    order = np.argsort(-slope, kind="stable")
    filled = np.cumsum(size[order])
    fitting = int(np.searchsorted(filled, capacity, side="right"))
    heads = np.flatnonzero(table.option[hull] < 0)
    steps = np.bincount(table.group[hull][1:][step][order[:fitting]], minlength=heads.size)
    base = hull[heads + steps]
    slack = capacity - (int(filled[fitting - 1]) if fitting else 0)
    price = float(slope[order[fitting]]) if fitting < order.size else 0.0
    profit = table.value - price * weight
    return Relaxation(
        table=table,
        base=base,
        slack=slack,
        price=price,
        bound=math.fsum(table.value[base].tolist()) + price * slack,
        shift=weight - weight[base][table.group],
        loss=profit[base][table.group] - profit,
    )


def _sorted(table: Table) -> Table:
    inside = table.option[1:] >= 0
    if (np.diff(table.weight)[inside] > 0).all():
        return table
    return table.only(np.lexsort((table.option, -table.value, table.weight, table.group)))


def _undominated(table: Table) -> Table:
    """Drop, while there are any, rows that gain no more than the lighter row before them."""
    while True:
        worse = (table.value[1:] <= table.value[:-1]) & (table.option[1:] >= 0)
        if not worse.any():
            return table
        table = table.only(np.concatenate(([True], ~worse)))


def _hull(weight: Ints, value: Floats, inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Find the rows on the groups' concave hulls; drops those below their neighbours' chord.

    `inside` is False where a group starts.
    """
    rows = np.arange(weight.size)
    while True:
        follows = inside[rows][1:]
        slope = np.diff(value[rows]) / np.where(follows, np.diff(weight[rows]), 1)
        below = (slope[:-1] < slope[1:]) & follows[:-1] & follows[1:]
        if not below.any():
            return rows
        rows = rows[np.concatenate(([True], ~below, [True]))]
