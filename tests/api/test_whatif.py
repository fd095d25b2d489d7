"""What if: the answers name what would change, come true, and touch nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aryl.store import Database
from tests.api.future import NOW_S, Future, future
from tests.api.stage import copied, staged

BERT = {"name": "bert", "num_gpus": 16, "gpus_per_worker": 8, "duration_s": 50}


@pytest.fixture(scope="module")
def ahead(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future]:
    """One state for all tests that only ask."""
    folder = tmp_path_factory.mktemp("ahead")
    with copied(sqlite_template, folder) as database, future(database, folder) as opened:
        yield opened


def test_a_supposed_job_has_a_start_and_delays_whom_it_overtakes(ahead: Future) -> None:
    answer = ahead.what_if(submit=BERT)

    (bert,) = answer["submitted"]
    assert (bert["start_s"], bert["finish_s"]) == (3_600.0, 3_650.0)
    assert (bert["waits_s"], bert["preemptions"]) == (2_600.0, 0)
    assert bert["sizes"] == [{"t_s": NOW_S, "value": 0}, {"t_s": 3_600.0, "value": 2}]
    (late,) = answer["delayed"]
    assert (late["job_id"], late["name"], late["start_s"]) == ("next", "next", 3_600.0)
    assert (late["changed_start_s"], late["delay_s"]) == (3_650.0, 50.0)
    assert answer["sooner"] == answer["preempted"] == answer["shrunk"] == []
    assert answer["counts"] == {"preempted": 0, "shrunk": 0, "delayed": 1, "sooner": 0}
    base, changed = answer["base"], answer["changed"]
    assert changed["mean_queuing_s"] - base["mean_queuing_s"] == pytest.approx(50.0 / 4)
    assert changed["mean_jct_s"] - base["mean_jct_s"] == pytest.approx(50.0 / 4)


def test_what_is_foreseen_of_a_supposed_job_comes_true_when_it_is_submitted(
    database: Database, tmp_path: Path
) -> None:
    with future(database, tmp_path) as ahead:
        (bert,) = ahead.what_if(submit=BERT)["submitted"]
        ahead.stage.submit(id="bert", **BERT)
        ahead.pass_time(4_000.0)
        real = ahead.stage.ask("GET", "/jobs/bert").json()

    assert (real["first_start_s"], real["finish_s"]) == (bert["start_s"], bert["finish_s"])


def test_returning_servers_names_the_jobs_that_shrink_and_are_preempted(ahead: Future) -> None:
    one, two = ahead.what_if(**{"return": 1}), ahead.what_if(**{"return": 2})

    (shrunk,) = one["shrunk"]
    assert (shrunk["job_id"], shrunk["t_s"], shrunk["workers"]) == ("elastic", NOW_S, 1)
    assert shrunk["reason"]["text"] == (
        "gives up 1 flexible workers as infer-0003 goes back to inference"
    )
    assert one["preempted"] == []
    (lost,) = two["preempted"]
    assert (lost["job_id"], lost["t_s"], lost["workers"]) == ("guest", NOW_S, 0)
    assert lost["reason"]["text"] == (
        "has base workers on 1 of the servers that go back to inference"
    )
    assert two["loans"]["base"] == [{"t_s": NOW_S, "value": 3}]
    assert two["loans"]["changed"] == [
        {"t_s": NOW_S, "value": 1},
        {"t_s": 1_200.0, "value": 3},  # the next look at loans lends them again
    ]
    assert "guest" in {shift["job_id"] for shift in two["delayed"]}


def test_another_policy_can_be_supposed(ahead: Future) -> None:
    same = ahead.what_if(policy={"reclaim": "exact"})
    fifo = ahead.what_if(submit=BERT, policy={"scheme": "fifo"})

    assert same["counts"] == {"preempted": 0, "shrunk": 0, "delayed": 0, "sooner": 0}
    assert fifo["submitted"][0]["start_s"] == 3_700.0  # behind the job that came first
    assert "next" not in {shift["job_id"] for shift in fifo["delayed"]}


def test_a_supposed_job_that_never_starts_says_why(ahead: Future) -> None:
    (bert,) = ahead.what_if(submit=BERT, horizon_s=600)["submitted"]

    assert bert["start_s"] is None
    assert bert["reason"]["code"] == "NOT_ENOUGH_GPUS"


def test_asking_writes_nothing(ahead: Future) -> None:
    before = ahead.stage.rows()
    ahead.what_if(submit=BERT, policy={"scheme": "fifo"}, **{"return": 2})

    assert ahead.stage.rows() == before


@pytest.mark.parametrize(
    ("question", "field", "message"),
    [
        pytest.param({}, "body", "suppose something", id="nothing"),
        pytest.param({"lend": 1}, "lend", "at most 0 servers", id="none is at home"),
        pytest.param({"return": 4}, "return", "at most 3 servers", id="more than are lent"),
        pytest.param({"return": -1}, "return", "greater than or equal to 0", id="below none"),
        pytest.param({"give_back": 1}, "give_back", "not permitted", id="the inner name"),
        pytest.param({"policy": {"colour": 1}}, "request", "no entry", id="no such knob"),
        pytest.param({"policy": {"scheme": "x"}}, "scheme", "is no scheme", id="no scheme"),
        pytest.param({"submit": BERT | {"id": "long"}}, "submit", "is taken", id="a known job"),
        pytest.param(
            {"submit": BERT | {"num_gpus": 64}}, "num_gpus", "never start", id="never fits"
        ),
    ],
)
def test_what_can_t_be_supposed_is_refused_by_field(
    ahead: Future, question: dict[str, Any], field: str, message: str
) -> None:
    response = ahead.stage.ask("POST", "/whatif", json=question)

    assert response.status_code == 422
    problem = response.json()
    assert message in problem["detail"]
    assert field in str(problem["errors"] if "errors" in problem else problem["detail"])


def test_before_any_scheduler_has_led_there_is_nothing_to_look_ahead_from(
    database: Database,
) -> None:
    with staged(database) as stage:
        response = stage.ask("POST", "/whatif", json={"lend": 1})

    assert response.status_code == 503
    assert "Retry-After" in response.headers
