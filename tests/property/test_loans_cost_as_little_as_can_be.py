"""Lending leaves inference what it needs; taking back disturbs as little as it must."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import fsum
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.model.cluster import Condition, Server
from aryl.model.job import WorkerKind
from aryl.model.plan import Plan, PreemptJob
from aryl.model.reason import ReasonCode
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide
from aryl.policy.victims import RECLAIMS, Reclaim, Victim, exact, greedy
from tests.builders import lent, preempted, reclaimed
from tests.ledger import Ledger
from tests.strategies import configs, often, snapshots

ORCHESTRATIONS = snapshots(due=Due.ORCHESTRATE)
LENDING = configs(loaning="forecast")
TRAINING_SIDE = st.sampled_from([(), (), (), ("train-1",)])
WEIGHTS = st.sampled_from([1.0, 1.0, 0.0, 3.5, 400.0])


def is_away(server: Server) -> bool:
    return server.condition is Condition.AWAY


@often(1.5)
@given(ORCHESTRATIONS, configs())
def test_the_headroom_and_what_inference_needs_are_never_lent(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    serving = {s.id for s in snapshot.cluster.inference_servers if not is_away(s)}
    servers, at_home = len(serving), len(serving - snapshot.loans.keys()) - len(lent(plan))

    if config.loaning == "none" or not len(snapshot.demand):
        assert not lent(plan) or config.forecaster == "oracle"
    if lent(plan):
        assert plan.outlook is not None
        needed = plan.outlook.forecast_servers + config.headroom * servers
        assert at_home >= needed - 1e-9
        assert reclaimed(plan) == Ledger(snapshot).taken()
        last_known = [*snapshot.demand.values[-1:], 0.0][0]
        assert plan.outlook.forecast_servers >= max(last_known, snapshot.demand_now or 0.0)


@often(1.5)
@given(ORCHESTRATIONS, LENDING)
def test_as_many_servers_are_asked_back_as_are_on_loan_beyond_what_can_be_spared(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    serving = [s for s in snapshot.cluster.inference_servers if not is_away(s)]
    not_at_home = [snapshot.loans[s.id] for s in serving if s.id in snapshot.loans]
    on_loan = sum(loan.is_open for loan in not_at_home)
    loanable = plan.outlook.loanable if plan.outlook else on_loan
    movable, taken = Ledger(snapshot).movable(), Ledger(snapshot).taken()
    idle = [s for s in serving if s.condition is Condition.OPEN and s.id not in snapshot.loans]

    assert set(taken) <= set(reclaimed(plan)) <= set(movable)
    assert len(reclaimed(plan)) == min(len(movable), max(len(taken), on_loan - loanable))
    if config.lend == "eager" and can_foresee(snapshot, config):
        assert len(lent(plan)) == min(len(idle), max(0, loanable - len(not_at_home)))


def can_foresee(snapshot: Snapshot, config: PolicyConfig) -> bool:
    return bool(snapshot.demand.ahead if config.forecaster == "oracle" else len(snapshot.demand))


@often(1.5)
@given(ORCHESTRATIONS, LENDING)
def test_what_inference_needs_now_is_at_home_or_comes_as_far_as_can_be(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    serving = [s.id for s in snapshot.cluster.inference_servers if not is_away(s)]
    kept = [s for s in serving if s in snapshot.loans and snapshot.loans[s].is_open]
    kept = [s for s in kept if s not in reclaimed(plan)]
    lacking = (snapshot.demand_now or 0.0) - (len(serving) - len(kept) - len(lent(plan)))

    assert lacking <= 0 or not set(kept) & set(Ledger(snapshot).movable())
    assert lacking <= 0 or not lent(plan)


def returned_without_preemption(plan: Plan) -> list[str]:
    """The servers asked back before anyone is preempted."""
    actions = list(plan.actions)
    first = next((n for n, a in enumerate(actions) if isinstance(a, PreemptJob)), len(actions))
    return reclaimed(Plan(plan.version, tuple(actions[:first])))


@often(2)
@given(ORCHESTRATIONS, LENDING)
def test_nobody_is_preempted_while_vacant_servers_or_flexible_workers_would_do(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    ledger = Ledger(snapshot)
    without_base = [s for s in ledger.movable() if not ledger.hosts_base(s)]

    cheap = returned_without_preemption(plan)

    assert set(cheap) <= set(without_base)
    assert len(cheap) == min(len(reclaimed(plan)), len(without_base))


@often(2)
@given(ORCHESTRATIONS, LENDING)
def test_flexible_workers_leave_only_where_vacant_servers_are_not_enough(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    ledger = Ledger(snapshot)
    vacant = {s for s in ledger.movable() if not ledger.used(s)}
    left_by_inference = [s for s in ledger.taken() if ledger.used(s)]  # these empty others, too
    others = set(reclaimed(plan)) - set(left_by_inference)

    if len(others) > len(vacant):
        assert vacant <= others
    elif not left_by_inference:
        assert others <= vacant
        assert len(plan.actions) == len(reclaimed(plan)) + len(lent(plan))


@often(2)
@given(ORCHESTRATIONS, LENDING)
def test_every_job_that_is_preempted_had_base_workers_on_a_server_that_goes_back(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    ledger = Ledger(snapshot)

    for job_id in preempted(plan):
        base = {s for (s, kind) in ledger.holds(job_id) if kind is WorkerKind.BASE}
        assert base & set(reclaimed(plan))
    codes = [a.reason.code for a in plan.actions]
    assert (ReasonCode.RECLAIMED_PREEMPTING in codes) == bool(preempted(plan))


@st.composite
def reclaims(draw: st.DrawFn) -> Reclaim:
    """Up to seven servers that host base workers of up to six jobs, and a number to empty.

    Jobs may also hold workers on a training server, which is never returned.
    """
    servers = [f"infer-{n}" for n in range(draw(st.integers(1, 7)))]
    names = [f"job-{n}" for n in range(draw(st.integers(1, 6)))]
    hosts = {
        name: draw(st.lists(st.sampled_from(servers), min_size=1, max_size=3, unique=True))
        for name in names
    }
    jobs_on = {s: tuple(sorted(n for n in names if s in hosts[n])) for s in servers}
    jobs_on = {s: jobs for s, jobs in jobs_on.items() if jobs}
    jobs = {
        name: Victim(
            {s: draw(st.integers(1, 8)) for s in (*hosts[name], *draw(TRAINING_SIDE))},
            weight=draw(WEIGHTS),
        )
        for name in names
    }
    return Reclaim(jobs_on, jobs, draw(st.integers(1, len(jobs_on))), seed=3, now=60.0)


def jobs_preempted(reclaim: Reclaim, servers: Sequence[str]) -> set[str]:
    return {name for server in servers for name in reclaim.jobs_on[server]}


def unweighted(reclaim: Reclaim) -> Reclaim:
    """The same with jobs of weight 1: what the paper counts."""
    jobs = {name: Victim(victim.gpus_on) for name, victim in reclaim.jobs.items()}
    return replace(reclaim, jobs=jobs)


@often(2)
@given(reclaims().map(unweighted))
def test_exact_reclaim_is_as_good_as_trying_every_choice_and_no_policy_better(
    reclaim: Reclaim,
) -> None:
    choices = combinations(reclaim.jobs_on, reclaim.count)
    least = min(len(jobs_preempted(reclaim, choice)) for choice in choices)

    assert len(jobs_preempted(reclaim, exact(reclaim).servers)) == least
    for policy in RECLAIMS.values():
        assert len(jobs_preempted(reclaim, policy(reclaim).servers)) >= least


@often(2)
@given(reclaims())
def test_exact_reclaim_has_the_least_weight_of_every_choice(reclaim: Reclaim) -> None:
    def weight(servers: Sequence[str]) -> float:
        return fsum(reclaim.jobs[name].weight for name in jobs_preempted(reclaim, servers))

    least = min(weight(choice) for choice in combinations(reclaim.jobs_on, reclaim.count))

    assert weight(exact(reclaim).servers) == least


def rule_of_the_paper(reclaim: Reclaim) -> tuple[str, ...]:
    """Greedy reclaim, every server looked at before each pick: costs are exact fractions."""
    left = {server: set(jobs) for server, jobs in reclaim.jobs_on.items()}
    hosts = {name: victim.gpus_on for name, victim in reclaim.jobs.items()}
    chosen: list[str] = []

    def preference(pick: str) -> tuple[Fraction, int, str]:
        cost = sum((Fraction(1, len(hosts[name])) for name in left[pick]), Fraction())
        vacated: dict[str, int] = {}
        for name in left[pick]:
            for server in hosts[name].keys() - {pick}:
                vacated[server] = vacated.get(server, 0) + hosts[name][server]
        free_to_return = sorted(vacated[s] for s in vacated.keys() & left if left[s] <= left[pick])
        others = reclaim.count - len(chosen) - 1
        returned = sum(free_to_return[-others:]) if others else 0
        return cost, sum(vacated.values()) - returned, pick

    while len(chosen) < reclaim.count:
        pick = min(left, key=preference)
        chosen.append(pick)
        preempted = left.pop(pick)
        for jobs in left.values():
            jobs.difference_update(preempted)
    return tuple(chosen)


@often(3)
@given(reclaims())
def test_greedy_reclaim_picks_by_the_rule_of_the_paper(reclaim: Reclaim) -> None:
    assert greedy(reclaim).servers == rule_of_the_paper(reclaim)


@pytest.mark.parametrize("seed", range(12))
def test_greedy_reclaim_of_many_servers_picks_by_the_rule_of_the_paper(seed: int) -> None:
    chance = Random(seed)
    servers = [f"infer-{n:03d}" for n in range(60)]
    widths = chance.choice([(1, 1, 2), (2, 3, 6), (1, 8, 12), (3, 3, 3)])
    hosts = {
        f"job-{n:03d}": chance.sample(servers, chance.choice(widths))
        for n in range(chance.choice([30, 60, 120]))
    }
    jobs_on = {s: tuple(name for name in hosts if s in hosts[name]) for s in servers}
    jobs = {name: Victim({s: chance.choice([1, 2, 8]) for s in hosts[name]}) for name in hosts}
    hosting = {server: names for server, names in jobs_on.items() if names}
    reclaim = Reclaim(hosting, jobs, chance.randint(1, len(hosting)))

    assert greedy(reclaim).servers == rule_of_the_paper(reclaim)


@given(reclaims(), st.sampled_from(sorted(RECLAIMS)))
def test_every_reclaim_policy_empties_as_many_servers_as_asked(
    reclaim: Reclaim, policy: str
) -> None:
    selection = RECLAIMS[policy](reclaim)

    assert len(set(selection.servers)) == len(selection.servers) == reclaim.count
    assert set(selection.servers) <= reclaim.jobs_on.keys()
    assert not selection.fell_back


@given(reclaims(), st.sampled_from(sorted(RECLAIMS)))
def test_the_order_of_servers_and_jobs_does_not_change_a_selection(
    reclaim: Reclaim, policy: str
) -> None:
    turned = Reclaim(
        dict(list(reclaim.jobs_on.items())[::-1]),
        dict(list(reclaim.jobs.items())[::-1]),
        reclaim.count,
        reclaim.seed,
        reclaim.now,
    )

    assert RECLAIMS[policy](turned) == RECLAIMS[policy](reclaim)
