"""Reads the events of a service: those that are there, or all that come, over its restarts."""

from collections.abc import Callable, Iterator
from json import loads

from aryl.client.ask import Following, Json, Query
from aryl.client.errors import Busy, Unreachable
from aryl.client.service import Service
from aryl.client.waiting import Pause

AGAIN_S = 1.0  # before a stream that has ended is opened anew
SILENCE_S = 0.5  # without an event: there are no more of those that are there already


def latest(service: Service, count: int) -> Iterator[Json]:
    """The newest so many events, the oldest of them first."""
    quiet = Following(quiet_s=SILENCE_S, ends_when_quiet=True)
    with service.events({"after": -count}, quiet) as events:
        for event in events:
            yield loads(event.data)
            count -= 1
            if not count:
                return


class Follower:
    """Reads events as they come, each once and in order, whatever happens to the stream."""

    def __init__(self, service: Service, say: Callable[[str], None], wait: Pause) -> None:
        """Start with none; `say` hears when the service goes away."""
        self._service, self._say, self._wait = service, say, wait
        self._was_there = False
        self._last_id = ""

    def events(self, query: Query) -> Iterator[Json]:
        """What is asked for, then all that follows. Raises `Unreachable` where nobody is there."""
        while True:
            try:
                yield from self._stream(query)
            except (Unreachable, Busy) as error:
                if not self._was_there:
                    raise
                self._say(f"{error}; trying again")
            self._wait(AGAIN_S)

    def _stream(self, query: Query) -> Iterator[Json]:
        with self._service.events(query, Following(last_event_id=self._last_id)) as events:
            self._was_there = True
            for event in events:
                self._last_id = event.id or self._last_id
                if event.data:
                    yield loads(event.data)
