"""A captured cycle, through JSON, is decided as it was; what is no capture is refused."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aryl.engine.capture import captured, restored
from aryl.model.demand import DemandHistory
from aryl.model.errors import BadInput
from aryl.model.snapshot import Snapshot
from aryl.policy.check import inconsistencies
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide
from aryl.policy.ranking import ranked
from aryl.policy.registry import load_policy
from aryl.policy.rules import rules_of
from tests.builders import make_snapshot
from tests.strategies import configs, snapshots

ODD = st.sampled_from([None, -1, 0, 0.5, 1e300, "", "no", [], {}, [1], {"a": 1}, True])


def through_json(snapshot: Snapshot, config: PolicyConfig) -> tuple[Snapshot, PolicyConfig]:
    return restored(json.loads(json.dumps(captured(snapshot, config), allow_nan=False)))


@given(snapshots(), configs())
def test_a_captured_cycle_is_decided_as_it_was(snapshot: Snapshot, config: PolicyConfig) -> None:
    again, policy = through_json(snapshot, config)

    assert policy == config
    assert inconsistencies(again) == []
    assert decide(again, policy) == decide(snapshot, config)


@given(snapshots(), configs())
def test_everything_that_a_decision_looks_at_comes_back(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    again, _ = through_json(snapshot, config)
    queue = ranked(snapshot.queue, rules_of(config))

    assert (again.now, again.version, again.due) == (snapshot.now, snapshot.version, snapshot.due)
    assert again.demand == snapshot.demand
    assert again.loans == snapshot.loans
    assert again.holders == snapshot.holders
    assert again.queue.ranking == queue.ranking
    assert {s: (g.ranks, g.job_ids) for s, g in again.queue.groups.items()} == {
        s: (g.ranks, g.job_ids) for s, g in queue.groups.items()
    }
    assert captured(again, config) == captured(snapshot, config)


def test_a_history_kept_as_an_array_comes_back_number_by_number() -> None:
    demand = DemandHistory(np.array([0.1, 1 / 3]), 600.0, np.array([2.0]))
    again, _ = through_json(make_snapshot(demand=demand), load_policy({}))

    assert again.demand == DemandHistory((0.1, 1 / 3), 600.0, (2.0,))


@st.composite
def changed_somewhere(draw: st.DrawFn, value: Any) -> Any:
    """The value with one of its parts, at any depth, left out or replaced by something odd."""
    if isinstance(value, dict | list) and value:
        places = sorted(value) if isinstance(value, dict) else range(len(value))
        place = draw(st.sampled_from(places))
        twin = value.copy()
        if draw(st.integers(0, 9)):
            twin[place] = draw(changed_somewhere(value[place]))
        else:
            del twin[place]
        return twin
    return draw(ODD)


@given(st.data(), configs())
def test_a_damaged_capture_is_refused_or_still_a_state_that_can_be_decided(
    data: st.DataObject, config: PolicyConfig
) -> None:
    plain = captured(data.draw(snapshots()), config)
    damaged = data.draw(changed_somewhere(plain))

    try:
        again, policy = restored(damaged, source="cycle.json")
    except BadInput as refused:
        assert "cycle.json" in str(refused)  # noqa: PT017 - both outcomes are right
        return
    assert decide(again, policy).version == again.version


@pytest.mark.parametrize("plain", [None, [], "text", {}, {"format": 2}, {"format": 1}])
def test_what_is_no_capture_is_refused(plain: object) -> None:
    with pytest.raises(BadInput, match=r"^cycle\.json, .*is no captured snapshot"):
        restored(plain, source="cycle.json")
