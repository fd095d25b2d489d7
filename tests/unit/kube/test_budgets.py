"""Disruption budgets select pods as the API says, and forbid what they don't allow."""

from typing import Any

import pytest

from aryl.kube.budgets import covers, forbidding
from aryl.kube.views import BudgetView
from tests.unit.kube.pictures import a_pod


def a_budget(name: str = "b", allowed: int = 0, **selector: Any) -> BudgetView:
    return BudgetView("default", name, selector, allowed, selects_all_if_empty=True)


def rule(operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "app", "operator": operator, "values": [*values]}]}


@pytest.mark.parametrize(
    ("selector", "covered"),
    [
        ({"matchLabels": {"app": "a"}}, {"a"}),
        ({"matchLabels": {"app": "a", "other": "x"}}, set()),
        (rule("In", "a", "c"), {"a"}),
        (rule("NotIn", "a"), {"b", ""}),
        (rule("Exists"), {"a", "b"}),
        (rule("DoesNotExist"), {""}),
        (rule("Unheard"), set()),
        ({"matchLabels": {"app": "a"}} | rule("In", "b"), set()),
        ({}, {"a", "b", ""}),
    ],
)
def test_a_selector_selects(selector: dict[str, Any], covered: set[str]) -> None:
    pods = {app: a_pod(f"p{app}", labels={"app": app} if app else {}) for app in ("a", "b", "")}

    assert {app for app, pod in pods.items() if covers(a_budget(**selector), pod)} == covered


def test_an_empty_selector_of_old_selects_nothing() -> None:
    old = BudgetView("default", "b", {}, 0, selects_all_if_empty=False)

    assert not covers(old, a_pod("p"))


def test_a_budget_counts_pods_of_its_namespace_only() -> None:
    assert forbidding([a_pod("p", namespace="elsewhere")], [a_budget()]) == ""


@pytest.mark.parametrize(("allowed", "answer"), [(1, "default/b"), (2, "")])
def test_a_budget_has_to_allow_all_at_once(allowed: int, answer: str) -> None:
    assert forbidding([a_pod("p"), a_pod("q")], [a_budget(allowed=allowed)]) == answer


def test_a_pod_under_two_budgets_is_never_evicted() -> None:
    budgets = [a_budget("b", 5), a_budget("a", 5)]

    assert forbidding([a_pod("p")], budgets) == "default/a and default/b"
