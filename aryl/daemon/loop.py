"""When a scheduler steps, and whether it leads: the only place that waits.

One process leads at a time, by a lease that a thread of its own keeps alive. Whoever loses it stops
at the next write: the store and the cluster refuse an old term. After a failure everything is
opened anew, as after a restart: there is one way to begin.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf
from typing import Protocol

from aryl.clock import PacedClock
from aryl.daemon.scheduler import Scheduler
from aryl.model.errors import LeaseLost

FOLLOW_S = 1.0  # wall time between two looks at whether the leader is gone
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # wall time before a new attempt, by failures in a row


class Lease(Protocol):
    """The right to lead."""

    def acquire(self) -> int | None:
        """The term to lead for; None while another leads."""
        ...

    def renew(self) -> bool:
        """Keep leading; False where another leads by now."""
        ...

    def release(self) -> None:
        """Let another lead at once."""
        ...


class Herald(Protocol):
    """Is told who leads and what went wrong."""

    def leads(self, term: int) -> None:
        """This process leads from now on."""
        ...

    def follows(self) -> None:
        """Another process leads."""
        ...

    def stumbled(self, error: Exception) -> None:
        """Something outside failed; it is tried again."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What a loop leads with: `lead` opens everything for a term, `survives` can be tried again."""

    lease: Lease
    lead: Callable[[int], AbstractContextManager[Scheduler]]
    clock: PacedClock
    herald: Herald
    survives: tuple[type[Exception], ...]
    renew_s: float  # wall time between two renewals of the lease
    poll_s: float  # wall time after which a step is made in any case


class Loop:
    """Steps a scheduler for as long as it leads."""

    def __init__(self, terms: Terms) -> None:
        """Stand still."""
        self._terms = terms
        self._wake, self._has_paused = threading.Event(), threading.Event()
        self._is_stopping = False
        self._failures = 0

    def wake(self) -> None:
        """Step now: something may have changed."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the step at hand and give up the lease."""
        self._is_stopping = True
        self._wake.set()

    def wait_for_pause(self, wall_s: float) -> None:
        """Wait at most so long until a first step is made, or can't be made for now."""
        self._has_paused.wait(wall_s)

    def run(self) -> None:
        """Lead whenever nobody else does, until stopped."""
        while not self._is_stopping:
            try:
                self._take_turn()
            except LeaseLost:
                self._terms.herald.follows()
            except self._terms.survives as error:
                self._terms.herald.stumbled(error)
                self._pause(BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)])
                self._failures += 1

    def _take_turn(self) -> None:
        self._wake.clear()
        term = self._terms.lease.acquire()
        if term is None:
            self._terms.herald.follows()
            self._pause(FOLLOW_S)
            return
        keeper = _Keeper(self._terms.lease, self._terms.renew_s, self._terms.survives)
        keeper.start()
        try:
            with self._terms.lead(term) as scheduler:
                self._terms.herald.leads(term)
                self._lead(scheduler, keeper)
        finally:
            keeper.stop()
        self._terms.lease.release()

    def _lead(self, scheduler: Scheduler, keeper: "_Keeper") -> None:
        clock = self._terms.clock
        while not self._is_stopping and not keeper.is_lost:
            self._wake.clear()  # before the step: what changes during it is seen by the next
            next_s = scheduler.step(clock.now())
            self._failures = 0
            until_next_s = clock.wall_s_until(next_s) if next_s < inf else inf
            self._pause(min(until_next_s, self._terms.poll_s))

    def _pause(self, wall_s: float) -> None:
        """Wait, but not for ever: whoever wakes or stops the loop ends it."""
        self._has_paused.set()
        if not self._is_stopping:
            self._wake.wait(max(0.0, wall_s))


class _Keeper(threading.Thread):
    """Renews a lease while it leads."""

    def __init__(self, lease: Lease, renew_s: float, survives: tuple[type[Exception], ...]) -> None:
        super().__init__(name="lease", daemon=True)
        self._lease, self._renew_s, self._survives = lease, renew_s, survives
        self._done = threading.Event()
        self.is_lost = False

    def run(self) -> None:
        while not self._done.wait(self._renew_s):
            try:
                self.is_lost = not self._lease.renew()
            except self._survives:
                continue  # the lease runs out by itself where the database stays away
            if self.is_lost:
                return

    def stop(self) -> None:
        self._done.set()
        self.join()
