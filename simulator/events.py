"""The event heap: what happens next, in virtual time."""

from enum import IntEnum
from heapq import heappop, heappush


class Kind(IntEnum):
    """What may happen; at one instant, the lower number comes first."""

    FINISH = 0  # a job has done its work
    RETURN = 1  # a server asked back is vacated
    ARRIVAL = 2  # a job is submitted
    SAMPLE = 3  # inference demand steps, and the timeline is read
    TICK = 4  # the orchestrator looks at loans
    EFFECT = 5  # a plan takes effect, a decision latency after its snapshot
    WAKE = 6  # the job scheduler may decide again


Entry = tuple[float, Kind, int, str, int]  # time, kind, sequence, subject, token


class EventQueue:
    """A heap of (time, kind, sequence): ties break by kind, then by the order of pushing."""

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[Entry] = []
        self._pushed = 0

    def __bool__(self) -> bool:
        """Whether anything is still to happen."""
        return bool(self._heap)

    def push(self, time_s: float, kind: Kind, subject: str = "", token: int = 0) -> None:
        """Let something happen at `time_s`; `subject` and `token` say to whom and since when."""
        heappush(self._heap, (time_s, kind, self._pushed, subject, token))
        self._pushed += 1

    def pop(self) -> Entry:
        """What happens next."""
        return heappop(self._heap)

    def next_time(self) -> float:
        """When it happens; infinity where nothing does."""
        return self._heap[0][0] if self._heap else float("inf")
