"""One captured cycle decided again at a desk: what was decided, why, and what else might be.

The file is what `aryl.engine.capture` wrote, as JSON, gzipped or not: the snapshot of a plan.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aryl.config import read_policy
from aryl.engine.capture import restored
from aryl.model.errors import BadInput
from aryl.model.plain import Plain, action_plain, reason_plain
from aryl.model.snapshot import Snapshot
from aryl.policy.check import violations
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide

GZIP = b"\x1f\x8b"
NAMED_JOBS = 5  # of those that wait for one reason


def offline_plan(file: Path, policy: Path | None = None) -> Plain:
    """What the captured cycle saw and decided, and with a policy file what that would decide.

    `decided` and `instead` (None without a policy) hold scheme, actions, waits, notes, outlook and
    the rules that the plan breaks: none, or the policy has a fault. Raises `BadInput`.
    """
    snapshot, config = restored(_read(file), source=str(file))
    other = read_policy(policy, None) if policy else None
    return {
        "cycle": {
            "now_s": snapshot.now,
            "version": snapshot.version,
            "due": [due.name for due in snapshot.due],
            "queued_jobs": len(snapshot.queue),
            "running_jobs": len(snapshot.running),
            "on_loan_servers": snapshot.on_loan,
        },
        "decided": _decision(snapshot, config),
        "instead": _decision(snapshot, other) if other else None,
    }


def offline_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """The answer of `offline_plan` as lines of text."""
    cycle = answer["cycle"]
    yield (
        f"at {cycle['now_s']:,.1f} s: {cycle['queued_jobs']} jobs wait, {cycle['running_jobs']} "
        f"run, {cycle['on_loan_servers']} servers are on loan; to decide: "
        f"{' and '.join(cycle['due']).lower() or 'nothing'}"
    )
    for title in ("decided", "instead"):
        decision = answer[title]
        if decision:
            yield ""
            yield f"{title} by {decision['scheme']}:"
            yield from (f"  {line}" for line in _decision_lines(decision))


def _read(file: Path) -> object:
    """The JSON in a file, gzipped or not. Raises `BadInput`."""
    try:
        content = file.read_bytes()
        return json.loads(gzip.decompress(content) if content.startswith(GZIP) else content)
    except OSError as error:
        raise BadInput(str(file), f"can't be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise BadInput(str(file), f"is a damaged gzip file: {error}") from error
    except ValueError as error:
        raise BadInput(str(file), f"is not JSON: {error}") from error


def _decision(snapshot: Snapshot, config: PolicyConfig) -> Plain:
    plan = decide(snapshot, config)
    return {
        "scheme": config.scheme,
        "actions": [action_plain(action) for action in plan.actions],
        "waiting": [
            reason_plain(entry.reason) | {"job_ids": list(entry.job_ids)} for entry in plan.waiting
        ],
        "notes": [reason_plain(note) for note in plan.notes],
        "outlook": plan.outlook
        and {
            "forecast_servers": plan.outlook.forecast_servers,
            "loanable": plan.outlook.loanable,
        },
        "violations": violations(snapshot, plan, config.headroom),
    }


def _decision_lines(decision: Mapping[str, Any]) -> Iterator[str]:
    outlook = decision["outlook"]
    if outlook:
        yield (
            f"inference will need {outlook['forecast_servers']:g} servers; "
            f"{outlook['loanable']} are loanable"
        )
    for action in decision["actions"]:
        subject = action.get("job_id") or action.get("server_id")
        yield f"{action['action']} {subject}{_where(action)}: {action['reason']['text']}"
    for entry in decision["waiting"]:
        names = entry["job_ids"]
        more = f" and {len(names) - NAMED_JOBS} more" if len(names) > NAMED_JOBS else ""
        yield f"{', '.join(names[:NAMED_JOBS])}{more} waiting: {entry['text']}"
    yield from (note["text"] for note in decision["notes"])
    if not decision["actions"]:
        yield "nothing changes"
    broken = decision["violations"]
    yield from (f"BREAKS A RULE: {fault}" for fault in broken)
    if not broken:
        yield "the plan obeys every rule"


def _where(action: Mapping[str, Any]) -> str:
    """The workers that an action gives and takes, by server."""
    given = (*action.get("placements", ()), *action.get("add", ()))
    parts = [f"+{p['workers']} {p['kind']} on {p['server_id']}" for p in given]
    parts += [f"-{p['workers']} {p['kind']} on {p['server_id']}" for p in action.get("remove", ())]
    return f" ({', '.join(parts)})" if parts else ""
