"""Where run times are learnt, the store keeps what is believed of each job."""

import pytest
from sqlalchemy import select

from aryl.engine.lifecycle import JobEvent
from aryl.engine.live import Correction
from aryl.model.plain import reason_of
from aryl.policy.config import PolicyConfig
from aryl.policy.estimating import UNKNOWN_S
from aryl.store import Database
from aryl.store.tables import EVENTS
from tests.builders import base, make_spec
from tests.contract.worlds import Desk, start

LEARNED = PolicyConfig(estimates="learned")
SIGHT = (
    "t_s",
    "queued_jobs",
    "running_jobs",
    "training_gpus_used",
    "on_loan_servers",
    "on_loan_gpus_used",
    "inference_demand_servers",
    "forecast_servers",
)


def have_run(desk: Desk, run_s: float, jobs: int = 8) -> None:
    """Jobs of one user run and end."""
    names = [f"past-{number}" for number in range(jobs)]
    desk.submit(*(make_spec(name, user="ann", estimated_duration_s=5.0) for name in names))
    desk.carry_out(*(start(name, base(1)) for name in names), now=0.0)
    end(desk, names, JobEvent.FINISH, run_s)


def end(desk: Desk, names: list[str], event: JobEvent, at_s: float) -> None:
    """Jobs end at once."""
    live = desk.store.live()
    desk.store.correct([Correction(live[name].job, event, at_s) for name in names])


def estimate_s(desk: Desk, job_id: str) -> float:
    """What users see."""
    return desk.known(job_id).job.spec.estimated_duration_s


def test_a_new_job_is_believed_to_run_as_long_as_those_before_it(database: Database) -> None:
    desk = Desk(database, LEARNED)
    have_run(desk, 50.0)

    desk.submit(make_spec("new", user="ann", submit_s=1e6, estimated_duration_s=9_999.0))

    assert 25.0 < estimate_s(desk, "new") < 100.0
    assert estimate_s(desk, "new") == desk.store.queue().jobs["new"].spec.estimated_duration_s


def test_a_guess_is_told_with_its_error_and_what_was_given(database: Database) -> None:
    desk = Desk(database, LEARNED)

    desk.submit(make_spec("new", estimated_duration_s=9_999.0))

    with database.read() as connection:
        told = connection.execute(select(EVENTS.c.detail).where(EVENTS.c.kind == "estimated"))
        (detail,) = told.scalars()
    numbers = dict(reason_of(detail["reason"]).numbers)
    assert numbers["given_s"] == 9_999.0
    assert numbers["run_s"] == pytest.approx(UNKNOWN_S, rel=0.2)
    assert float(numbers["factor"]) > 2.0


def test_what_was_learnt_outlives_the_leader(database: Database) -> None:
    desk = Desk(database, LEARNED)
    have_run(desk, 50.0)
    desk.submit(make_spec("before", user="ann", submit_s=1e6))

    heir = Desk(database, LEARNED)
    heir.submit(make_spec("after", user="ann", submit_s=1e6))

    assert estimate_s(heir, "after") == pytest.approx(estimate_s(heir, "before"))


def test_a_new_leader_guesses_again_for_jobs_that_wait_and_for_no_others(
    database: Database,
) -> None:
    desk = Desk(database, LEARNED)
    desk.submit(make_spec("runs", user="ann"), make_spec("waits", user="ann"))
    desk.carry_out(start("runs", base(2)), now=1.0)
    at_first_s = estimate_s(desk, "runs")
    have_run(desk, 50.0)

    heir = Desk(database, LEARNED)

    assert estimate_s(heir, "waits") < 100.0
    assert estimate_s(heir, "runs") == at_first_s
    assert heir.store.live()["runs"].job.spec.estimated_duration_s == at_first_s


def test_a_job_that_runs_on_raises_the_next_guess(database: Database) -> None:
    desks = {looks: Desk(database, LEARNED) for looks in ("without", "with")}
    desk = desks["with"]
    desk.submit(*(make_spec(f"long-{n}", user="ann") for n in range(5)))
    desk.carry_out(*(start(f"long-{n}", base(2)) for n in range(5)), now=0.0)
    desk.submit(make_spec("before", user="ann"))

    desk.store.sampled(dict.fromkeys(SIGHT, 0) | {"t_s": 90_000.0})
    desk.submit(make_spec("after", user="ann"))

    assert estimate_s(desk, "after") > 3 * estimate_s(desk, "before")


@pytest.mark.parametrize(
    ("mode", "expected_s"), [("given", 5.0), ("none", UNKNOWN_S)], ids=["given", "none"]
)
def test_other_estimates_stay_the_same_whatever_ends(
    database: Database, mode: str, expected_s: float
) -> None:
    desk = Desk(database, PolicyConfig(estimates=mode))
    have_run(desk, 50.0)

    desk.submit(make_spec("new", user="ann", estimated_duration_s=5.0))

    assert estimate_s(desk, "new") == expected_s


def test_a_job_cancelled_while_it_waited_teaches_nothing(database: Database) -> None:
    desk = Desk(database, LEARNED)
    names = [f"gone-{number}" for number in range(8)]
    desk.submit(*(make_spec(name, user="ann") for name in names))
    end(desk, names, JobEvent.CANCEL, 50.0)

    desk.submit(make_spec("new", user="ann"))

    assert estimate_s(desk, "new") == pytest.approx(UNKNOWN_S, rel=0.2)
