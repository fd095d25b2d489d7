"""Jobs come in by batches; each is answered, and none counts twice."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.engine.records import JobRecord
from aryl.model.errors import ArylError, Clash, Conflict
from aryl.store import Database, Principal, Role
from aryl.store.submitting import KEYS_LAST_S
from tests.builders import make_spec
from tests.contract.worlds import Desk, submission
from tests.strategies import specs


def _ids(answers: Sequence[JobRecord | ArylError]) -> list[str]:
    return [it.id if isinstance(it, JobRecord) else str(it) for it in answers]


def test_a_batch_is_answered_in_its_order(database: Database) -> None:
    desk = Desk(database)

    answers = desk.submit(*(make_spec(f"j{n}", submit_s=float(n)) for n in (2, 0, 1)))

    assert _ids(answers) == ["j2", "j0", "j1"]
    assert [it.sequence for it in answers if isinstance(it, JobRecord)] == [1, 2, 3]
    assert [desk.known(name) for name in ("j2", "j0", "j1")] != []
    assert desk.known("j2").queued_since_s == 2.0


def test_what_is_answered_is_what_is_stored(database: Database) -> None:
    desk = Desk(database)

    (answer,) = desk.submit(make_spec("j", workers=2, max_workers=4), name="training run")

    assert isinstance(answer, JobRecord)
    stored = desk.known("j")
    assert replace(stored, job=answer.job) == answer
    assert (stored.job.spec, stored.name, stored.owner) == (answer.job.spec, "training run", "ada")


def test_a_taken_name_is_refused_and_holds_up_no_other(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("j1"))

    answers = desk.submit(make_spec("j0"), make_spec("j1"), make_spec("j2"), make_spec("j2"))

    assert _ids(answers) == ["j0", "j1 exists already", "j2", "j2 exists already"]
    assert desk.users.events.last_id() == 3
    assert len(desk.store.queue()) == 3


def test_a_job_without_a_name_gets_one(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("job-000002"), make_spec("job-000004"))

    answers = desk.submit(make_spec(""), make_spec(""))

    first, second = _ids(answers)
    assert first == "job-000003"
    assert second.startswith("job-000004-")
    assert desk.known(second).job.spec.job_id == second


def test_the_same_key_is_answered_with_the_same_job(database: Database) -> None:
    desk = Desk(database)
    once = {"idempotency_key": "k", "fingerprint": "f"}

    (first,) = desk.submit(make_spec("j"), **once)
    (again,) = desk.submit(make_spec("other"), **once)
    twice = desk.submit(make_spec("a"), make_spec("b"), idempotency_key="l", fingerprint="f")

    assert _ids([first, again]) == ["j", "j"]
    assert _ids(twice) == ["a", "a"]
    assert len(desk.store.queue()) == 2


def test_the_same_key_for_something_else_is_a_conflict(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("j"), idempotency_key="k", fingerprint="f")

    (answer,) = desk.submit(make_spec("i"), idempotency_key="k", fingerprint="g")

    assert answer == Conflict("k", Clash.KEY_REUSED)
    assert desk.users.jobs.get("i") is None


def test_a_key_is_its_principals_own(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("j"), idempotency_key="k", fingerprint="f")

    other = Principal("bob", Role.SUBMITTER)
    (answer,) = desk.submit(make_spec("i"), idempotency_key="k", fingerprint="g", who=other)

    assert _ids([answer]) == ["i"]


def test_a_key_is_forgotten_after_a_day(database: Database) -> None:
    desk = Desk(database)
    once = {"idempotency_key": "k", "fingerprint": "f"}
    desk.submit(make_spec("j"), **once)

    desk.wall.time_s += KEYS_LAST_S + 1.0
    desk.submit(make_spec("another"), idempotency_key="l", fingerprint="f")
    (answer,) = desk.submit(make_spec("i"), **once)

    assert _ids([answer]) == ["i"]


def test_an_empty_batch_does_nothing(database: Database) -> None:
    assert Desk(database).submit() == []


def test_many_threads_submit_at_once_and_lose_nothing(database: Database) -> None:
    desk = Desk(database)

    def submit(thread: int) -> None:
        for number in range(10):
            names = [f"j{thread}-{number}-{n}" for n in range(5)]
            desk.users.jobs.submit([submission(make_spec(name)) for name in names])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(submit, range(4)))

    inbox = desk.store.refresh()
    sequences = [record.sequence for record in desk.store.live().values()]
    assert inbox.arrived == len(desk.store.queue()) == 200
    assert sequences == list(range(1, 201))


def test_of_many_that_submit_one_name_one_does(database: Database) -> None:
    desk = Desk(database)

    with ThreadPoolExecutor(6) as pool:
        batches = pool.map(desk.users.jobs.submit, [[submission(make_spec("j"))]] * 6)
        answers = [answer for batch in batches for answer in batch]

    assert sorted(type(it).__name__ for it in answers) == ["Conflict"] * 5 + ["JobRecord"]


class TestEveryJobComesBack:
    """As it was submitted, whatever it is."""

    @pytest.fixture
    def desk(self, database: Database) -> Desk:
        return Desk(database)

    def test_as_it_was_submitted(self, desk: Desk) -> None:
        names = iter(range(10**6))

        @given(st.data(), st.text(st.characters(exclude_characters="\0", codec="utf-8")))
        def law(data: st.DataObject, text: str) -> None:
            spec = data.draw(specs(f"j{next(names)}"))
            spec = replace(spec, user=text, queue=text[::-1], model="ü🐝")
            desk.users.jobs.submit([submission(spec, name=text)])

            record = desk.known(spec.job_id)
            assert (record.job.spec, record.name) == (spec, text)

        law()
