"""What users ask of the cluster itself is noted as if they had asked the service."""

import pytest

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.engine.live import Brought, NewBounds, Wishes
from aryl.model.errors import LeaseLost
from aryl.store import Database
from tests.builders import base, make_spec
from tests.contract.worlds import Desk, start

OWNER = "kubernetes:ml"


def brought(*names: str) -> Wishes:
    return Wishes(
        brought=tuple(
            Brought(make_spec(name, submit_s=5.0, workers=2, max_workers=4), f"ml/{name}", OWNER)
            for name in names
        )
    )


def test_a_brought_job_waits_like_any_other(database: Database) -> None:
    desk = Desk(database)

    desk.store.take_up(brought("a", "b"), 7.0)
    inbox = desk.store.refresh()

    assert inbox.arrived == 2
    assert list(desk.store.live()) == ["a", "b"]
    assert len(desk.store.queue()) == 2
    record = desk.known("a")
    assert (record.name, record.owner, record.queued_since_s) == ("ml/a", OWNER, 5.0)
    assert record.job.spec == brought("a").brought[0].spec
    (deed, _) = desk.users.audit.page()
    assert (deed.principal, deed.action, deed.at_wall_s) == (OWNER, "submit job", 7.0)


def test_a_name_that_is_known_is_left_alone(database: Database) -> None:
    desk = Desk(database)
    desk.submit(make_spec("a"))
    before = desk.users.events.last_id()

    desk.store.take_up(brought("a"), 7.0)

    assert desk.users.events.last_id() == before
    assert desk.known("a").owner == "ada"


def test_a_job_that_has_ended_does_not_come_back(database: Database) -> None:
    desk = Desk(database)
    desk.store.take_up(brought("a"), 7.0)
    desk.store.refresh()
    desk.end("a", JobEvent.CANCEL, 8.0)

    desk.store.take_up(brought("a"), 9.0)

    assert desk.store.refresh().arrived == 0
    assert desk.known("a").state is JobState.CANCELLED


def test_other_bounds_are_noted_and_told(database: Database) -> None:
    desk = Desk(database)
    desk.store.take_up(brought("a"), 1.0)
    desk.store.refresh()

    desk.store.take_up(Wishes(amended=(NewBounds("a", 1, 8),)), 2.0)
    inbox = desk.store.refresh()

    assert [record.id for record in inbox.edited] == ["a"]
    spec = desk.store.live()["a"].job.spec
    assert (spec.min_workers, spec.max_workers) == (1, 8)
    assert desk.users.audit.page()[0].principal == OWNER


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(NewBounds("a", 1, 4), id="the base of a running job"),
        pytest.param(NewBounds("a", 2, 1), id="fewer than it asked for"),
        pytest.param(NewBounds("nobody", 1, 4), id="an unknown job"),
    ],
)
def test_an_edit_that_is_refused_holds_up_no_other(database: Database, bounds: NewBounds) -> None:
    desk = Desk(database)
    desk.store.take_up(brought("a", "b"), 1.0)
    desk.store.refresh()
    desk.carry_out(start("a", base(2)), now=2.0)

    desk.store.take_up(Wishes(amended=(bounds, NewBounds("b", 2, 6))), 3.0)
    desk.store.refresh()

    known = desk.store.live()
    assert (known["a"].job.spec.min_workers, known["a"].job.spec.max_workers) == (2, 4)
    assert known["b"].job.spec.max_workers == 6


def test_a_withdrawn_job_is_to_end_and_says_so_once(database: Database) -> None:
    desk = Desk(database)
    desk.store.take_up(brought("a"), 1.0)
    desk.store.refresh()

    gone = Wishes(withdrawn=("a", "nobody"))
    desk.store.take_up(gone, 2.0)
    first = desk.store.refresh()
    desk.store.take_up(gone, 3.0)
    second = desk.store.refresh()

    assert [record.cancel_requested_s for record in first.edited] == [2.0]
    assert second.edited == ()


def test_nobody_who_has_led_takes_up_anything(database: Database) -> None:
    former = Desk(database)
    Desk(database)

    with pytest.raises(LeaseLost):
        former.store.take_up(brought("a"), 1.0)

    assert former.users.jobs.get("a") is None
