"""The knapsack's core: the groups whose base the bound leaves open, searched by dynamic program.

A choice is told by what it changes on the base. What it costs is how far it falls short of the
bound: its losses, and the price of the capacity it leaves. No loss is negative, so a program that
meets groups by their least loss stops as soon as that is no less than the best cost known
(after Pisinger 1995), mostly after a few groups.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aryl.policy.knapsack_bound import Floats, Relaxation


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """The options of one group that may be part of a better choice.

    `rows` are the table's, `shifts` the weight added to the base; the first option is the base,
    with shift and loss 0, and `least` is the least loss of the others.
    """

    least: float
    place: int
    rows: tuple[int, ...]
    shifts: tuple[int, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Core:
    """Open groups by least loss, the capacity that their bases leave, and its price per unit."""

    groups: tuple[OpenGroup, ...]
    slack: int
    price: float


@dataclass(frozen=True, slots=True)
class Found:
    """The best choice known: its cost, and the rows that differ from the base.

    `proven` is False where a limit struck before the proof.
    """

    cost: float
    rows: tuple[int, ...]
    proven: bool = True


@dataclass(frozen=True, slots=True)
class _States:
    """The least loss of each total shift from `low` on."""

    low: int
    loss: Floats


@dataclass(frozen=True, slots=True)
class _Layer:
    """Which of a group's options reached each total shift from `low` on."""

    low: int
    option: NDArray[np.uint16]


def core_of(relaxation: Relaxation, limit: float) -> Core:
    """Gather the options that lose less than `limit`, for groups that have any beside the base."""
    near = relaxation.loss < limit
    near[relaxation.base] = False
    rows = np.flatnonzero(near)
    members: dict[int, list[int]] = {}
    for member, place in enumerate(relaxation.table.group[rows].tolist()):
        members.setdefault(place, []).append(member)
    shift, loss = relaxation.shift[rows].tolist(), relaxation.loss[rows].tolist()
    groups = [
        OpenGroup(
            least=min(loss[m] for m in found),
            place=place,
            rows=(int(relaxation.base[place]), *(int(rows[m]) for m in found)),
            shifts=(0, *(shift[m] for m in found)),
            losses=(0.0, *(loss[m] for m in found)),
        )
        for place, found in members.items()
    ]
    groups.sort(key=lambda group: (group.least, group.place))
    return Core(tuple(groups), relaxation.slack, relaxation.price)


def search(core: Core, known: Found, margin: float, cells: int) -> Found:
    """Find the choice of least cost, if it costs less than the one known by more than `margin`.

    At most `cells` numbers are computed; more would be needed: the best so far, not proven.
    """
    best, end, proven = known.cost, None, True
    states, layers = _States(0, np.zeros(1)), list[_Layer]()
    for group, (down, up) in zip(core.groups, _reach_after(core.groups), strict=True):
        if group.least >= best - margin or not states.loss.size:
            break
        # the capacity left must end between none and what the best cost could pay for
        low = max(states.low + min(group.shifts), core.slack - math.ceil(best / core.price) - up)
        high = min(states.low + states.loss.size - 1 + max(group.shifts), core.slack - down)
        width = max(0, high - low + 1)
        cells -= width * len(group.rows)
        if cells < 0:
            proven = False
            break
        states, layer = _meet(states, group, low, width)
        layers.append(layer)
        cost, shift = _cheapest(states, core)
        if cost < best - margin:
            best, end = cost, (len(layers), shift)
        states = _trimmed(states, best - margin)
    if end is None:
        return Found(known.cost, known.rows, proven)
    return Found(best, _traced(core, layers[: end[0]], end[1]), proven)


def _reach_after(groups: Sequence[OpenGroup]) -> list[tuple[int, int]]:
    """By group: how far down and up the groups after it can shift."""
    reach = [(0, 0)]
    for group in reversed(groups):
        down, up = reach[-1]
        reach.append((down + min(group.shifts), up + max(group.shifts)))
    return reach[-2::-1]


def _meet(states: _States, group: OpenGroup, low: int, width: int) -> tuple[_States, _Layer]:
    """Let every state take each option of the group; keep the least loss per total shift."""
    grid = np.full((len(group.rows), width), np.inf)
    for row, shift, loss in zip(grid, group.shifts, group.losses, strict=True):
        start = states.low + shift - low
        skipped = max(0, -start)
        source = states.loss[skipped : max(skipped, width - start)]
        np.add(source, loss, out=row[start + skipped : start + skipped + source.size])
    option = grid.argmin(axis=0).astype(np.uint16)
    return _States(low, grid.min(axis=0)), _Layer(low, option)


def _cheapest(states: _States, core: Core) -> tuple[float, int]:
    """Find the least cost of a state that keeps the capacity, and its shift."""
    room = core.slack - states.low
    count = min(states.loss.size, room + 1)
    if count <= 0:
        return math.inf, 0
    cost = states.loss[:count] + core.price * np.arange(room, room - count, -1)
    at = int(cost.argmin())
    return float(cost[at]), states.low + at


def _trimmed(states: _States, limit: float) -> _States:
    """Cut off the ends that lose `limit` or more."""
    alive = np.flatnonzero(states.loss < limit)
    if not alive.size:
        return _States(states.low, states.loss[:0])
    first, last = int(alive[0]), int(alive[-1])
    return _States(states.low + first, states.loss[first : last + 1])


def _traced(core: Core, layers: Sequence[_Layer], shift: int) -> tuple[int, ...]:
    """Find the rows that led to a shift after the given layers."""
    rows = []
    for group, layer in zip(core.groups[len(layers) - 1 :: -1], reversed(layers), strict=True):
        option = int(layer.option[shift - layer.low])
        rows.append(group.rows[option])
        shift -= group.shifts[option]
    assert shift == 0, "the path leads back to the base"
    return tuple(rows)
