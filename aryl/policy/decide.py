"""The whole decision: from a snapshot to a plan (paper §1; the pipeline reads like the paper).

What is owed to inference comes first, then the least disruptive: start on free GPUs, shrink where
a start needs it, and give what is spare to elastic jobs.
"""

from collections.abc import Callable

from aryl.model.plan import Plan, Waiting
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.draft import Draft
from aryl.policy.loaning import LOANINGS, needed_now
from aryl.policy.opportunistic import start_apart
from aryl.policy.preempting import PREEMPTIONS
from aryl.policy.ranking import ranked
from aryl.policy.returning import aware_of_returns
from aryl.policy.rules import Scene, rules_of
from aryl.policy.scaling import SCALINGS
from aryl.policy.starting import start_queued


def untimed() -> float:
    """The timer of a decision that nobody times."""
    return 0.0


def decide(
    snapshot: Snapshot, config: PolicyConfig, elapsed: Callable[[], float] = untimed
) -> Plan:
    """Answer a snapshot with a plan; the same snapshot and configuration have the same plan.

    `elapsed` times the optimisers for `Plan.solves`; no decision depends on it.
    """
    draft = Draft(snapshot, elapsed)
    outlook = None
    waiting: tuple[Waiting, ...] = ()
    if Due.ORCHESTRATE in snapshot.due:
        outlook = LOANINGS[config.loaning](draft, snapshot, config)
    if Due.SCHEDULE in snapshot.due:
        scene = Scene(snapshot, config, aware_of_returns(rules_of(config), draft, snapshot, config))
        if config.loaning == "opportunistic":
            outlook = needed_now(snapshot, config)
            draft, waiting = start_apart(draft, scene, outlook)
        else:
            queue = ranked(snapshot.queue, scene.rules)
            draft, waiting = start_queued(draft, queue, scene.rules)
        draft, waiting = PREEMPTIONS[config.preemption](draft, waiting, scene)
        draft = SCALINGS[config.scaling](draft, config, snapshot.now)
    return Plan(
        version=snapshot.version,
        actions=tuple(draft.actions),
        waiting=waiting,
        notes=tuple(draft.notes),
        outlook=outlook,
        solves=tuple(draft.solves),
    )
