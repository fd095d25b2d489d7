"""The loop that leads by lease: who steps, what it survives, and how it stops."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import cast

import pytest

from aryl.clock import PacedClock
from aryl.daemon.loop import Loop, Terms
from aryl.daemon.scheduler import Scheduler
from aryl.model.errors import LeaseLost
from simulator.clock import VirtualClock

LIMIT_S = 10.0


@dataclass
class FakeLease:
    """A lease that is free when it says so."""

    is_free: bool = True
    is_kept: bool = True
    term: int = 0
    told: list[str] = field(default_factory=list)

    def acquire(self) -> int | None:
        if not self.is_free:
            return None
        self.term += 1
        return self.term

    def renew(self) -> bool:
        return self.is_kept

    def release(self) -> None:
        self.told.append("released")


@dataclass
class Play:
    """A loop whose scheduler does what the test says, step by step."""

    steps: list[Callable[[], None]]
    lease: FakeLease = field(default_factory=FakeLease)
    heard: list[str] = field(default_factory=list)
    next_s: float = inf

    def __post_init__(self) -> None:
        clock = PacedClock(VirtualClock(), 0.0)
        self.loop = Loop(
            Terms(self.lease, self.lead, clock, self, (OSError,), renew_s=0.01, poll_s=0.02)
        )

    @contextmanager
    def lead(self, term: int) -> Iterator[Scheduler]:
        self.heard.append(f"opened {term}")
        yield cast(Scheduler, self)
        self.heard.append(f"closed {term}")

    def step(self, _now: float) -> float:
        if self.steps:
            self.steps.pop(0)()
        else:
            self.loop.stop()
        return self.next_s

    def leads(self, term: int) -> None:
        self.heard.append(f"leads {term}")

    def follows(self) -> None:
        self.heard.append("follows")

    def stumbled(self, error: Exception) -> None:
        self.heard.append(f"stumbled: {error}")

    def run(self) -> None:
        thread = threading.Thread(target=self.loop.run)
        thread.start()
        thread.join(LIMIT_S)
        assert not thread.is_alive(), "the loop does not stop"


def nothing() -> None:
    pass


def test_a_leader_steps_until_it_is_stopped_and_then_gives_up_the_lease() -> None:
    play = Play([nothing, nothing])
    play.run()
    assert play.heard == ["opened 1", "leads 1", "closed 1"]
    assert play.lease.told == ["released"]


def test_who_does_not_lead_does_not_step() -> None:
    play = Play([], FakeLease(is_free=False))
    thread = threading.Thread(target=play.loop.run)
    thread.start()
    play.loop.stop()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
    assert set(play.heard) <= {"follows"}


def test_an_outage_is_survived_and_everything_is_opened_anew() -> None:
    def fail() -> None:
        raise OSError("the database is away")

    play = Play([fail])
    play.run()
    assert play.heard == [
        "opened 1",
        "leads 1",
        "stumbled: the database is away",
        "opened 2",
        "leads 2",
        "closed 2",
    ]


def test_a_lost_lease_ends_the_term() -> None:
    def lose() -> None:
        raise LeaseLost("term 2 has begun")

    play = Play([lose])
    play.run()
    assert play.heard == ["opened 1", "leads 1", "follows", "opened 2", "leads 2", "closed 2"]


def test_a_lease_that_can_not_be_renewed_ends_the_term() -> None:
    play = Play([])
    play.lease.is_kept = False
    waits = threading.Event()
    play.steps = [lambda: cast(None, waits.wait(0.2)), play.loop.stop]
    play.run()
    assert play.heard[:3] == ["opened 1", "leads 1", "closed 1"]


def test_our_own_bugs_are_not_survived() -> None:
    def bug() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        Play([bug]).loop.run()


def test_a_wake_cuts_the_wait_short() -> None:
    play = Play([nothing])
    play.loop.wake()
    play.run()
    assert play.steps == []
