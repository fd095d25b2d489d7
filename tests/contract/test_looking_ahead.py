"""What whoever looks ahead reads: all that lives at one moment, and how far off estimates were."""

import pickle

import pytest

from api.lookahead import Ahead, look_ahead, snapshot_of
from aryl.engine.lifecycle import JobEvent
from aryl.model.cluster import Loan
from aryl.policy.check import inconsistencies
from aryl.policy.registry import load_policy
from aryl.store import Database
from aryl.store.picture import take_picture
from simulator.projection import Limits
from tests.builders import base, make_spec
from tests.contract.worlds import CLUSTER, Desk, lend, start, wish


@pytest.fixture
def desk(database: Database) -> Desk:
    """Users and a leader: a job runs at home, one on a loan, one waits, one has ended."""
    desk = Desk(database)
    names = ("home", "away", "waits", "over")
    desk.submit(*(make_spec(name, workers=8, fungible=name == "away") for name in names))
    away = start("away", base(1, 8, loaned=True))
    desk.carry_out(lend("infer-0001"), start("home", base(1, 8)), away, now=10.0)
    desk.carry_out(start("over", base(2, 8)), now=20.0)
    desk.end("over", JobEvent.FINISH, 30.0)
    return desk


def test_a_picture_shows_what_lives_and_what_is_known_of_demand(desk: Desk) -> None:
    desk.store.lent({"infer-0001": Loan("infer-0001", 10.0)}, 10.0)
    desk.store.demanded([(0.0, 3.0), (300.0, 4.0), (900.0, 9.0)])
    picture = take_picture(desk.database, 1_000.0, "cluster")

    assert list(picture.queued) == ["waits"]
    assert sorted(picture.running) == ["away", "home"]
    assert picture.loans == {"infer-0001": Loan("infer-0001", 10.0)}
    assert (picture.demand.first_s, picture.demand.values) == (0.0, (3.0, 4.0, 4.0))
    assert take_picture(desk.database, 1_000.0, "pushed").demand.values == ()


def test_a_snapshot_made_of_it_obeys_the_rules_even_before_loans_are_noted(desk: Desk) -> None:
    picture = take_picture(desk.database, 1_000.0, "cluster")
    snapshot = snapshot_of(picture, CLUSTER, 1_000.0)

    assert picture.loans == {}
    assert snapshot.loans == {"infer-0001": Loan("infer-0001", 1_000.0)}
    assert inconsistencies(snapshot) == []


def test_a_job_that_is_to_be_cancelled_is_as_good_as_gone(desk: Desk) -> None:
    for name in ("waits", "home"):
        desk.users.jobs.request_cancel(name, wish(40.0))
    snapshot = snapshot_of(take_picture(desk.database, 50.0, "cluster"), CLUSTER, 50.0)

    assert (list(snapshot.queue.jobs), list(snapshot.running)) == ([], ["away"])


def test_another_process_may_have_a_database_and_look_ahead_from_it(desk: Desk) -> None:
    elsewhere: Database = pickle.loads(pickle.dumps(desk.database))  # noqa: S301 - it is ours
    question = Ahead(CLUSTER, load_policy({}), "cluster", 50.0, Limits())
    foreseen = look_ahead(elsewhere, question)
    elsewhere.close()

    assert foreseen.starts_s == {"waits": 50.0}
    assert foreseen.supposed is None


def test_how_late_jobs_started_is_known_of_those_that_had_an_estimate(desk: Desk) -> None:
    desk.users.estimates.put({"waits": 60.0}, made_s=50.0)
    assert desk.users.estimates.misses() == []

    desk.users.estimates.put({"waits": 75.0, "home": None}, made_s=55.0)
    desk.carry_out(start("waits", base(2, 8)), now=72.0)

    assert desk.users.estimates.misses() == [12.0]  # after what was said at first
