"""Model values written as plain ones, through JSON, come back as they were, to the last bit."""

import json
from typing import Any

from hypothesis import given

from aryl.model.plain import (
    action_of,
    action_plain,
    cluster_of,
    cluster_plain,
    job_of,
    job_plain,
    loan_of,
    loan_plain,
)
from aryl.model.snapshot import Snapshot
from aryl.policy.decide import decide
from aryl.policy.registry import load_policy
from tests.strategies import snapshots


def through_json(plain: Any) -> Any:
    return json.loads(json.dumps(plain))


@given(snapshots())
def test_jobs_loans_and_clusters_come_back(snapshot: Snapshot) -> None:
    for job in (*snapshot.running.values(), *snapshot.queue.jobs.values()):
        again = job_of(through_json(job_plain(job)))
        assert {k: v for k, v in vars(again).items() if k != "holding"} == {
            k: v for k, v in vars(job).items() if k != "holding"
        }
    for loan in snapshot.loans.values():
        assert loan_of(through_json(loan_plain(loan))) == loan
    shape = cluster_of(through_json(cluster_plain(snapshot.cluster)))
    assert shape.servers == snapshot.cluster.servers
    assert shape.factor == snapshot.cluster.factor


@given(snapshots())
def test_actions_come_back_with_their_reasons(snapshot: Snapshot) -> None:
    for action in decide(snapshot, load_policy({})).actions:
        assert action_of(through_json(action_plain(action))) == action
