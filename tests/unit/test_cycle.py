"""One cycle over fake ports: what is recorded and applied, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest

from aryl.engine.cycle import CycleReport, Ports, Proposal, carry_out, propose, run_cycle
from aryl.engine.ports import Observation, Outcome, Status
from aryl.model.errors import InvariantBroken
from aryl.model.job import Job
from aryl.model.plan import Action, LoanServer, Plan, PreemptJob
from aryl.model.queue import JobQueue
from aryl.model.reason import ReasonCode, because
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.registry import load_policy
from aryl.policy.scaling import SCALINGS
from tests.builders import make_job, make_snapshot, waits

FITS = because(ReasonCode.FITS, gpus=1, place=1)
SJF = load_policy({}, scheme="sjf")


@dataclass
class FakeWorld:
    """All three ports over one snapshot; remembers what it was told, in order."""

    snapshot: Snapshot
    refuses: bool = False
    told: list[str] = field(default_factory=list)
    settled: tuple[Outcome, ...] = ()

    def now(self) -> float:
        return self.snapshot.now

    def observe(self) -> Observation:
        s = self.snapshot
        return Observation(
            s.version, s.cluster, s.capacity, s.holders, s.running, s.elastic, s.loans, s.demand
        )

    def apply(self, action: Action, _job: Job | None = None) -> Outcome:
        self.told.append(f"apply {type(action).__name__}")
        return Outcome(action, Status.REFUSED if self.refuses else Status.DONE)

    def queue(self) -> JobQueue:
        return self.snapshot.queue

    def record(self, _snapshot: Snapshot, plan: Plan) -> None:
        self.told.append(f"record {len(plan.actions)} actions")

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        self.told.append(f"settle {len(outcomes)} outcomes")
        self.settled = tuple(outcomes)

    def ports(self) -> Ports:
        ticks = count()
        return Ports(self, self, self, lambda: float(next(ticks)))


def world(*, refuses: bool = False) -> FakeWorld:
    jobs = [make_job("a"), make_job("b"), make_job("huge", workers=99)]
    return FakeWorld(make_snapshot(queued=jobs, due=Due.SCHEDULE), refuses)


def test_a_plan_is_recorded_before_any_of_it_takes_effect_and_settled_after() -> None:
    fake = world()
    report = run_cycle(fake.ports(), SJF, Due.SCHEDULE)

    assert fake.told == [
        "record 2 actions",
        "apply StartJob",
        "apply StartJob",
        "settle 2 outcomes",
    ]
    assert report.outcomes == fake.settled
    assert report.proposal.snapshot == fake.snapshot
    assert list(waits(report.proposal.plan)) == ["huge"]


def test_a_proposal_has_no_effect_until_it_is_carried_out() -> None:
    fake = world()
    proposal = propose(fake.ports(), SJF, Due.SCHEDULE)

    assert fake.told == ["record 2 actions"]
    carry_out(fake.ports(), proposal)
    assert len(fake.told) == 4


def test_what_is_refused_is_settled_as_such() -> None:
    fake = world(refuses=True)
    report = run_cycle(fake.ports(), SJF, Due.SCHEDULE)

    assert {outcome.status for outcome in report.outcomes} == {Status.REFUSED}
    assert fake.settled == report.outcomes


def test_a_cycle_takes_the_seconds_of_deciding_and_of_acting() -> None:
    report = run_cycle(world().ports(), SJF, Due.SCHEDULE)

    assert report.proposal.seconds > 0
    assert report.seconds > report.proposal.seconds


def test_a_plan_that_breaks_a_rule_is_neither_recorded_nor_applied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lends_what_it_has_not(draft: Draft, _config: PolicyConfig, _now: float) -> Draft:
        draft.actions.append(LoanServer("train-0001", because(ReasonCode.FITS, gpus=1, place=1)))
        return draft

    monkeypatch.setitem(SCALINGS, "none", lends_what_it_has_not)
    fake = world()

    with pytest.raises(InvariantBroken, match=r"at 1000\.0 s: train-0001 is lent and is not at"):
        run_cycle(fake.ports(), SJF, Due.SCHEDULE)
    assert fake.told == []


@pytest.mark.parametrize(
    ("due", "action", "is_news"),
    [
        pytest.param(Due.ORCHESTRATE, LoanServer("infer-0001", FITS), True, id="a loan"),
        pytest.param(Due.SCHEDULE, LoanServer("infer-0001", FITS), False, id="a loan for a start"),
        pytest.param(Due.SCHEDULE, PreemptJob("a", FITS, suspends=True), True, id="a suspension"),
        pytest.param(Due.SCHEDULE, None, False, id="nothing"),
    ],
)
def test_the_job_scheduler_looks_again_where_loans_have_changed_or_jobs_wait_again(
    due: Due, action: Action | None, is_news: bool
) -> None:
    proposal = Proposal(make_snapshot(due=due), Plan(version=7), 0.0)
    outcomes = (Outcome(action, Status.DONE),) if action else ()

    assert CycleReport(proposal, outcomes, 0.0).is_news is is_news
