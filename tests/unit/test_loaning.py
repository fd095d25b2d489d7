"""How many servers are lent, by example."""

from typing import Any

import pytest

from aryl.model.cluster import Loan, Pool
from aryl.model.demand import DemandHistory
from aryl.model.job import Job, Placement
from aryl.model.plan import Plan
from aryl.model.snapshot import Due
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    flexible,
    lent,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
    reclaimed,
)


def orchestrated(
    servers: int,
    demand: list[float],
    *,
    loans: list[str | Loan] | None = None,
    queued: list[Job] | None = None,
    running: list[Job] | None = None,
    factor: float = 1.0,
    **entries: Any,
) -> Plan:
    snapshot = make_snapshot(
        make_cluster([8], [8] * servers, factor=factor),
        queued=queued or [],
        running=running or [],
        loans=loans or [],
        demand=demand,
        due=Due.ORCHESTRATE,
    )
    return decide(snapshot, load_policy({"forecaster": "last", **entries}))


@pytest.mark.parametrize(
    ("servers", "demand", "headroom", "loanable"),
    [
        pytest.param(10, 4, 0.0, 6, id="no headroom: all that is not needed"),
        pytest.param(10, 4, 0.02, 5, id="a headroom of a fifth of a server costs one"),
        pytest.param(100, 40, 0.02, 58, id="two of a hundred"),
        pytest.param(50, 49, 0.02, 0, id="need and headroom are all there is"),
        pytest.param(50, 48, 0.02, 1, id="one server can be spared"),
        pytest.param(10, 12, 0.02, 0, id="more is needed than there is"),
        pytest.param(90, 0, 0.3, 63, id="0.7 x 90, which floats make 62.99999999999999"),
        pytest.param(10, 0, 1.0, 0, id="all is headroom"),
    ],
)
def test_what_can_be_spared_is_lent(
    servers: int, demand: float, headroom: float, loanable: int
) -> None:
    plan = orchestrated(servers, [demand], headroom=headroom)

    assert plan.outlook is not None
    assert plan.outlook.loanable == loanable
    assert lent(plan) == [f"infer-{n:04d}" for n in range(1, loanable + 1)]


def test_a_loan_says_what_was_foreseen() -> None:
    plan = orchestrated(10, [4], headroom=0, loans=["infer-0001"])

    assert plan.actions[0].reason.text == (
        "6 servers are loanable with a forecast of 4; 1 were on loan"
    )
    assert len(lent(plan)) == 5


@pytest.mark.parametrize("forecaster", ["last", "seasonal", "seasonal-naive", "oracle"])
def test_while_nothing_is_known_nothing_is_lent_or_taken_back(forecaster: str) -> None:
    plan = orchestrated(4, [], loans=["infer-0001"], forecaster=forecaster)

    assert plan.actions == ()
    assert plan.outlook is None


def test_a_scheme_that_does_not_lend_leaves_both_pools_alone() -> None:
    plan = orchestrated(4, [0.0], scheme="sjf")

    assert (plan.actions, plan.outlook) == ((), None)


def test_servers_on_their_way_back_are_not_at_home_yet() -> None:
    leaving: list[str | Loan] = [Loan(f"infer-000{n}", 0.0, reclaim_s=990.0) for n in (1, 2)]
    plan = orchestrated(4, [1], headroom=0, loans=[*leaving, "infer-0003"], vacate_s=60)

    assert plan.outlook is not None
    assert plan.outlook.loanable == 3
    assert (lent(plan), reclaimed(plan)) == ([], [])


def test_one_more_server_is_lent_once_one_is_back() -> None:
    leaving: list[str | Loan] = [Loan("infer-0001", 0.0, reclaim_s=990.0)]
    plan = orchestrated(4, [1], headroom=0, loans=[*leaving, "infer-0003"], vacate_s=60)

    assert lent(plan) == ["infer-0002"]


def wants(workers: int, **changes: Any) -> Job:
    return make_job(f"wants-{workers}", workers=workers, **({"fungible": True} | changes))


@pytest.mark.parametrize(
    ("queued", "factor", "count"),
    [
        pytest.param([], 1.0, 0, id="nobody waits"),
        pytest.param([wants(8, fungible=False)], 1.0, 0, id="who waits can't borrow"),
        pytest.param([wants(8)], 1.0, 1, id="one server's worth"),
        pytest.param([wants(9)], 1.0, 2, id="and a worker more"),
        pytest.param([wants(8)], 3.0, 3, id="three servers for one, on slower GPUs"),
        pytest.param([wants(3), wants(2), wants(4)], 1.0, 2, id="several jobs"),
        pytest.param([wants(4, max_workers=16)], 1.0, 2, id="up to the most workers"),
        pytest.param(
            [wants(8, fungible=False, heterogeneous=True)], 1.0, 1, id="a heterogeneous job"
        ),
        pytest.param([wants(400)], 1.0, 5, id="never more than can be spared"),
    ],
)
def test_on_demand_lends_what_training_can_use(
    queued: list[Job], factor: float, count: int
) -> None:
    plan = orchestrated(6, [1], headroom=0, queued=queued, factor=factor, lend="on-demand")

    assert len(lent(plan)) == count


def test_on_demand_counts_the_loans_that_are_vacant_already() -> None:
    def lends(*loans: str) -> list[str]:
        return lent(
            orchestrated(
                6, [0], headroom=0, queued=[wants(16)], loans=list(loans), lend="on-demand"
            )
        )

    assert lends() == ["infer-0001", "infer-0002"]
    assert lends("infer-0001") == ["infer-0002"]
    assert lends("infer-0005", "infer-0006") == []


@pytest.mark.parametrize(
    ("held", "kind", "scheme", "count"),
    [
        pytest.param([base(1, 4)], {"fungible": True}, "aryl", 0, id="it runs on training servers"),
        pytest.param([base(1, 4)], {"heterogeneous": True}, "aryl", 2, id="it may use both types"),
        pytest.param(
            [base(1, 4, loaned=True)], {"fungible": True}, "aryl", 2, id="it runs on loan"
        ),
        pytest.param(
            [base(1, 4, loaned=True), flexible(2, 8, loaned=True)],
            {"fungible": True},
            "aryl",
            1,
            id="it has grown by half",
        ),
        pytest.param(
            [base(1, 4, loaned=True)], {"fungible": True}, "aryl-loaning", 0, id="nothing scales"
        ),
    ],
)
def test_on_demand_lends_for_a_running_job_where_it_could_grow(
    held: list[Placement], kind: dict[str, bool], scheme: str, count: int
) -> None:
    spec = make_spec("grows", workers=4, max_workers=20, **kind)
    plan = orchestrated(
        6,
        [0],
        headroom=0,
        running=[make_running(make_cluster(), spec, held)],
        loans=[p.server_id for p in held if p.pool is Pool.INFERENCE],
        scheme=scheme,
        lend="on-demand",
    )

    assert len(lent(plan)) == count


def test_on_demand_takes_back_like_eager() -> None:
    plan = orchestrated(4, [3], headroom=0, loans=["infer-0001", "infer-0002"], lend="on-demand")

    assert reclaimed(plan) == ["infer-0002"]


@pytest.mark.parametrize(("vacate_s", "loanable"), [(0.0, 5), (300.0, 3), (600.0, 2)])
def test_the_lead_time_covers_the_time_to_vacate(vacate_s: float, loanable: int) -> None:
    # the oracle sees one bin ahead for the orchestrator's period, and one more for each 300 s
    history = DemandHistory((1.0,), first_s=700.0, ahead=(1.0, 3.0, 4.0))
    snapshot = make_snapshot(make_cluster([8], [8] * 6), demand=history, due=Due.ORCHESTRATE)
    config = load_policy({"forecaster": "oracle", "headroom": 0, "vacate_s": vacate_s})

    outlook = decide(snapshot, config).outlook

    assert outlook is not None
    assert outlook.loanable == loanable
