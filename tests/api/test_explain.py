"""Explanations: why a job waits, who comes before it, when it may start, and who gained by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aryl.store import Database
from tests.api.future import NOW_S, Future, future
from tests.api.stage import Stage
from tests.builders import make_spec

QUIET = [0] * 8  # bins in which inference needs nothing


@pytest.fixture
def calm(database: Database, tmp_path: Path) -> Iterator[Future]:
    """Inference needs nothing."""
    with future(database, tmp_path) as opened:
        yield opened


@pytest.fixture
def ahead(database: Database, tmp_path: Path) -> Iterator[Future]:
    """Inference needs all its servers at 2,700 s, and none afterwards."""
    with future(database, tmp_path, [*QUIET, 2, 2, 3, 0, 0, 0, 0, 0]) as opened:
        yield opened


def test_a_queued_job_is_told_what_it_waits_for_and_when_it_may_start(ahead: Future) -> None:
    told = ahead.explain("next")

    assert (told["id"], told["state"], told["now_s"]) == ("next", "queued", NOW_S)
    assert (told["wait"]["code"], told["wait"]["since_s"]) == ("NOT_ENOUGH_GPUS", 400.0)
    place = told["place"]
    assert (place["ordering"], place["place"], place["queued"]) == ("sjf", 1, 1)
    assert (place["jobs_ahead"], place["gpus_ahead"], place["first"]) == (0, 0, [])
    estimate = told["estimate"]
    assert (estimate["start_s"], estimate["made_s"]) == (3_600.0, NOW_S)
    assert estimate["error"] is None
    assert told["text"] == (
        "It has waited for 10 min: it needs 16 GPUs; 0 are free and 0 could be freed by shrinking "
        "elastic jobs. It is number 1 of 1 in line (sjf order). It is expected to start in "
        "43 min. How good such estimates are is not known yet."
    )


def test_who_comes_before_it_is_named_in_the_policy_s_own_order(ahead: Future) -> None:
    ahead.stage.submit(id="small", name="little", num_gpus=8, duration_s=50)
    ahead.stage.submit(id="huge", num_gpus=8, duration_s=90_000)
    ahead.pass_time(NOW_S + 10)

    first, last = ahead.explain("small")["place"], ahead.explain("huge")["place"]

    assert (first["place"], first["queued"], last["place"], last["queued"]) == (1, 3, 3, 3)
    assert (last["jobs_ahead"], last["gpus_ahead"]) == (2, 24)
    assert [job["id"] for job in last["first"]] == ["small", "next"]
    assert last["first"][0] == {
        "id": "small",
        "name": "little",
        "owner": "anonymous",
        "num_gpus": 8,
    }


def test_estimates_are_kept_and_how_far_off_they_were_is_told(calm: Future) -> None:
    calm.explain("next")
    kept = calm.stage.store.estimates.of(["next"])["next"]
    seen = calm.stage.ask("GET", "/jobs/next").json()
    calm.live.submit([make_spec("sooner", submit_s=NOW_S, gpus_per_worker=8, duration_s=10.0)])
    calm.pass_time(3_650.0)
    calm.stage.submit(id="late", num_gpus=16, gpus_per_worker=8, duration_s=500)
    calm.pass_time(3_660.0)
    error = calm.explain("late")["estimate"]["error"]

    assert (kept.start_s, seen["estimated_start_s"]) == (3_600.0, 3_600.0)
    assert error == {"median_s": 10.0, "p90_s": 10.0, "jobs": 1}  # `sooner` held it up


def test_a_preempted_job_is_told_who_took_its_workers_and_why(ahead: Future) -> None:
    ahead.pass_time(2_750.0)
    told = ahead.explain("elastic")

    assert told["state"] == "queued"
    assert [story["text"] for story in told["history"]] == [
        "was submitted",
        "started with 1 worker on infer-0002: its 4 GPUs fit; it is number 1 in order",
        "got 1 worker on infer-0003: 1 more workers save 2500 s",
        "gave up 1 worker on infer-0003: "
        "gives up 1 flexible workers as infer-0003 goes back to inference",
        "was preempted and lost 1 worker on infer-0002: "
        "has base workers on 1 of the servers that go back to inference",
    ]
    *_, shrunk, preempted = told["history"]
    assert (shrunk["t_s"], preempted["t_s"]) == (2_700.0, 2_700.0)
    (gain,) = preempted["gains"]
    assert (gain["server_id"], gain["job_id"]) == ("infer-0002", None)
    assert gain["text"].startswith("infer-0002 went back to inference, which was forecast to need ")
    assert f"50 s ago it {preempted['text']}; {gain['text']}." in told["text"]


def test_a_job_that_shrank_is_told_which_job_got_its_workers(calm: Future) -> None:
    wide = {"id": "wide", "num_gpus": 4, "gpus_per_worker": 4, "min_workers": 1, "max_workers": 4}
    calm.stage.submit(**wide, duration_s=50_000)
    calm.pass_time(3_750.0)  # `long` and `next` have ended: it holds all of training
    calm.stage.submit(id="tiny", num_gpus=8, duration_s=300)
    calm.pass_time(3_760.0)
    told = calm.explain("wide")

    newest = told["history"][-1]
    assert (newest["kind"], newest["reason"]["code"]) == ("resized", "SHRINKS_FOR_START")
    assert [gain["job_id"] for gain in newest["gains"]] == ["tiny"]
    assert told["text"] == (
        "It is running. 10 s ago it gave up 2 workers on train-0002: "
        "gives 2 flexible workers to a job that starts; tiny started on train-0002."
    )
    assert (told["wait"], told["place"], told["estimate"]) == (None, None, None)


def test_a_job_that_has_ended_is_told_so(ahead: Future) -> None:
    ahead.pass_time(3_610.0)

    assert ahead.explain("long")["text"] == "It is finished. 10 s ago it finished."


def test_a_job_that_is_not_there_can_t_be_explained(ahead: Future) -> None:
    assert ahead.stage.ask("GET", "/jobs/nobody/explain").status_code == 404


def test_a_job_whose_run_time_is_guessed_is_told_how_wrong_that_may_be(stage: Stage) -> None:
    store = stage.scheduler(estimates="learned")
    stage.submit(id="new", estimated_duration_s=50)
    store.refresh()

    job = stage.client.get("/api/v1/jobs/new").json()
    history = stage.client.get("/api/v1/jobs/new/explain").json()["history"]

    assert job["estimated_duration_s"] > 1_000
    assert history[-1]["text"].startswith("was given an estimate: jobs like it have run for")
    assert history[-1]["text"].endswith("a factor of 89.2; 50 s had been given")
