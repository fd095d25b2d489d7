"""The one door to OR-Tools: mixed-integer programs solved by SCIP within a limit of nodes.

The limit counts branch-and-bound nodes, never seconds, and SCIP runs on one thread with its
default seed: the same program has the same answer every time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ortools.linear_solver import pywraplp  # type: ignore[import-untyped] # no py.typed

from aryl.model.errors import SolverFailed

# The union's linear program is nearly whole by itself: cuts take most of the time and add little.
WITHOUT_CUTS = "separating/maxrounds = 0\nseparating/maxroundsroot = 0"


@dataclass(frozen=True, slots=True)
class MipAnswer:
    """What SCIP found: a place per question, and whether nothing better exists."""

    picks: tuple[int, ...]
    proven: bool


@dataclass(frozen=True, slots=True)
class ServerClass:
    """Servers that host the same jobs: how many, the jobs shared with other classes, by place.

    `cost` is that of preempting the jobs that no other class hosts, >= 0.
    """

    servers: int
    shared: tuple[int, ...]
    cost: float


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
    classes: Sequence[ServerClass], costs: Sequence[float], count: int, nodes: int
) -> MipAnswer | None:
    """Pick classes with at least `count` servers whose jobs cost least in total (paper §3).

    `costs` are those of the shared jobs, by place. `picks` holds the places of the vacated
    classes. None: the limit struck before anything was found.

    One binary variable tells whether a shared job is preempted. Whether a class is vacated is at
    most that of each of its shared jobs, so it may be continuous; it is binary only where it bears
    a cost of its own.
    """
    solver = _scip(nodes, WITHOUT_CUTS)
    objective = solver.Objective()
    preempted = [solver.BoolVar("") for _ in costs]
    for job, cost in zip(preempted, costs, strict=True):
        objective.SetCoefficient(job, cost)
    enough = solver.Constraint(float(count), solver.infinity())
    vacated = [solver.Var(0.0, 1.0, alike.cost > 0.0, "") for alike in classes]
    for variable, alike in zip(vacated, classes, strict=True):
        objective.SetCoefficient(variable, alike.cost)
        enough.SetCoefficient(variable, float(alike.servers))
        for job in alike.shared:
            implies = solver.Constraint(-solver.infinity(), 0.0)
            implies.SetCoefficient(variable, 1.0)
            implies.SetCoefficient(preempted[job], -1.0)
    objective.SetMinimization()
    proven = _solve(solver)
    if proven is None:
        return None
    # a continuous variable may stay below 1 although all its jobs go, where it is not needed
    picks = (
        place
        for place, alike in enumerate(classes)
        if all(preempted[job].solution_value() > 0.5 for job in alike.shared)
        and (alike.cost == 0.0 or vacated[place].solution_value() > 0.5)
    )
    return MipAnswer(tuple(picks), proven)


def _scip(nodes: int, *settings: str) -> Any:  # noqa: ANN401 - the library is untyped
    """Start SCIP; `limits/nodes` would forget the nodes before a restart."""
    assert nodes > 0
    solver: Any = pywraplp.Solver.CreateSolver("SCIP")
    if solver is None:
        raise SolverFailed("this build of OR-Tools has no SCIP")
    solver.SuppressOutput()
    lines = "\n".join([f"limits/totalnodes = {nodes}", "lp/threads = 1", *settings])
    if not (solver.SetNumThreads(1) and solver.SetSolverSpecificParametersAsString(lines)):
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
