"""The heap of events and the clock."""

import pytest

from simulator.clock import VirtualClock
from simulator.events import EventQueue, Kind


def test_events_come_by_time_then_kind_then_order_of_pushing() -> None:
    events = EventQueue()
    for time_s, kind, subject in [
        (5.0, Kind.WAKE, "late"),
        (1.0, Kind.TICK, "tick"),
        (1.0, Kind.ARRIVAL, "second"),
        (1.0, Kind.ARRIVAL, "first"),
        (1.0, Kind.FINISH, "finish"),
        (0.0, Kind.WAKE, "soon"),
    ]:
        events.push(time_s, kind, subject)

    order = []
    while events:
        order.append(events.pop()[3])
    assert order == ["soon", "finish", "second", "first", "tick", "late"]


def test_what_frees_gpus_comes_before_what_asks_for_them_and_decisions_come_last() -> None:
    assert sorted(Kind) == [
        Kind.FINISH,
        Kind.RETURN,
        Kind.ARRIVAL,
        Kind.SAMPLE,
        Kind.TICK,
        Kind.EFFECT,
        Kind.WAKE,
    ]


def test_an_empty_heap_has_nothing_to_wait_for() -> None:
    events = EventQueue()

    assert not events
    assert events.next_time() == float("inf")
    events.push(3.0, Kind.TICK, token=4)
    assert events.next_time() == 3.0
    assert events.pop() == (3.0, Kind.TICK, 0, "", 4)


def test_time_does_not_run_backwards() -> None:
    clock = VirtualClock()
    clock.move_to(5.0)
    clock.move_to(5.0)

    assert clock.now() == 5.0
    with pytest.raises(AssertionError, match="backwards"):
        clock.move_to(4.0)
