"""What a scenario's workload holds, and how a user sets it otherwise."""

import re
from dataclasses import asdict, replace
from math import inf, nan
from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from simulator.inputs import read_inputs
from simulator.request import RunRequest
from simulator.scenarios.named import SCENARIOS, policy_defaults, scenario_named, workload_of
from simulator.scenarios.workload import Workload, read_overrides

NO_COLUMNS: frozenset[str] = frozenset()
PAGE = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")
BASIC = Workload()


@pytest.mark.parametrize(
    ("name", "columns", "scenario"),
    [
        pytest.param(None, [], "basic", id="nothing shaped"),
        pytest.param(None, ["user", "checkpoint_s"], "basic", id="nothing that shapes"),
        pytest.param(None, ["fungible"], "as-is", id="fungible"),
        pytest.param(None, ["heterogeneous"], "as-is", id="heterogeneous"),
        pytest.param(None, ["min_workers"], "as-is", id="least workers"),
        pytest.param(None, ["max_workers"], "as-is", id="most workers"),
        pytest.param("basic", ["fungible"], "basic", id="asked for"),
    ],
)
def test_the_scenario_follows_from_the_columns_unless_asked_for(
    name: str | None, columns: list[str], scenario: str
) -> None:
    assert scenario_named(name, frozenset(columns)) == scenario


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(BadInput, match=r"'best' is no scenario; expected basic, .*, as-is"):
        scenario_named("best", NO_COLUMNS)


@pytest.mark.parametrize(
    ("scenario", "differs"),
    [
        ("basic", {}),
        ("advanced", {"heterogeneous_jobs": 0.1}),
        ("heterogeneous", {"heterogeneous_jobs": 0.1, "fungible_jobs": 0.0}),
        ("ideal", {"heterogeneous_jobs": 1.0, "elastic_jobs": 1.0}),
    ],
)
def test_scenarios_differ_from_basic_as_the_paper_says(
    scenario: str, differs: dict[str, float]
) -> None:
    expected = {
        "elastic_jobs": 0.05,
        "elastic_gpu_time": 0.36,
        "range": 2.0,
        "fungible_jobs": 0.21,
        "heterogeneous_jobs": 0.0,
        "checkpoint_jobs": 0.0,
        "checkpoint_s": 3600.0,
    }
    workload = workload_of(scenario, NO_COLUMNS)

    assert workload
    assert asdict(workload) == expected | differs


def test_an_override_replaces_its_entry_alone() -> None:
    chosen = workload_of("advanced", NO_COLUMNS, {"elastic_jobs": 0.4, "range": 3})

    assert chosen == replace(BASIC, heterogeneous_jobs=0.1, elastic_jobs=0.4, range=3.0)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"elastic": 0.4}, "'elastic' is no entry of a workload; expected elastic_jobs, "),
        ({"elastic_jobs": 1.4}, "elastic_jobs: 1.4 is out of range; expected a number from 0 to 1"),
        ({"fungible_jobs": -0.1}, "fungible_jobs: -0.1 is out of range"),
        ({"checkpoint_jobs": nan}, "checkpoint_jobs: nan is out of range"),
        ({"range": 0.5}, "range: 0.5 is out of range; expected a number from 1"),
        ({"checkpoint_s": inf}, "checkpoint_s: inf is out of range"),
        ({"checkpoint_s": "600"}, "checkpoint_s: '600' is out of range"),
        ({"elastic_jobs": True}, "elastic_jobs: True is out of range"),
    ],
)
def test_an_override_that_is_none_is_refused(overrides: dict[str, float], message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        workload_of("basic", NO_COLUMNS, overrides)


@pytest.mark.parametrize(
    ("scenario", "columns", "overrides"),
    [
        ("as-is", [], {"elastic_jobs": 0.4}),
        ("basic", ["max_workers"], {"elastic_jobs": 0.4}),
        ("basic", ["min_workers"], {"range": 3.0}),
        ("basic", ["min_workers"], {"elastic_gpu_time": 0.2}),
        ("advanced", ["fungible", "user"], {"heterogeneous_jobs": 0.2, "fungible_jobs": 0.0}),
        ("advanced", ["heterogeneous"], {"heterogeneous_jobs": 0.2}),
        ("basic", ["checkpoint_s"], {"checkpoint_s": 60.0}),
    ],
)
def test_an_override_without_effect_is_refused(
    scenario: str, columns: list[str], overrides: dict[str, float]
) -> None:
    with pytest.raises(BadInput, match="has no effect"):
        workload_of(scenario, frozenset(columns), overrides)


@pytest.mark.parametrize(
    ("columns", "overrides"),
    [
        (["user", "fungible"], {"elastic_jobs": 0.4}),
        (["max_workers"], {"elastic_jobs": 1, "range": 3.0}),
        (["checkpoint_s"], {"checkpoint_jobs": 1.0, "checkpoint_s": 60.0}),
    ],
)
def test_an_override_with_an_effect_is_taken(
    columns: list[str], overrides: dict[str, float]
) -> None:
    assert workload_of("basic", frozenset(columns), overrides) == replace(BASIC, **overrides)


def test_overrides_are_read_from_assignments() -> None:
    read = read_overrides(["elastic_jobs=0.2", "range = 3", "elastic_jobs=0.4"])

    assert read == {"elastic_jobs": 0.4, "range": 3.0}
    assert read_overrides([]) == {}


@pytest.mark.parametrize("text", ["elastic_jobs", "elastic_jobs=", "elastic_jobs=many", ""])
def test_what_assigns_no_number_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"--workload: .* sets nothing; expected NAME=NUMBER"):
        read_overrides([text])


def test_only_ideal_brings_a_knob_of_the_policy() -> None:
    assert policy_defaults(None) == {}
    assert policy_defaults("worst") == {}
    assert {name for name in SCENARIOS if policy_defaults(name)} == {"ideal"}


@pytest.mark.parametrize(
    ("scenario", "policy", "efficiency"),
    [
        ("ideal", "", 1.0),
        ("ideal", "heterogeneous_efficiency = 0.8", 0.8),
        ("advanced", "", 0.7),
        (None, "", 0.7),
    ],
)
def test_a_mix_of_gpu_types_is_ideal_in_ideal_unless_the_policy_says_otherwise(
    scenario: str | None, policy: str, efficiency: float, tmp_path: Path
) -> None:
    trace, file = tmp_path / "jobs.csv", tmp_path / "policy.toml"
    trace.write_text("job_id,submit_s,num_gpus,duration_s\na,0,8,60\n", encoding="utf-8")
    file.write_text(f"[policy]\n{policy}\n", encoding="utf-8")
    request = RunRequest(trace, cluster="testbed", policy=file, scenario=scenario)

    without_file = read_inputs(replace(request, policy=None)).world.config
    config = read_inputs(request).world.config

    assert config.heterogeneous_efficiency == efficiency
    assert policy or without_file.heterogeneous_efficiency == efficiency
    asked = read_inputs(replace(request, knobs={"heterogeneous_efficiency": 0.5})).world.config
    assert asked.heterogeneous_efficiency == 0.5


def test_the_page_lists_every_scenario_and_every_entry_with_its_default() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (?:`([\d.]+)`)?", PAGE, flags=re.MULTILINE)

    assert [name for name, default in rows if not default] == list(SCENARIOS)
    assert {name: float(text) for name, text in rows if text} == asdict(BASIC)
