"""Captured cycles in files: decided again, under the same policy or another, or refused."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from aryl.engine.capture import captured
from aryl.model.errors import BadInput
from aryl.model.plain import action_plain
from aryl.model.snapshot import Snapshot
from aryl.offline import offline_plan
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.builders import (
    base,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
)

CONFIG = load_policy({"headroom": 0.0})


def small_cluster() -> Snapshot:
    """One job runs on half of the only server; one that fits waits, and one that does not."""
    cluster = make_cluster([8], [8, 8])
    return make_snapshot(
        cluster,
        running=[make_running(cluster, make_spec("runs", workers=4), [base(1, 4)])],
        queued=[make_job("fits", submit_s=9, workers=4), make_job("large", workers=8)],
        demand=[1.0],
        now=36_000.0,
    )


def written(folder: Path, plain: Any) -> Path:
    file = folder / "cycle.json"
    file.write_text(json.dumps(plain), encoding="utf-8")
    return file


def test_a_captured_cycle_is_decided_as_it_was(tmp_path: Path) -> None:
    snapshot = small_cluster()
    answer = offline_plan(written(tmp_path, captured(snapshot, CONFIG)))

    plan = decide(snapshot, CONFIG)
    assert answer["decided"]["actions"] == [action_plain(action) for action in plan.actions]
    assert answer["decided"]["violations"] == []
    (waiting,) = answer["decided"]["waiting"]
    assert (waiting["code"], waiting["job_ids"]) == ("NOT_ENOUGH_GPUS", ["large"])
    assert answer["decided"]["outlook"] == {"forecast_servers": 1.0, "loanable": 1}
    assert answer["cycle"] == {
        "now_s": 36_000.0,
        "version": 7,
        "due": ["SCHEDULE", "ORCHESTRATE"],
        "queued_jobs": 2,
        "running_jobs": 1,
        "on_loan_servers": 0,
    }
    assert answer["instead"] is None
    assert json.loads(json.dumps(answer)) == answer


def test_a_gzipped_capture_is_read_as_well(tmp_path: Path) -> None:
    plain = captured(small_cluster(), CONFIG)
    zipped = tmp_path / "cycle.json.gz"
    zipped.write_bytes(gzip.compress(json.dumps(plain).encode()))

    assert offline_plan(zipped) == offline_plan(written(tmp_path, plain))


def test_another_policy_says_what_it_would_do_instead(tmp_path: Path) -> None:
    policy = tmp_path / "fifo.toml"
    policy.write_text('[policy]\nscheme = "fifo"\n', encoding="utf-8")
    answer = offline_plan(written(tmp_path, captured(small_cluster(), CONFIG)), policy)

    def done(decision: Any) -> list[tuple[str, str]]:
        return [(a["action"], a.get("job_id") or a["server_id"]) for a in decision["actions"]]

    assert done(answer["decided"]) == [("LoanServer", "infer-0001"), ("StartJob", "fits")]
    assert done(answer["instead"]) == []  # the first in line blocks the others


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "is not JSON", id="empty"),
        pytest.param(b"job_id,submit_s\n", "is not JSON", id="a trace"),
        pytest.param(b"\x1f\x8b\x08", "is a damaged gzip file", id="a truncated gzip"),
        pytest.param(b"\xff\xfe", "is not JSON", id="no text"),
        pytest.param(b"[" * 100_000, "is not JSON", id="too deep"),
        pytest.param(b"[]", "is no captured snapshot", id="other JSON"),
    ],
)
def test_a_file_that_is_no_capture_is_refused_by_name(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "cycle.json"
    file.write_bytes(content)

    with pytest.raises(BadInput, match=f"cycle.json.*{problem}"):
        offline_plan(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can't be read: No such file"):
        offline_plan(tmp_path / "none.json")
