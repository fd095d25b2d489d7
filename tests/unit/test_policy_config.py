"""Every knob of `[policy]` and every registry entry: defaults, schemes, and what is refused."""

from dataclasses import fields, replace

import pytest

from aryl.model.errors import BadInput
from aryl.policy.config import PARTS, SCHEMES, EstimateError, PolicyConfig
from aryl.policy.registry import REGISTRIES, load_policy
from aryl.policy.rules import rules_of
from tests.builders import make_spec


@pytest.mark.parametrize(
    ("scheme", "parts"),
    [
        ("fifo", ("fifo", "best-fit", "none", "greedy", "none")),
        ("fifo-backfill", ("fifo-backfill", "best-fit", "none", "greedy", "none")),
        ("sjf", ("sjf", "best-fit", "none", "greedy", "none")),
        ("aryl-loaning", ("sjf", "best-fit", "forecast", "greedy", "none")),
        ("aryl-scaling", ("sjf", "best-fit", "none", "greedy", "knapsack")),
        ("gandiva", ("fifo", "best-fit", "none", "greedy", "gandiva")),
        ("afs", ("sjf", "best-fit", "none", "greedy", "afs")),
        ("pollux", ("fifo-backfill", "best-fit", "none", "greedy", "pollux")),
        ("aryl", ("sjf", "best-fit", "forecast", "greedy", "knapsack")),
    ],
)
def test_a_scheme_is_a_mix_of_entries(scheme: str, parts: tuple[str, ...]) -> None:
    config = load_policy({}, scheme=scheme)

    assert tuple(getattr(config, part) for part in PARTS) == parts
    assert config.scheme == scheme
    assert scheme in SCHEMES


def test_nothing_given_is_aryl_with_every_default() -> None:
    assert load_policy({}) == PolicyConfig()


def test_the_table_s_entries_win_over_the_scheme_s_parts() -> None:
    config = load_policy({"scheme": "sjf", "scaling": "knapsack", "reclaim": "exact"})

    assert (config.scaling, config.reclaim, config.loaning) == ("knapsack", "exact", "none")


def test_the_scheme_asked_for_wins_over_the_table_s() -> None:
    assert load_policy({"scheme": "fifo"}, scheme="aryl") == PolicyConfig()


def test_whole_numbers_serve_where_fractions_are_expected() -> None:
    config = load_policy({"cycle_s": 0, "estimate_error": {"share": 1, "max": 0.25}})

    assert config == replace(PolicyConfig(), cycle_s=0.0, estimate_error=EstimateError(1.0, 0.25))


@pytest.mark.parametrize("part", REGISTRIES)
def test_every_entry_of_a_registry_can_be_named(part: str) -> None:
    for name in REGISTRIES[part]:
        assert getattr(load_policy({part: name}), part) == name


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"cycles": 1}, "p.toml: 'cycles' is no entry of [policy]", id="entry"),
        pytest.param({"scheme": "best"}, "column scheme: 'best' is no scheme", id="scheme"),
        pytest.param({"scheme": ["sjf"]}, "column scheme: ['sjf'] is no scheme", id="scheme list"),
        pytest.param({"scheme": 3}, "column scheme: 3 is no scheme", id="scheme number"),
        pytest.param({"ordering": "lifo"}, "column ordering: 'lifo' is not reg", id="ordering"),
        pytest.param({"placement": "x"}, "column placement: 'x' is not registered", id="placement"),
        pytest.param({"loaning": "x"}, "column loaning: 'x' is not registered", id="loaning"),
        pytest.param({"reclaim": "x"}, "column reclaim: 'x' is not registered", id="reclaim"),
        pytest.param({"scaling": "x"}, "column scaling: 'x' is not registered", id="scaling"),
        pytest.param({"forecaster": "x"}, "column forecaster: 'x' is not reg", id="forecaster"),
        pytest.param({"cycle_s": "10"}, "column cycle_s: '10' has the wrong type", id="text"),
        pytest.param({"cycle_s": True}, "column cycle_s: True has the wrong type", id="a flag"),
        pytest.param({"solver_nodes": 1.5}, "solver_nodes: 1.5 has the wrong type", id="fraction"),
        pytest.param({"ordering": 1}, "column ordering: 1 has the wrong type", id="number"),
        pytest.param(
            {"cycle_s": -1}, "column cycle_s: -1.0 is out of range; expected >= 0", id="<"
        ),
        pytest.param({"cycle_s": float("nan")}, "cycle_s: nan is out of range", id="not a number"),
        pytest.param({"vacate_s": float("inf")}, "vacate_s: inf is out of range", id="infinite"),
        pytest.param({"orchestrator_s": 0}, "0.0 is out of range; expected >= 1", id="zero"),
        pytest.param({"solver_nodes": 0}, "solver_nodes: 0 is out of range", id="no nodes"),
        pytest.param({"headroom": 1.01}, "1.01 is out of range; expected from 0 to 1", id="share"),
        pytest.param(
            {"heterogeneous_efficiency": 0}, "0.0 is out of range; expected above 0", id="no speed"
        ),
        pytest.param({"seed": -1}, "column seed: -1 is out of range", id="seed"),
        pytest.param({"lend": "all"}, "'all' is unknown; expected eager or on-demand", id="word"),
        pytest.param(
            {"value_of_work": "x"}, "expected total or remaining or soonest", id="value of work"
        ),
        pytest.param({"victim_weight": "x"}, "expected jobs or lost_gpu_s", id="victim weight"),
        pytest.param({"speedup": "cubic"}, "p.toml, column speedup: 'cubic' is no", id="speedup"),
        pytest.param({"estimate_error": 0.2}, "0.2 has the wrong form", id="no table"),
        pytest.param({"estimate_error": {"share": 1}}, "has the wrong form", id="half a table"),
        pytest.param(
            {"estimate_error": {"share": 2, "max": 0}},
            "column estimate_error.share: 2 is no share; expected from 0 to 1",
            id="share of estimates",
        ),
        pytest.param(
            {"estimate_error": {"share": 1, "max": True}},
            "column estimate_error.max: True is no share",
            id="flag for a share",
        ),
    ],
)
def test_a_bad_entry_is_refused_with_its_name_and_value(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        load_policy(given, source="p.toml")

    assert message in str(refused.value)
    assert str(refused.value).startswith("p.toml")
    assert "; expected " in str(refused.value)


def test_every_knob_has_a_meaning() -> None:
    assert all(knob.metadata["meaning"] for knob in fields(PolicyConfig))


def test_where_nothing_scales_jobs_are_ranked_and_started_at_the_requested_size() -> None:
    spec = make_spec(num_gpus=3, min_workers=2, max_workers=6)

    assert rules_of(load_policy({}, scheme="sjf")).base_workers(spec) == 3
    assert rules_of(load_policy({}, scheme="aryl")).base_workers(spec) == 2


@pytest.mark.parametrize(
    ("scheme", "parts"),
    [
        pytest.param("aryl", ("las", "none"), id="attained service comes first"),
        pytest.param("srtf", ("las", "attained-service"), id="and suspends"),
        pytest.param("fifo", ("fifo", "none"), id="who never looked at run times stays"),
    ],
)
def test_without_estimates_no_part_looks_at_run_times(scheme: str, parts: tuple[str, str]) -> None:
    config = load_policy({"estimates": "none"}, scheme=scheme)

    assert (config.ordering, config.preemption) == parts


@pytest.mark.parametrize(
    "entry", [{"ordering": "sjf"}, {"preemption": "remaining-time", "ordering": "las"}]
)
def test_a_part_that_needs_estimates_is_refused_without_them(entry: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="needs estimates of run times"):
        load_policy({"estimates": "none", **entry})
