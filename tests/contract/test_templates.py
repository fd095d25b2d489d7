"""A job's template is kept beside it, and demand is told to who leads next."""

from typing import Any

from aryl.store import Database
from tests.builders import make_spec
from tests.contract.worlds import ADA, Desk

TEMPLATE: dict[str, Any] = {
    "spec": {"containers": [{"name": "main", "image": "train:1", "args": ["--lr", "1e-3", "ü"]}]},
    "metadata": {"labels": {}, "annotations": None},
}


def test_a_template_comes_back_as_it_was_submitted(database: Database) -> None:
    desk = Desk(database)

    desk.submit(make_spec("with"), template=TEMPLATE)
    desk.submit(make_spec("without"))

    for reader in (desk.store.template, desk.users.jobs.template):
        assert reader("with") == TEMPLATE
        assert reader("without") is None


def test_an_empty_template_is_one(database: Database) -> None:
    desk = Desk(database)

    desk.submit(make_spec("j"), template={})

    assert desk.store.template("j") == {}


def test_a_repeated_request_keeps_the_first_template(database: Database) -> None:
    desk = Desk(database)
    once: dict[str, Any] = {"idempotency_key": "k", "fingerprint": "f", "template": TEMPLATE}

    desk.submit(make_spec("j"), **once)
    desk.submit(make_spec("j"), **once)
    desk.submit(make_spec("j"), template={})

    assert desk.store.template("j") == TEMPLATE


def test_the_next_leader_learns_the_demand_that_the_cluster_showed(database: Database) -> None:
    former = Desk(database)
    former.store.demanded([(0.0, 1.0), (300.0, 2.5), (600.0, 3.0)])
    former.users.demand.push(900.0, 9.0, ADA)

    leader = Desk(database).store

    assert leader.demand_bins(300.0) == [(300.0, 2.5), (600.0, 3.0)]
