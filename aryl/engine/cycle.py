"""One cycle: observe, decide, check, record, act, settle, report.

A cycle acts on what is, never on the event that woke it. `propose` ends with a recorded plan and
`carry_out` gives it effect; between them lies the decision latency, if there is any.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from aryl.engine.ports import Clock, Cluster, Outcome, Store
from aryl.model.errors import InvariantBroken
from aryl.model.plan import Plan, PreemptJob, StartJob
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.check import violations
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide

Timer = Callable[[], float]


class Step(StrEnum):
    """The steps of a cycle, each named for what has just been done."""

    OBSERVED = "observed"
    DECIDED = "decided"
    CHECKED = "checked"
    RECORDED = "recorded"
    ACTED = "acted"  # once for each action
    SETTLED = "settled"


def _nothing(_step: Step) -> None:
    """Note nothing."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The world as one cycle meets it.

    `elapsed` times steps and `reached` is told of each step once it is done; neither decides
    anything.
    """

    clock: Clock
    cluster: Cluster
    store: Store
    elapsed: Timer
    reached: Callable[[Step], None] = _nothing


@dataclass(frozen=True, slots=True)
class Proposal:
    """A valid, recorded plan that has had no effect yet."""

    snapshot: Snapshot
    plan: Plan
    seconds: float


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What a cycle saw, decided and achieved, and the seconds it took."""

    proposal: Proposal
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def is_news(self) -> bool:
        """Whether the job scheduler is to look again: loans have changed, or jobs wait again."""
        orchestrates = Due.ORCHESTRATE in self.proposal.snapshot.due
        return any(orchestrates or isinstance(o.action, PreemptJob) for o in self.outcomes)


def run_cycle(ports: Ports, config: PolicyConfig, due: Due) -> CycleReport:
    """Decide and act at once. Raises `InvariantBroken` where a plan breaks a rule."""
    return carry_out(ports, propose(ports, config, due))


def propose(ports: Ports, config: PolicyConfig, due: Due) -> Proposal:
    """Observe, decide, check and record. Raises `InvariantBroken`; then nothing is recorded."""
    since = ports.elapsed()
    snapshot = _observe(ports, due)
    ports.reached(Step.OBSERVED)
    plan = decide(snapshot, config, ports.elapsed)
    ports.reached(Step.DECIDED)
    faults = violations(snapshot, plan, config.headroom)
    if faults:
        raise InvariantBroken(f"at {snapshot.now} s: " + "; ".join(faults))
    ports.reached(Step.CHECKED)
    ports.store.record(snapshot, plan)
    ports.reached(Step.RECORDED)
    return Proposal(snapshot, plan, ports.elapsed() - since)


def carry_out(ports: Ports, proposal: Proposal) -> CycleReport:
    """Apply a plan's actions one by one, and settle what became of them."""
    since = ports.elapsed()
    queued = proposal.snapshot.queue.jobs
    outcomes = []
    for action in proposal.plan.actions:
        job = queued.get(action.job_id) if isinstance(action, StartJob) else None
        outcomes.append(ports.cluster.apply(action, job))
        ports.reached(Step.ACTED)
    ports.store.settle(outcomes)
    ports.reached(Step.SETTLED)
    return CycleReport(proposal, tuple(outcomes), proposal.seconds + ports.elapsed() - since)


def _observe(ports: Ports, due: Due) -> Snapshot:
    seen = ports.cluster.observe()
    return Snapshot(
        now=ports.clock.now(),
        version=seen.version,
        due=due,
        cluster=seen.cluster,
        capacity=seen.capacity,
        holders=seen.holders,
        queue=ports.store.queue(),
        running=seen.running,
        elastic=seen.elastic,
        loans=seen.loans,
        demand=seen.demand,
        demand_now=seen.demand_now,
    )
