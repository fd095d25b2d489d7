"""What a job may hold is the same, whether it is found again or looked into anew."""

from hypothesis import given
from hypothesis import strategies as st

from aryl.model.cluster import Pool
from aryl.model.snapshot import Snapshot
from aryl.policy.decide import untimed
from aryl.policy.draft import Draft
from aryl.policy.offers import by_speed, candidates_in
from tests.strategies import snapshots

VALUED = by_speed(("linear", 0.7))  # looks at no clock


@given(snapshots(), st.sampled_from(Pool))
def test_offers_found_again_are_those_that_a_fresh_look_gives(
    snapshot: Snapshot, pool: Pool
) -> None:
    draft = Draft(snapshot, untimed)
    afresh = candidates_in(draft, pool, VALUED)

    candidates_in(draft, pool, VALUED, lambda _job: VALUED)

    assert candidates_in(draft, pool, VALUED, lambda _job: VALUED) == afresh
