"""The scenarios by name (spec §4, paper §7.1)."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from aryl.model.errors import BadInput
from simulator.scenarios.workload import Overrides, Workload, overridden

NONE: Overrides = MappingProxyType({})
SHAPING_COLUMNS = frozenset({"fungible", "heterogeneous", "min_workers", "max_workers"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """A workload with a name; `policy` holds knobs that a policy file may set otherwise."""

    meaning: str
    workload: Workload | None  # None: every job stays as the trace has it
    policy: Mapping[str, float] = field(default_factory=dict)


_BASIC = Workload()
_ADVANCED = replace(_BASIC, heterogeneous_jobs=0.1)
_HETEROGENEOUS = replace(_ADVANCED, fungible_jobs=0.0)
_IDEAL = replace(_BASIC, elastic_jobs=1.0, heterogeneous_jobs=1.0)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "basic": Scenario("5 % of jobs are elastic, with 36 % of GPU-time; 21 % fungible", _BASIC),
        "advanced": Scenario("`basic`, and 10 % of jobs are heterogeneous", _ADVANCED),
        "heterogeneous": Scenario("`advanced` without fungible jobs", _HETEROGENEOUS),
        "ideal": Scenario(
            "every job is elastic and heterogeneous, and a mix of GPU types costs no speed",
            _IDEAL,
            {"heterogeneous_efficiency": 1.0},
        ),
        "as-is": Scenario("every job as the trace has it", None),
    }
)


def scenario_named(name: str | None, columns: Set[str]) -> str:
    """The scenario asked for; by default `as-is` where the trace carries any shaping column.

    Raises `BadInput` for an unknown name.
    """
    if name is None:
        return "as-is" if columns & SHAPING_COLUMNS else "basic"
    if name not in SCENARIOS:
        expected = ", ".join(SCENARIOS)
        raise BadInput("--scenario", "is no scenario", value=name, expected=expected)
    return name


def workload_of(scenario: str, columns: Set[str], overrides: Overrides = NONE) -> Workload | None:
    """What a scenario draws on a trace with these columns; None: nothing.

    Raises `BadInput` for an override that is wrong or has no effect.
    """
    workload = SCENARIOS[scenario].workload
    if workload is not None:
        return overridden(workload, overrides, columns)
    if overrides:
        problem = f"has no effect: scenario {scenario} draws nothing"
        expected = "another --scenario"
        raise BadInput("--workload", problem, value=next(iter(overrides)), expected=expected)
    return None


def policy_defaults(name: str | None) -> Mapping[str, float]:
    """The knobs that a scenario sets, where the policy's file leaves them open."""
    scenario = SCENARIOS.get(name or "")
    return scenario.policy if scenario else {}
