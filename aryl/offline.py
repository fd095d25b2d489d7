"""One captured cycle decided again at a desk: what was decided, why, and what else might be.

The file is what `aryl.engine.capture` wrote, as JSON, gzipped or not: the snapshot of a plan.
"""

import gzip
import json
import zlib
from pathlib import Path

from aryl.config import read_policy
from aryl.engine.capture import restored
from aryl.model.errors import BadInput
from aryl.model.plain import Plain, action_plain, reason_plain
from aryl.model.snapshot import Snapshot
from aryl.policy.check import violations
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide

GZIP = b"\x1f\x8b"


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


def _read(file: Path) -> object:
    """The JSON in a file, gzipped or not. Raises `BadInput`."""
    try:
        content = file.read_bytes()
        return json.loads(gzip.decompress(content) if content.startswith(GZIP) else content)
    except OSError as error:
        raise BadInput(str(file), f"can't be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise BadInput(str(file), f"is a damaged gzip file: {error}") from error
    except (ValueError, RecursionError) as error:
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
