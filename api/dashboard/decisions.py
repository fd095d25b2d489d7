"""What plans decided, in few words: like actions of one plan are told as one."""

from collections.abc import Iterable
from dataclasses import dataclass

from api.schemas.plans import ActionOut, PlanDetailOut


@dataclass(frozen=True, slots=True)
class Decision:
    """Actions of one kind in one plan that have the same reason and the same outcome."""

    plan: PlanDetailOut
    actions: tuple[ActionOut, ...]

    @property
    def first(self) -> ActionOut:
        """The one that stands for all of them."""
        return self.actions[0]

    @property
    def name(self) -> str:
        """What sets it apart from all others."""
        return f"{self.plan.id}.{self.first.position}"


def decisions_of(plans: Iterable[PlanDetailOut]) -> list[Decision]:
    """The decisions of plans, in the order of the plans and of their first actions."""
    return [decision for plan in plans for decision in _decisions(plan)]


def _decisions(plan: PlanDetailOut) -> Iterable[Decision]:
    alike: dict[tuple[str | None, ...], list[ActionOut]] = {}
    for action in plan.actions:
        key = action.action, action.reason.text, action.status, action.detail
        alike.setdefault(key, []).append(action)
    return (Decision(plan, tuple(actions)) for actions in alike.values())
