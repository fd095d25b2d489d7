"""Submissions that come together are committed together, and each is answered by its own commit."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from api.errors import Overloaded
from api.submitting import BATCH, Batcher
from tests.api.stage import JOB, Stage
from tests.service.processes import until


class Ledger:
    """Takes batches, once it may."""

    def __init__(self) -> None:
        """Take everything."""
        self.batches: list[list[int]] = []
        self.may, self.is_at_it = Event(), Event()
        self.may.set()

    def __call__(self, batch: Sequence[int]) -> list[int | Exception]:
        """Double numbers; odd ones are refused."""
        self.is_at_it.set()
        assert self.may.wait(10.0)
        self.batches.append(list(batch))
        if 13 in batch:
            raise KeyError(13)
        return [ValueError(number) if number % 2 else number * 2 for number in batch]


def test_what_comes_while_one_batch_is_written_is_the_next() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger, waiting=10)
    ledger.may.clear()

    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(batcher.ask, 0)
        ledger.is_at_it.wait(10.0)
        others = [threads.submit(batcher.ask, number) for number in range(2, 18, 2)]
        until(lambda: batcher.waiting == 8)
        ledger.may.set()
        answers = [future.result() for future in (first, *others)]

    batcher.close()
    assert answers == [number * 2 for number in range(0, 18, 2)]
    assert [len(batch) for batch in ledger.batches] == [1, 8]


def test_a_batch_has_an_end() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger, waiting=10_000)
    ledger.may.clear()

    with ThreadPoolExecutor(BATCH + 11) as threads:
        threads.submit(batcher.ask, 0)
        ledger.is_at_it.wait(10.0)
        for _ in range(BATCH + 10):
            threads.submit(batcher.ask, 2)
        until(lambda: batcher.waiting == BATCH + 10)
        ledger.may.set()

    batcher.close()
    assert [len(batch) for batch in ledger.batches] == [1, BATCH, 10]


def test_one_refusal_holds_up_no_other() -> None:
    batcher = Batcher(Ledger(), waiting=10)

    with pytest.raises(ValueError, match="3"):
        batcher.ask(3)

    assert batcher.ask(4) == 8
    batcher.close()


def test_a_commit_that_fails_is_told_to_all_and_does_not_end_it() -> None:
    batcher = Batcher(Ledger(), waiting=10)

    with pytest.raises(KeyError):
        batcher.ask(13)

    assert batcher.ask(4) == 8
    batcher.close()


def test_no_more_wait_than_there_is_room_for() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger, waiting=1)
    ledger.may.clear()

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(batcher.ask, 0)
        ledger.is_at_it.wait(10.0)
        second = threads.submit(batcher.ask, 2)
        until(lambda: batcher.waiting == 1)
        with pytest.raises(Overloaded):
            batcher.ask(4)
        ledger.may.set()

    assert (first.result(), second.result()) == (0, 4)
    batcher.close()


def test_what_was_taken_is_committed_before_the_end() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger, waiting=10)
    ledger.may.clear()

    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(batcher.ask, 0)]
        ledger.is_at_it.wait(10.0)
        asked.append(threads.submit(batcher.ask, 2))
        until(lambda: batcher.waiting == 1)
        closing = threads.submit(batcher.close)
        ledger.may.set()
        closing.result(10.0)

    assert [future.result() for future in asked] == [0, 4]
    with pytest.raises(Overloaded):
        batcher.ask(6)


def test_many_submit_at_once_and_each_gets_its_own_job(stage: Stage) -> None:
    with ThreadPoolExecutor(16) as threads:
        jobs = list(threads.map(lambda n: stage.submit(id=f"j{n}"), range(100)))

    assert [job["id"] for job in jobs] == [f"j{n}" for n in range(100)]
    stored = stage.ask("GET", "/jobs?limit=1000").json()["items"]
    assert {job["id"] for job in stored} == {job["id"] for job in jobs}


def test_of_many_with_one_key_one_is_submitted(stage: Stage) -> None:
    headers = {"Idempotency-Key": "k1"}

    with ThreadPoolExecutor(16) as threads:
        asked = [
            threads.submit(stage.ask, "POST", "/jobs", json=JOB, headers=headers) for _ in range(50)
        ]
        responses = [future.result() for future in asked]

    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["id"] for response in responses}) == 1
    fresh = [r for r in responses if "Idempotency-Replayed" not in r.headers]
    assert len(fresh) == 1
