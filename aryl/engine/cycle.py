"""One cycle: observe, decide, check, record, act, settle, report.

A cycle acts on what is, never on the event that woke it. `propose` ends with a recorded plan and
`carry_out` gives it effect; between them lies the decision latency, if there is any.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aryl.engine.ports import Clock, Cluster, Outcome, Store
from aryl.model.errors import InvariantBroken
from aryl.model.plan import Plan
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.check import violations
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide

Timer = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Ports:
    """The world as one cycle meets it; `elapsed` times steps and decides nothing."""

    clock: Clock
    cluster: Cluster
    store: Store
    elapsed: Timer


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


def run_cycle(ports: Ports, config: PolicyConfig, due: Due) -> CycleReport:
    """Decide and act at once. Raises `InvariantBroken` where a plan breaks a rule."""
    return carry_out(ports, propose(ports, config, due))


def propose(ports: Ports, config: PolicyConfig, due: Due) -> Proposal:
    """Observe, decide, check and record. Raises `InvariantBroken`; then nothing is recorded."""
    since = ports.elapsed()
    snapshot = _observe(ports, due)
    plan = decide(snapshot, config, ports.elapsed)
    faults = violations(snapshot, plan, config.headroom)
    if faults:
        raise InvariantBroken(f"at {snapshot.now} s: " + "; ".join(faults))
    ports.store.record(plan)
    return Proposal(snapshot, plan, ports.elapsed() - since)


def carry_out(ports: Ports, proposal: Proposal) -> CycleReport:
    """Apply a plan's actions one by one, and settle what became of them."""
    since = ports.elapsed()
    outcomes = tuple(ports.cluster.apply(action) for action in proposal.plan.actions)
    ports.store.settle(outcomes)
    return CycleReport(proposal, outcomes, proposal.seconds + ports.elapsed() - since)


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
    )
