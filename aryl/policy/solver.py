"""The one door to OR-Tools: mixed-integer programs solved by SCIP within a limit of nodes.

The limit counts branch-and-bound nodes, never seconds, and SCIP runs on one thread with its
default seed: the same program has the same answer every time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ortools.linear_solver import pywraplp  # type: ignore[import-untyped] # no py.typed

from aryl.model.errors import SolverFailed


@dataclass(frozen=True, slots=True)
class MipAnswer:
    """What SCIP found: a place per question, and whether nothing better exists."""

    picks: tuple[int, ...]
    proven: bool


def multiple_choice(
    weights: Sequence[Sequence[int]],
    costs: Sequence[Sequence[float]],
    capacity: int,
    cost_of_room: float,
    nodes: int,
) -> MipAnswer | None:
    """Pick one option per group within the capacity at least cost, that of the room left included.

    `weights` and `costs` are indexed by group, then option; weights may be negative. `picks` holds
    an option per group. None: the limit struck before anything was found. Costs are best given in
    parts of about 1,000: SCIP tells apart what differs by more than 1e-6.
    """
    solver = _scip(nodes)
    objective = solver.Objective()
    room = solver.NumVar(0.0, solver.infinity(), "")
    objective.SetCoefficient(room, cost_of_room)
    whole = solver.Constraint(float(capacity), float(capacity))
    whole.SetCoefficient(room, 1.0)
    variables = []
    for group_weights, group_costs in zip(weights, costs, strict=True):
        one = solver.Constraint(1.0, 1.0)
        row = [solver.BoolVar("") for _ in group_weights]
        for variable, weight, cost in zip(row, group_weights, group_costs, strict=True):
            one.SetCoefficient(variable, 1.0)
            whole.SetCoefficient(variable, float(weight))
            objective.SetCoefficient(variable, cost)
        variables.append(row)
    objective.SetMinimization()
    proven = _solve(solver)
    if proven is None:
        return None
    picks = tuple(_largest([x.solution_value() for x in row]) for row in variables)
    return MipAnswer(picks, proven)


def least_union(
    jobs_on: Sequence[Sequence[int]],
    servers: Sequence[int],
    weights: Sequence[float],
    count: int,
    nodes: int,
) -> MipAnswer | None:
    """Pick jobs of least total weight that include all jobs of `count` servers (paper §3).

    `jobs_on` and `servers` are indexed by class of servers that host the same jobs: the jobs, and
    how many servers. `picks` holds the jobs, ascending. None: the limit struck before anything was
    found. One binary variable per job; one continuous variable per class, at most each of its
    jobs' variables, which makes it 0 or 1 in the answer.
    """
    solver = _scip(nodes)
    objective = solver.Objective()
    taken = [solver.BoolVar("") for _ in weights]
    for variable, weight in zip(taken, weights, strict=True):
        objective.SetCoefficient(variable, weight)
    objective.SetMinimization()
    enough = solver.Constraint(float(count), solver.infinity())
    for jobs, alike in zip(jobs_on, servers, strict=True):
        vacated = solver.NumVar(0.0, 1.0, "")
        enough.SetCoefficient(vacated, float(alike))
        for job in jobs:
            below = solver.Constraint(-solver.infinity(), 0.0)
            below.SetCoefficient(vacated, 1.0)
            below.SetCoefficient(taken[job], -1.0)
    proven = _solve(solver)
    if proven is None:
        return None
    jobs_taken = (job for job, x in enumerate(taken) if x.solution_value() > 0.5)
    return MipAnswer(tuple(jobs_taken), proven)


def _scip(nodes: int) -> Any:  # noqa: ANN401 - the library is untyped
    """Start SCIP; `limits/nodes` would forget the nodes before a restart."""
    assert nodes > 0
    solver: Any = pywraplp.Solver.CreateSolver("SCIP")
    if solver is None:
        raise SolverFailed("this build of OR-Tools has no SCIP")
    solver.SuppressOutput()
    settings = f"limits/totalnodes = {nodes}\nlp/threads = 1\n"
    if not (solver.SetNumThreads(1) and solver.SetSolverSpecificParametersAsString(settings)):
        raise SolverFailed("SCIP refused its settings")
    return solver


def _solve(solver: Any) -> bool | None:  # noqa: ANN401 - as above
    """Whether the answer is proven; None: there is none yet.

    OR-Tools stops at a relative gap of 1e-4 unless told otherwise.
    """
    settings: Any = pywraplp.MPSolverParameters()
    settings.SetDoubleParam(settings.RELATIVE_MIP_GAP, 0.0)
    status = solver.Solve(settings)
    if status == pywraplp.Solver.OPTIMAL:
        return True
    if status == pywraplp.Solver.FEASIBLE:
        return False
    if status == pywraplp.Solver.NOT_SOLVED:
        return None
    raise SolverFailed(f"SCIP ended with status {status}")


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)
