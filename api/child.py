"""Work that would hold up everybody else, done in a process of its own.

An executor of the standard library can't end a task that takes too long; here the process is
killed, and the next question starts another.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import BoundedSemaphore, Lock
from typing import Any, Generic, TypeVar

from api.errors import Overloaded
from aryl.model.errors import BadInput

NICER = 5  # scheduling and HTTP come first
SPAWN = get_context("spawn")  # a fork would copy locks that other threads hold

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A `BadInput` on its way between processes: exceptions lose their fields there."""

    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Running:
    process: SpawnProcess
    pipe: "Connection[Any, Any]"


class Child(Generic[Question, Answer]):
    """Asks a function in another process, one question at a time; it starts with the first."""

    def __init__(self, work: Callable[[Question], Answer], *, waiting: int) -> None:
        """`work` and whatever it holds can be pickled; `waiting` may wait while one is answered."""
        self._work = work
        self._places = BoundedSemaphore(waiting + 1)
        self._one_at_a_time, self._changing = Lock(), Lock()
        self._running: _Running | None = None
        self._is_closed = False

    def ask(self, question: Question, within_s: float) -> Answer:
        """The answer. Raises `Overloaded` where too many ask or it takes too long, and `BadInput`.

        Waiting for its turn and being answered may each take that long.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded("too many look ahead already", retry_after_s=5)
        try:
            if not self._one_at_a_time.acquire(timeout=within_s):
                raise Overloaded("others look ahead for too long", retry_after_s=5)
            try:
                return self._answer(question, within_s)
            finally:
                self._one_at_a_time.release()
        finally:
            self._places.release()

    def close(self) -> None:
        """End the process, and answer no more; whoever waits is told."""
        with self._changing:
            self._is_closed = True
            if self._running:
                self._running.process.kill()
                self._running.process.join()

    def _answer(self, question: Question, within_s: float) -> Answer:
        pipe = self._pipe()
        try:
            pipe.send(question)
            if not pipe.poll(within_s):
                self._end()
                raise Overloaded(
                    f"looking ahead takes longer than {within_s:g} s: ask for less of the future "
                    "by a smaller horizon_s",
                    retry_after_s=30,
                )
            answer: Answer | _Refusal = pipe.recv()
        except (EOFError, OSError):
            self._end()
            raise Overloaded("the process that looks ahead has ended; ask again") from None
        if isinstance(answer, _Refusal):
            raise BadInput(**answer.fields)
        return answer

    def _pipe(self) -> "Connection[Any, Any]":
        """The way to the process, which is started where there is none."""
        with self._changing:
            if self._is_closed:
                raise Overloaded("the service stops")
            if self._running is None or not self._running.process.is_alive():
                ours, theirs = SPAWN.Pipe()
                process = SPAWN.Process(
                    target=_serve, args=(theirs, self._work), name="ahead", daemon=True
                )
                process.start()
                theirs.close()  # so that its end is seen here
                self._running = _Running(process, ours)
            return self._running.pipe

    def _end(self) -> None:
        """End the process; only whoever asks it may, as the pipe is theirs."""
        with self._changing:
            running, self._running = self._running, None
        if running:
            running.process.kill()
            running.process.join()
            running.pipe.close()


def _serve(pipe: "Connection[Any, Any]", work: Callable[[Question], Answer]) -> None:
    """Answer questions until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    os.nice(NICER)
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        try:
            answer: Answer | _Refusal = work(question)
        except BadInput as error:
            answer = _Refusal(asdict(error))
        pipe.send(answer)
