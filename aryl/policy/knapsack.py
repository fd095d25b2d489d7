"""The multiple-choice knapsack that hands spare GPUs to elastic jobs, solved to proof (paper §4).

A greedy choice is held against a bound. Where they meet, it is the answer. Where they don't, the
options that the gap rules out go, and what is left, the core, is solved exactly.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from aryl.policy import solver
from aryl.policy.knapsack_bound import Relaxation, relax, tabulate
from aryl.policy.knapsack_core import Core, Found, core_of, search

# Share of the bound below which a better choice is rounding: each loss is off by a few parts in
# 1e16 of the bound, and their sum over 1,000 groups by less than one in 1e12.
TOLERANCE = 1e-11
DYNAMIC_CELLS = 16_000_000  # 128 MB and 0.1 s at most; where more are needed SCIP is faster


class How(Enum):
    """What proved an answer."""

    TRIVIAL = "each group's best option fits"
    BOUND = "the greedy choice meets the bound"
    CORE = "the options that the bound leaves were searched"
    FALLBACK = "the solver's limit struck; the best choice known"


@dataclass(frozen=True, slots=True)
class Group:
    """The ways in which one elastic job may grow; taking none weighs and gains 0.

    `weights` in GPUs, > 0, in any order; `values` finite, and never taken where <= 0. `best` is
    the option of most value, of those the lightest; -1: none has any.
    """

    weights: tuple[int, ...]
    values: tuple[float, ...]
    best: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the best option once: callers keep groups from one cycle to the next."""
        assert len(self.weights) == len(self.values)
        most = max(self.values, default=0.0)
        tied = [k for k, value in enumerate(self.values) if value == most > 0.0]
        best = min(tied, key=lambda k: (self.weights[k], k), default=-1)
        object.__setattr__(self, "best", best)


@dataclass(frozen=True, slots=True)
class Choice:
    """The option taken in each group, by place, -1 for none, and what proved it."""

    picks: tuple[int, ...]
    how: How
    groups: Sequence[Group] = field(repr=False, compare=False)

    @property
    def value(self) -> float:
        """What the options are worth together."""
        return math.fsum(group.values[pick] for group, pick in self._taken())

    @property
    def weight(self) -> int:
        """What they weigh, in GPUs."""
        return sum(group.weights[pick] for group, pick in self._taken())

    def _taken(self) -> Iterator[tuple[Group, int]]:
        pairs = zip(self.groups, self.picks, strict=True)
        return ((group, pick) for group, pick in pairs if pick >= 0)

    @property
    def proven(self) -> bool:
        """Whether no choice is better by more than `TOLERANCE` of the value."""
        return self.how is not How.FALLBACK


def solve(
    groups: Sequence[Group], capacity: int, *, nodes: int = 10_000, cells: int = DYNAMIC_CELLS
) -> Choice:
    """Take at most one option per group for the greatest total value within the capacity in GPUs.

    The same input has the same answer; options that are lighter, then earlier, win ties within a
    group. `cells` limits the dynamic program and `nodes` the solver that takes over from it; where
    that limit strikes, the answer is the best choice known. Errors: `SolverFailed`.
    """
    assert capacity >= 0
    best = _best_of_each(groups, capacity)
    if best is not None:
        return Choice(tuple(best), How.TRIVIAL, groups)
    relaxation = relax(tabulate(groups, capacity), capacity)
    margin = TOLERANCE * relaxation.bound
    found = _one_swap(relaxation)
    core = core_of(relaxation, found.cost - margin)
    if not core.groups:
        return Choice(_picks(relaxation, found), How.BOUND, groups)
    found = search(core, found, margin, cells)
    if not found.proven:
        found = _by_solver(core_of(relaxation, found.cost - margin), found, nodes)
    how = How.CORE if found.proven else How.FALLBACK
    return Choice(_picks(relaxation, found), how, groups)


def _best_of_each(groups: Sequence[Group], capacity: int) -> list[int] | None:
    """Each group's best option if they fit together; most calls end here, hence no arrays."""
    if capacity == 0:
        return [-1] * len(groups)
    picks = [group.best for group in groups]
    for group, pick in zip(groups, picks, strict=True):
        if pick >= 0:
            capacity -= group.weights[pick]
            if capacity < 0:
                return None
    return picks


def _one_swap(relaxation: Relaxation) -> Found:
    """Find the best choice that differs from the base in one group at most."""
    room = relaxation.slack - relaxation.shift
    cost = np.where(room >= 0, relaxation.loss + relaxation.price * room, np.inf)
    row = int(cost.argmin())
    return Found(float(cost[row]), (row,))


def _by_solver(core: Core, known: Found, nodes: int) -> Found:
    """Let SCIP search the core, with costs in thousandths of the least known (see `solver`)."""
    scale = 1000.0 / known.cost
    answer = solver.multiple_choice(
        weights=[group.shifts for group in core.groups],
        costs=[[loss * scale for loss in group.losses] for group in core.groups],
        capacity=core.slack,
        cost_of_room=core.price * scale,
        nodes=nodes,
    )
    if answer is None:
        return replace(known, proven=False)
    taken = list(zip(core.groups, answer.picks, strict=True))
    room = core.slack - sum(group.shifts[pick] for group, pick in taken)
    if room < 0:  # SCIP keeps the capacity up to one part in a million only
        return replace(known, proven=False)
    cost = math.fsum(group.losses[pick] for group, pick in taken) + core.price * room
    if cost >= known.cost:
        return replace(known, proven=answer.proven)
    return Found(cost, tuple(group.rows[pick] for group, pick in taken), answer.proven)


def _picks(relaxation: Relaxation, found: Found) -> tuple[int, ...]:
    rows = relaxation.base.copy()
    changed = list(found.rows)
    rows[relaxation.table.group[changed]] = changed
    return tuple(relaxation.table.option[rows].tolist())
