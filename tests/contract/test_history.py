"""What has happened and what was measured: read in order, kept for a while."""

from math import inf

import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.model.cluster import Loan
from aryl.model.demand import BIN_S
from aryl.store import Database
from aryl.store.estimates import Estimate
from aryl.store.series import DemandSample, Sample
from tests.builders import base, make_spec
from tests.contract.worlds import ADA, Desk, lend, reclaim, start

DAY_S = 86_400.0


@pytest.fixture
def desk(database: Database) -> Desk:
    """Users and a leader."""
    return Desk(database)


def test_events_after_the_last_one_seen_are_never_missed(desk: Desk) -> None:
    desk.submit(*(make_spec(f"j{n}") for n in range(3)))
    desk.carry_out(start("j1", base(1)), now=1.0)

    everything = desk.users.events.after(0)
    seen: list[int] = []
    last = 0
    while page := desk.users.events.after(last, limit=2):
        seen += [it.id for it in page]
        last = page[-1].id

    assert seen == [it.id for it in everything] == sorted(seen)
    assert [it.event.kind for it in everything] == [*["submitted"] * 3, "planned", "started"]
    assert desk.users.events.last_id() == last
    assert [it.event.kind for it in desk.users.events.of_job("j1")] == ["submitted", "started"]
    (newest,) = desk.users.events.of_job("j1", after=everything[1].id)
    assert newest.event.kind == "started"


def test_loans_are_followed_from_their_start_to_their_end(desk: Desk) -> None:
    desk.carry_out(lend("infer-0001"), lend("infer-0002"), now=10.0)
    lent = {name: Loan(name, 10.0) for name in ("infer-0001", "infer-0002")}
    desk.store.lent(lent, 10.0)
    desk.store.lent(lent, 11.0)
    assert desk.users.loans.open() == lent

    desk.carry_out(reclaim("infer-0001"), now=20.0)
    desk.store.lent(lent | {"infer-0001": Loan("infer-0001", 10.0, 20.0)}, 20.0)
    desk.store.lent({"infer-0002": lent["infer-0002"]}, 30.0)

    second, first = desk.users.loans.page()
    assert (first.server_id, first.start_s, first.reclaim_s, first.end_s) == (
        "infer-0001",
        10.0,
        20.0,
        30.0,
    )
    assert (second.server_id, second.reclaim_s, second.end_s) == ("infer-0002", None, None)
    assert desk.users.loans.page(is_open=True) == [second]
    assert desk.users.loans.page(is_open=False) == [first]
    assert desk.users.loans.page(before=second.id) == [first]
    assert desk.users.loans.since(25.0) == [first, second]
    assert desk.users.loans.since(30.0) == [second]
    told = [it.event for it in desk.users.events.after(0) if it.event.server_id]
    assert [(it.kind, it.server_id, it.t_s) for it in told] == [
        ("lent", "infer-0001", 10.0),
        ("lent", "infer-0002", 10.0),
        ("reclaim_asked", "infer-0001", 20.0),
        ("returned", "infer-0001", 30.0),
    ]
    assert [it.detail.get("reason", {}).get("code") for it in told] == [
        "LENT",
        "LENT",
        "RECLAIMED_VACANT",
        None,
    ]


def test_a_server_that_was_returned_and_lent_again_between_two_looks_has_two_loans(
    desk: Desk,
) -> None:
    desk.store.lent({"infer-0001": Loan("infer-0001", 10.0)}, 10.0)

    desk.store.lent({"infer-0001": Loan("infer-0001", 50.0)}, 60.0)

    newest, oldest = desk.users.loans.page()
    assert (newest.start_s, newest.end_s) == (50.0, None)
    assert (oldest.start_s, oldest.reclaim_s, oldest.end_s) == (10.0, 60.0, 60.0)


def test_a_new_leader_goes_on_with_the_loans_of_the_last(desk: Desk) -> None:
    desk.store.lent({"infer-0001": Loan("infer-0001", 10.0)}, 10.0)

    later = Desk(desk.database)
    later.store.lent({"infer-0001": Loan("infer-0001", 10.0)}, 20.0)
    later.store.lent({}, 30.0)

    (loan,) = desk.users.loans.page()
    assert (loan.start_s, loan.end_s) == (10.0, 30.0)


def test_pushed_demand_makes_a_history_without_gaps(desk: Desk) -> None:
    assert len(desk.store.pushed_demand()) == 0

    for t_s, servers in [(310.0, 4.0), (600.0, 2.0), (610.0, 5.0), (890.0, 1.0), (1_600.0, 7.0)]:
        desk.users.demand.push(t_s, servers, ADA)

    everything = desk.store.pushed_demand()
    assert (everything.first_s, everything.values) == (300.0, (4.0, 5.0, 5.0, 5.0, 7.0))
    assert everything.end_s == 1_800.0
    known = desk.store.pushed_demand(1_250.0)
    assert (known.values, known.end_s) == ((4.0, 5.0, 5.0), 1_200.0)
    held = desk.store.pushed_demand(2_400.0)
    assert (held.values[-3:], held.end_s) == ((7.0, 7.0, 7.0), 2_400.0)
    assert len(desk.store.pushed_demand(300.0)) == 0


def test_demand_that_the_cluster_shows_never_replaces_what_users_told(desk: Desk) -> None:
    desk.users.demand.push(300.0, 4.0, ADA)

    desk.store.demanded([(0.0, 1.5), (BIN_S, 2.5), (2 * BIN_S, 3.5)])
    desk.store.demanded([(2 * BIN_S, 4.5)])
    desk.store.demanded([])

    assert desk.users.demand.page() == [
        DemandSample(0.0, 1.5, "cluster"),
        DemandSample(300.0, 4.0, "pushed"),
        DemandSample(600.0, 4.5, "cluster"),
    ]
    assert [it.t_s for it in desk.users.demand.page(300.0, 600.0)] == [300.0]
    assert [it.t_s for it in desk.users.demand.page(limit=2)] == [0.0, 300.0]
    assert desk.store.pushed_demand().values == (4.0,)


def test_the_timeline_is_read_by_time(desk: Desk) -> None:
    counts = {"queued_jobs": 1, "running_jobs": 2, "training_gpus_used": 3}
    loans = {"on_loan_servers": 4, "on_loan_gpus_used": 5}
    demand = {"inference_demand_servers": 6.5, "forecast_servers": None}
    for number in range(4):
        desk.store.sampled({"t_s": BIN_S * number} | counts | loans | demand)
    desk.store.sampled({"t_s": 0.0} | counts | loans | demand | {"queued_jobs": 9})

    assert desk.users.samples.page(to_s=300.0) == [Sample(0.0, 9, 2, 3, 4, 5, 6.5, None)]
    assert [it.t_s for it in desk.users.samples.page(300.0)] == [300.0, 600.0, 900.0]
    assert [it.t_s for it in desk.users.samples.page(300.0, inf, 2)] == [300.0, 600.0]


def test_facts_are_told_and_settled(desk: Desk) -> None:
    assert desk.users.facts.get("clock") is None

    desk.store.put_fact("clock", {"speed": 60.0})
    desk.store.put_fact("clock", {"speed": 1.0, "servers": [["a", 8]]})

    assert desk.users.facts.get("clock") == {"speed": 1.0, "servers": [["a", 8]]}
    assert desk.users.facts.settle("clock", {}) == desk.users.facts.get("clock")
    assert desk.users.facts.settle("mode", "live") == desk.users.facts.get("mode") == "live"


def test_the_first_estimate_stays_beside_the_latest(desk: Desk) -> None:
    estimates = desk.users.estimates
    estimates.put({"a": 50.0, "b": None}, 10.0)
    estimates.put({"a": 70.0}, 20.0)
    estimates.put({}, 30.0)

    assert estimates.of(["a", "b", "c"]) == {
        "a": Estimate(10.0, 50.0, 20.0, 70.0),
        "b": Estimate(10.0, None, 10.0, None),
    }


def test_what_is_old_is_pruned_and_jobs_stay(desk: Desk) -> None:
    specs = (make_spec("gone"), make_spec("lives"), make_spec("new", submit_s=20 * DAY_S))
    desk.submit(*specs, template={})
    desk.carry_out(start("gone", base(1)), start("lives", base(2)), now=10.0)
    desk.end("gone", JobEvent.FINISH, 20.0)
    desk.store.lent({"infer-0001": Loan("infer-0001", 10.0)}, 10.0)
    desk.carry_out(start("new", base(3)), now=20 * DAY_S)
    sight = dict.fromkeys(Sample.__slots__, 0)
    desk.store.sampled(sight | {"t_s": 0.0})
    desk.store.sampled(sight | {"t_s": 20 * DAY_S})

    passes = [desk.store.prune(21 * DAY_S, rows_max=2) for _ in range(4)]

    # a plan with its actions and snapshot, a sample, the template of `gone`, and the events of
    # `gone`, the plan, the loan
    assert passes == [1 + 1 + 1 + 2, 2, 1, 0]
    (plan,) = desk.users.plans.page()
    assert plan.t_s == 20 * DAY_S
    assert desk.users.plans.actions_of(1) == []
    assert desk.users.plans.snapshot(1) is None
    assert desk.users.plans.snapshot(2) is not None
    assert [it.t_s for it in desk.users.samples.page()] == [20 * DAY_S]
    assert desk.users.events.of_job("gone") == []
    assert len(desk.users.events.of_job("lives")) == 2
    assert desk.known("gone").finish_s == 20.0
    assert [desk.store.template(name) for name in ("gone", "lives", "new")] == [None, {}, {}]


def test_ids_of_pruned_events_never_return(desk: Desk) -> None:
    desk.submit(make_spec("j"))
    desk.end("j", JobEvent.CANCEL, 1.0)
    newest = desk.users.events.last_id()
    desk.store.prune(100 * DAY_S)
    assert desk.users.events.last_id() == 0

    desk.submit(make_spec("i"))

    assert desk.users.events.last_id() == newest + 1
