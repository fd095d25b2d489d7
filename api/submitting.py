"""Submissions that come at the same time are committed together: one write to disk for all.

A commit waits for the disk, so that one at a time would bound the rate. Here one thread takes what
has come while it wrote, and commits that as the next batch; nobody is answered before the commit
that holds their job.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Full, Queue
from threading import Lock, Thread
from typing import Generic, TypeVar

from api.errors import Overloaded

BATCH = 256  # more would make the first of them wait too long
ANSWER_S = 30.0  # a write that takes longer is as good as lost to whoever waits

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Batcher(Generic[Asked, Answered]):
    """Hands what many threads ask for to one function, many at a time."""

    def __init__(
        self, commit: Callable[[Sequence[Asked]], Sequence[Answered | Exception]], *, waiting: int
    ) -> None:
        """Start the thread that commits; `waiting` may wait for it."""
        self._commit = commit
        self._queue: Queue[tuple[Asked, Future[Answered]] | None] = Queue(waiting)
        self._closing = Lock()
        self._is_closed = False
        self._thread = Thread(target=self._run, name="submits")
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many wait to be committed, those at hand apart."""
        return self._queue.qsize()

    def ask(self, asked: Asked) -> Answered:
        """The answer, once it is committed.

        Raises `Overloaded` where too many wait or the service stops, and what the commit raises.
        """
        future: Future[Answered] = Future()
        with self._closing:
            if self._is_closed:
                raise Overloaded("the service stops")
            try:
                self._queue.put_nowait((asked, future))
            except Full:
                raise Overloaded("too many submissions wait to be written") from None
        try:
            return future.result(ANSWER_S)
        except TimeoutError:
            raise Overloaded("the database is too slow; the job may be accepted yet") from None

    def close(self) -> None:
        """Commit what has been asked for, and nothing more."""
        with self._closing:
            is_first = not self._is_closed
            self._is_closed = True
        if is_first:
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < BATCH and not self._queue.empty():
                further = self._queue.get()
                if further is None:
                    self._answer(batch)
                    return
                batch.append(further)
            self._answer(batch)

    def _answer(self, batch: Sequence[tuple[Asked, Future[Answered]]]) -> None:
        try:
            answers = self._commit([asked for asked, _ in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait, who raise it
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
