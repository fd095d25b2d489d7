"""A job's past in sentences: what it got and lost, why, and to whom what it lost went."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aryl.engine.ports import Status
from aryl.model.plain import placements_of
from aryl.model.plan import ReclaimServer, ResizeJob, StartJob
from aryl.store.history import EventRecord
from aryl.store.plans import ActionRecord, PlanRecord

LOOKED_UP = 20  # newest losses for which the plan is read: who gained by them

Held = Counter[str]  # workers by server
PlanOf = Callable[[int], tuple[PlanRecord | None, Sequence[ActionRecord]]]

_SAID = {
    "submitted": "was submitted",
    "cancel_requested": "was to be cancelled",
    "bounds_changed": "got other bounds",
    "checkpoint_reported": "reported a checkpoint",
    "estimated": "was given an estimate",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "was cancelled",
}


@dataclass(frozen=True, slots=True)
class Gain:
    """What others got by a job's loss: a job or a server, and a sentence about it."""

    text: str
    job_id: str | None = None
    server_id: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """Something that happened to a job; `plan_id` is the plan that wanted it, if any did."""

    t_s: float
    kind: str
    text: str
    plan_id: int | None
    reason: Mapping[str, Any] | None
    gains: tuple[Gain, ...]


def stories_of(events: Sequence[EventRecord], plan_of: PlanOf) -> list[Story]:
    """The stories that a job's events tell, oldest first."""
    found: list[tuple[Story, Held]] = []
    held: Held = Counter()
    for record in events:
        event = record.event
        now_held = held
        if "placements" in event.detail:
            now_held = Counter()
            for p in placements_of(event.detail["placements"]):
                now_held[p.server_id] += p.workers
        lost, got = held - now_held, now_held - held
        reason = event.detail.get("reason")
        text = _sentence(event.kind, got, lost) + (f": {reason['text']}" if reason else "")
        taken = lost if event.kind in {"resized", "preempted"} else Counter[str]()
        found.append((Story(event.t_s, event.kind, text, event.plan_id, reason, ()), taken))
        held = now_held
    return _with_gains(found, plan_of)


def _sentence(kind: str, got: Held, lost: Held) -> str:
    if kind in _SAID:
        return _SAID[kind]
    if kind == "started":
        return f"started with {_workers(got)}" if got else "started"
    if kind == "preempted":
        return f"was preempted and lost {_workers(lost)}" if lost else "was preempted"
    parts = [f"got {_workers(got)}"] if got else []
    parts += [f"gave up {_workers(lost)}"] if lost else []
    return " and ".join(parts) or kind.replace("_", " ")


def _workers(held: Held) -> str:
    """`3 workers on train-0001 (2) and train-0004 (1)`."""
    total = held.total()
    servers = [f"{name} ({count})" if len(held) > 1 else name for name, count in held.items()]
    listed = ", ".join(servers[:-1]) + " and " * (len(servers) > 1) + servers[-1]
    return f"{total} worker{'s' * (total != 1)} on {listed}"


def _with_gains(found: Sequence[tuple[Story, Held]], plan_of: PlanOf) -> list[Story]:
    """The stories, the newest losses with who gained by them."""
    stories, left = list[Story](), LOOKED_UP
    for story, lost in reversed(found):
        told = story
        if lost and story.plan_id is not None and left:
            left -= 1
            plan, actions = plan_of(story.plan_id)
            gains = tuple(_gains(plan, actions, set(lost)))
            told = Story(story.t_s, story.kind, story.text, story.plan_id, story.reason, gains)
        stories.append(told)
    return stories[::-1]


def _gains(
    plan: PlanRecord | None, actions: Sequence[ActionRecord], servers: set[str]
) -> Iterator[Gain]:
    """Who got what was on these servers, by the same plan."""
    for record in actions:
        if record.status is not Status.DONE:
            continue
        match record.action:
            case StartJob(job_id=job_id, placements=placed) | ResizeJob(job_id=job_id, add=placed):
                on = sorted({p.server_id for p in placed} & servers)
                if on:
                    does = "started" if isinstance(record.action, StartJob) else "grew"
                    yield Gain(f"{job_id} {does} on {', '.join(on)}", job_id=job_id)
            case ReclaimServer(server_id=server_id) if server_id in servers:
                yield Gain(f"{server_id} went back to inference{_need(plan)}", server_id=server_id)


def _need(plan: PlanRecord | None) -> str:
    """What the orchestrator saw when it took servers back."""
    if plan is None or plan.outlook is None:
        return ""
    outlook = plan.outlook
    return (
        f", which was forecast to need {outlook.forecast_servers:g} servers: "
        f"{outlook.loanable} could stay on loan"
    )
