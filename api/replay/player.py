"""Hands what a trace holds to a service, each thing at its time, though the service may go away."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter
from typing import TypeVar

from aryl.client.ask import Json
from aryl.client.errors import Busy, Invalid, Refused, Unreachable
from aryl.client.service import Service, new_key
from aryl.client.waiting import Pause

LOOK_S = 1.0  # wall seconds between two looks at the cluster clock: it may be set anew
RETRY_S = 2.0
PATIENCE = 300  # attempts in a row without an answer: ten minutes
CONFLICT = 409

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job to submit, so many seconds of the trace after its start."""

    due_s: float
    body: Json
    is_measured: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """What inference needs from then on, in servers."""

    due_s: float
    servers: float


@dataclass(frozen=True, slots=True)
class Pace:
    """The cluster time of the start, cluster seconds for one of the trace and for one of ours."""

    start_s: float
    stretch: float
    clock_speed: float

    def cluster_s(self, due_s: float) -> float:
        """When something is due by the cluster's clock."""
        return self.start_s + due_s * self.stretch


@dataclass(slots=True)
class Tally:
    """What has been handed over, and what the service would not take, with its reason."""

    submitted: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


class Player:
    """Plays jobs and demand to a service."""

    def __init__(
        self, service: Service, pace: Pace, wait: Pause, say: Callable[[str], None]
    ) -> None:
        """Play to a service; `say` hears when it is away."""
        self._service, self._pace = service, pace
        self._wait, self._say = wait, say
        self._now_s = float("-inf")
        self.tally = Tally()

    def play(
        self, arrivals: Iterable[Arrival], samples: Iterable[Sample], told: Callable[[], None]
    ) -> None:
        """Hand over all of it in order; `told` hears of each job. Raises where nobody is back."""
        items: Iterable[Arrival | Sample] = merge(samples, arrivals, key=attrgetter("due_s"))
        for item in items:
            due_s = self._pace.cluster_s(item.due_s)
            self._await(due_s)
            if isinstance(item, Arrival):
                self._submit(item.body)
                told()
            else:
                self._push(item.servers, due_s)

    def _await(self, cluster_s: float) -> None:
        while self._now_s < cluster_s:
            self._now_s = self._patiently(self._service.status)["now_s"]
            left_s = (cluster_s - self._now_s) / self._pace.clock_speed
            if left_s > 0:
                self._wait(min(left_s, LOOK_S))

    def _push(self, servers: float, at_s: float) -> None:
        self._patiently(lambda: self._service.push_demand(servers, at_s))

    def _submit(self, body: Json) -> None:
        key = new_key()  # one for all attempts
        try:
            self._patiently(lambda: self._service.submit(body, key=key))
        except Invalid as error:
            self.tally.refused.append((body["id"], str(error)))
        except Refused as error:
            if error.status != CONFLICT:
                raise
            self.tally.refused.append((body["id"], str(error)))
        else:
            self.tally.submitted += 1

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        for attempt in range(PATIENCE):
            try:
                return ask()
            except (Unreachable, Busy) as error:
                if attempt == 0:
                    self._say(f"{error}; trying again")
                self._wait(RETRY_S)
        return ask()
