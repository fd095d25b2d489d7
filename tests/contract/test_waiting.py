"""Why each job waits, with numbers, in as few rows as there are reasons."""

import pytest

from aryl.model.plan import Waiting
from aryl.model.reason import Reason, ReasonCode, because
from aryl.model.snapshot import Due
from aryl.store import Database
from tests.builders import base, make_spec
from tests.contract.worlds import Desk, start


@pytest.fixture
def desk(database: Database) -> Desk:
    """Users and a leader."""
    return Desk(database)


def test_why_jobs_wait_is_one_row_for_a_shape(desk: Desk) -> None:
    desk.submit(
        *(make_spec(f"j{n}", submit_s=float(n)) for n in range(3)), make_spec("w", workers=2)
    )
    short = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=0)
    alone = because(ReasonCode.FRAGMENTED, workers=2, gpus_per_worker=1, fitting=1, free_gpus=1)

    desk.record(now=10.0, waiting=(Waiting(short, ("j0", "j1", "j2")), Waiting(alone, ("w",))))

    waits = desk.users.waits.of([desk.known(name) for name in ("j0", "j2", "w")])
    assert waits == {"j0": (short, 10.0), "j2": (short, 10.0), "w": (alone, 10.0)}


def test_a_wait_lasts_while_its_code_is_the_same(desk: Desk) -> None:
    desk.submit(make_spec("a"), make_spec("b"))
    fewer = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=0)
    more = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=7)
    other = because(ReasonCode.BEHIND_HEAD, head="a", needed_gpus=1)

    def seen(now: float, reason: Reason, *names: str) -> tuple[Reason, float] | None:
        desk.record(now=now, waiting=(Waiting(reason, names),), due=Due.SCHEDULE)
        return desk.users.waits.of([desk.known("b")]).get("b")

    assert seen(10.0, fewer, "a", "b") == (fewer, 10.0)
    assert seen(20.0, more, "a", "b") == (more, 10.0)
    assert seen(30.0, more, "b") == (more, 10.0)  # the other one has gone, the shape's row too
    assert seen(40.0, other, "b") == (other, 40.0)
    assert seen(50.0, fewer, "a", "b") == (fewer, 50.0)
    assert seen(60.0, fewer, "a") is None
    assert desk.users.plans.page() == []


def test_a_wait_does_not_begin_before_the_job_waits(desk: Desk) -> None:
    desk.submit(make_spec("a"))
    reason = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=0)
    desk.submit(make_spec("b", submit_s=30.0))
    desk.record(now=10.0, waiting=(Waiting(reason, ("a", "b")),))

    waits = desk.users.waits.of([desk.known("a"), desk.known("b")])

    assert waits == {"a": (reason, 10.0), "b": (reason, 30.0)}


def test_only_the_job_scheduler_says_why_jobs_wait(desk: Desk) -> None:
    desk.submit(make_spec("a"))
    reason = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=0)
    desk.record(now=10.0, waiting=(Waiting(reason, ("a",)),))

    desk.record(now=20.0, due=Due.ORCHESTRATE)

    assert desk.users.waits.of([desk.known("a")]) == {"a": (reason, 10.0)}


def test_a_job_that_does_not_wait_has_no_reason_to(desk: Desk) -> None:
    desk.submit(make_spec("a"), make_spec("b"))
    reason = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=1, free_gpus=0, flexible_gpus=0)
    desk.record(now=10.0, waiting=(Waiting(reason, ("a", "b")),))
    desk.settle(now=10.0)

    desk.carry_out(start("a", base(1)), now=11.0)

    assert desk.users.waits.of([desk.known("a")]) == {}
