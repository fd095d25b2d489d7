"""The checker on whole snapshots: each inconsistency is found."""

from dataclasses import replace
from typing import Any

import pytest

from aryl.model.snapshot import Snapshot
from aryl.policy.check import inconsistencies
from tests.builders import (
    base,
    flexible,
    make_cluster,
    make_job,
    make_running,
    make_snapshot,
    make_spec,
)

CLUSTER = make_cluster([8, 8], [8, 8, 8, 8], factor=3.0)
ELASTIC = make_spec("elastic", min_workers=2, max_workers=6)
LENT = make_spec("lent", min_workers=1, max_workers=2, fungible=True)
RUNNING = [
    make_running(CLUSTER, ELASTIC, [base(1, 2), flexible(1, 2)]),
    make_running(CLUSTER, LENT, [base(1, 3, loaned=True), flexible(2, 3, loaned=True)]),
]
SNAPSHOT = make_snapshot(
    CLUSTER,
    running=RUNNING,
    queued=[make_job("new", workers=2)],
    loans=["infer-0001", "infer-0002"],
)


def test_a_snapshot_that_obeys_the_rules_has_no_inconsistency() -> None:
    assert inconsistencies(SNAPSHOT) == []


def made_inconsistent(**changes: Any) -> Snapshot:
    return replace(SNAPSHOT, **changes)


ELSEWHERE = make_running(CLUSTER, make_spec("lost", fungible=True), [base(4, 3, loaned=True)])


@pytest.mark.parametrize(
    ("snapshot", "sentence"),
    [
        pytest.param(
            made_inconsistent(holders={}), "train-0001 does not list its job elastic", id="holders"
        ),
        pytest.param(
            made_inconsistent(capacity=make_snapshot(CLUSTER).capacity),
            "train-0001 is accounted wrongly",
            id="capacity",
        ),
        pytest.param(
            made_inconsistent(running={**SNAPSHOT.running, "lost": ELSEWHERE}),
            "lost runs on infer-0004, which is not on loan",
            id="not on loan",
        ),
        pytest.param(
            made_inconsistent(running={**SNAPSHOT.running, "new": RUNNING[0]}),
            "new is queued and runs",
            id="queued and runs",
        ),
        pytest.param(
            made_inconsistent(elastic={}), "the elastic jobs are listed wrongly", id="elastic"
        ),
        pytest.param(
            made_inconsistent(
                running={
                    **SNAPSHOT.running,
                    "wide": make_running(CLUSTER, make_spec("wide", workers=5), [base(1, 5)]),
                }
            ),
            "train-0001 has 8 GPUs and 9 are held",
            id="over its GPUs",
        ),
        pytest.param(
            made_inconsistent(
                running={"half": make_running(CLUSTER, make_spec("half", workers=2), [base(2, 1)])}
            ),
            "half holds 1 of its 2 base workers",
            id="half a gang",
        ),
    ],
)
def test_an_inconsistency_is_found(snapshot: Snapshot, sentence: str) -> None:
    assert sentence in inconsistencies(snapshot)
