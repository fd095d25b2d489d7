"""What a job may hold is the same, whether it is found again or looked into anew."""

from dataclasses import replace
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from aryl.model.cluster import Pool
from aryl.model.job import Job
from aryl.model.snapshot import Snapshot
from aryl.policy.decide import untimed
from aryl.policy.draft import Draft
from aryl.policy.offers import Offer, Stake, Valuation, by_speed, candidates_in
from aryl.policy.scaling import _by_class, _class
from tests.strategies import snapshots

MODEL = ("linear", 0.7)
VALUED = by_speed(MODEL)  # looks at no clock


@given(snapshots(), st.sampled_from(Pool))
def test_offers_found_again_are_those_that_a_fresh_look_gives(
    snapshot: Snapshot, pool: Pool
) -> None:
    draft = Draft(snapshot, untimed)
    afresh = candidates_in(draft, pool, VALUED)

    candidates_in(draft, pool, VALUED, lambda _job: VALUED)

    assert candidates_in(draft, pool, VALUED, lambda _job: VALUED) == afresh


@given(snapshots(), st.sampled_from(Pool), st.floats(0.0, 1e6))
def test_offers_of_jobs_that_have_come_nearer_to_their_end_are_not_those_of_before(
    snapshot: Snapshot, pool: Pool, later_s: float
) -> None:
    for now in (snapshot.now, snapshot.now + later_s):
        settled = partial(_soonest, now)

        def valued(job: Job, stake: Stake, most: int, at_s: float = now) -> Offer:
            return _soonest(at_s, job)(job, stake, most)

        draft = Draft(replace(snapshot, now=now), untimed)
        afresh = candidates_in(draft, pool, valued)
        assert candidates_in(draft, pool, valued, settled) == afresh


def _soonest(now: float, job: Job) -> Valuation:
    return _by_class(_class(job, now), MODEL)
