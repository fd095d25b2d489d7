"""A process of its own: it answers, is killed when it takes too long, and is replaced."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest

from api.child import Child
from api.errors import Overloaded
from aryl.model.errors import BadInput

LONG_S = 60.0  # nobody waits for that


def worked(question: str) -> int:
    """The process that answers; some questions are awkward."""
    match question:
        case "for ever":
            Event().wait()
        case "die":
            os._exit(1)
        case "wrong":
            raise BadInput("question", "is wrong", column="word", value=question)
        case _:
            pass
    return os.getpid()


@contextmanager
def working(waiting: int = 4) -> Iterator[Child[str, int]]:
    child = Child(worked, waiting=waiting)
    try:
        yield child
    finally:
        child.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_answers_all_questions_and_ends_with_its_owner() -> None:
    with working() as child:
        first, second = child.ask("who", LONG_S), child.ask("who", LONG_S)

        assert first == second != os.getpid()
        assert is_alive(first)
    assert not is_alive(first)


def test_what_takes_too_long_is_killed_and_the_next_question_is_answered() -> None:
    with working() as child:
        first = child.ask("who", LONG_S)
        with pytest.raises(Overloaded, match=r"longer than 0.2 s: .* horizon_s"):
            child.ask("for ever", 0.2)

        assert not is_alive(first)
        assert child.ask("who", LONG_S) != first


def test_a_process_that_dies_is_replaced() -> None:
    with working() as child:
        first = child.ask("who", LONG_S)
        with pytest.raises(Overloaded, match="has ended; ask again"):
            child.ask("die", LONG_S)

        assert child.ask("who", LONG_S) != first


def test_bad_input_comes_back_with_all_its_fields() -> None:
    with working() as child:
        with pytest.raises(BadInput) as refused:
            child.ask("wrong", LONG_S)

        assert (refused.value.column, refused.value.value) == ("word", "wrong")
        assert child.ask("who", LONG_S)


def test_more_than_may_wait_are_turned_away_at_once() -> None:
    with working(waiting=1) as child, ThreadPoolExecutor(2) as pool:
        child.ask("who", LONG_S)
        busy = [pool.submit(child.ask, "for ever", 1.0) for _ in range(2)]
        while child._places._value:
            Event().wait(0.01)
        with pytest.raises(Overloaded, match="too many"):
            child.ask("who", LONG_S)
        assert all(isinstance(asked.exception(), Overloaded) for asked in busy)


def test_closing_ends_whoever_is_being_answered() -> None:
    with ThreadPoolExecutor(1) as pool, working() as child:
        child.ask("who", LONG_S)
        asked = pool.submit(child.ask, "for ever", LONG_S)
        while not asked.running():
            Event().wait(0.01)
        child.close()

        assert isinstance(asked.exception(LONG_S / 2), Overloaded)
        with pytest.raises(Overloaded, match="stops"):
            child.ask("who", LONG_S)
