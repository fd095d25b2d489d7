"""What PodDisruptionBudgets say to evictions, before they are asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from aryl.kube.views import BudgetView, PodView


def forbidding(pods: Iterable[PodView], budgets: Iterable[BudgetView]) -> str:
    """The budget that would not let all of these pods be evicted now; "" where none minds.

    A pod under several budgets is never evicted: the API server refuses it.
    """
    asked: Counter[str] = Counter()
    allowed: dict[str, int] = {}
    budgets = tuple(budgets)
    for pod in pods:
        over = [budget for budget in budgets if covers(budget, pod)]
        if len(over) > 1:
            return " and ".join(sorted(_name(budget) for budget in over))
        for budget in over:
            asked[_name(budget)] += 1
            allowed[_name(budget)] = budget.allowed
    return min((name for name in asked if asked[name] > allowed[name]), default="")


def is_evicted(pod: PodView) -> bool:
    """Whether a pod would go by eviction: it is bound, has not ended and is not on its way out."""
    return pod.holds_gpus and pod.deleted_s is None


def covers(budget: BudgetView, pod: PodView) -> bool:
    """Whether a budget counts a pod."""
    return budget.namespace == pod.namespace and _selects(budget, pod.labels)


def _selects(budget: BudgetView, labels: Mapping[str, str]) -> bool:
    selector: Mapping[str, Any] = budget.selector
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    rules: Iterable[Mapping[str, Any]] = selector.get("matchExpressions") or ()
    if not wanted and not rules:
        return budget.selects_all_if_empty
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(rule, labels) for rule in rules
    )


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels obey a rule; what we don't know, none obeys."""
    key, values = rule["key"], rule.get("values") or ()
    match rule["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


def _name(budget: BudgetView) -> str:
    return f"{budget.namespace}/{budget.name}"
