"""When the two loops are due: after changes, at most every cycle, loans first."""

from math import inf

from aryl.engine.pacing import Pacing
from aryl.model.snapshot import Due
from aryl.policy.registry import load_policy


def pacing(**knobs: float) -> Pacing:
    return Pacing(load_policy({"cycle_s": 10.0} | knobs))


def test_nothing_is_due_until_something_has_changed() -> None:
    idle = pacing()
    assert idle.due(0.0) is None
    assert idle.wake_s == inf
    idle.changed()
    assert idle.due(0.0) is Due.SCHEDULE
    assert idle.due(0.0) is None


def test_a_change_within_a_cycle_waits_for_its_end() -> None:
    busy = pacing()
    busy.changed()
    assert busy.due(100.0) is Due.SCHEDULE
    busy.changed()
    assert busy.due(104.0) is None
    assert busy.wake_s == 110.0
    assert busy.due(110.0) is Due.SCHEDULE


def test_loans_are_looked_at_before_jobs_and_need_no_change() -> None:
    both = pacing()
    both.tick()
    both.changed()
    assert both.due(0.0) is Due.ORCHESTRATE
    assert both.due(0.0) is Due.SCHEDULE


def test_where_plans_take_time_one_plan_answers_both_loops() -> None:
    slow = pacing(decision_latency_s=2.0)
    slow.tick()
    slow.changed()
    assert slow.due(0.0) == Due.ORCHESTRATE | Due.SCHEDULE
    slow.tick()
    assert slow.due(5.0) is Due.ORCHESTRATE


def test_a_policy_that_reconsiders_decides_though_nothing_has_changed() -> None:
    again = pacing(reconsider_s=60.0)
    again.changed()
    assert again.due(100.0) is Due.SCHEDULE
    assert again.wake_s == 160.0
    assert again.due(159.0) is None
    again.changed()
    assert again.wake_s == 110.0
    assert again.due(120.0) is Due.SCHEDULE
    assert again.wake_s == 180.0


def test_a_policy_reconsiders_no_more_often_than_it_may_decide() -> None:
    hasty = pacing(reconsider_s=1.0)
    hasty.changed()
    assert hasty.due(0.0) is Due.SCHEDULE
    assert hasty.wake_s == 10.0
