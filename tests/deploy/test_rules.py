"""deploy/prometheus: rules and their tests hold, and every alert is tested and explained."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.prometheus import DEPLOY, RULES, program
from tests.deploy.series import EXPORTED, named_in

TESTS = RULES.with_name("aryl.rules.test.yml")
RUNBOOK = DEPLOY.parent / "docs" / "operations.md"

RECORDED: list[dict[str, Any]] = []
ALERTS: dict[str, dict[str, Any]] = {}
for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
    for rule in group["rules"]:
        if "alert" in rule:
            ALERTS[rule["alert"]] = rule
        else:
            RECORDED.append(rule)


def promtool(*words: str | Path) -> str:
    ran = subprocess.run(  # noqa: S603 - our own words
        [program("promtool"), *map(str, words)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_rules_are_valid() -> None:
    assert f"{len(RECORDED) + len(ALERTS)} rules found" in promtool("check", "rules", RULES)


def test_the_example_configuration_is_valid_and_loads_the_rules(tmp_path: Path) -> None:
    for file in (RULES, RULES.with_name("prometheus.yml")):
        shutil.copy(file, tmp_path)
    (tmp_path / "aryl.token").write_text("aryl_secret")

    said = promtool("check", "config", tmp_path / "prometheus.yml")

    assert str(tmp_path / RULES.name) in said


def test_each_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", TESTS)


def test_each_alert_is_tested_both_firing_and_quiet() -> None:
    fires: dict[str, set[bool]] = {name: set() for name in ALERTS}
    for test in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]:
        for case in test["alert_rule_test"]:
            fires[case["alertname"]].add(bool(case["exp_alerts"]))

    assert {name: seen for name, seen in fires.items() if seen != {True, False}} == {}


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_what_how_much_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    notes = alert["annotations"]

    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert notes["summary"]
    assert (
        "$value" in notes["description"]
        or name == "ArylDown"
        or "5 minutes" in notes["description"]
    )
    assert notes["runbook"] == f"docs/operations.md#{name.lower()}"
    assert re.search(rf"^### {name}$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    "rule", [*RECORDED, *ALERTS.values()], ids=lambda r: r.get("alert") or r["record"]
)
def test_each_rule_asks_only_for_series_that_there_are(rule: dict[str, Any]) -> None:
    known = EXPORTED | {recorded["record"] for recorded in RECORDED}

    assert named_in(rule["expr"]) <= known


def test_every_recorded_series_is_in_the_docs() -> None:
    page = (DEPLOY.parent / "docs" / "metrics.md").read_text(encoding="utf-8")

    listed = re.findall(r"^\| `(aryl:[^`]+)`", page, re.MULTILINE)
    assert listed == [rule["record"] for rule in RECORDED]
