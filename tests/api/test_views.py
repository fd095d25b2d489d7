"""What is shown of jobs that run, of servers and pools, of loans, plans and demand."""

from typing import Any

import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.model.cluster import Loan
from aryl.model.plan import Outlook, Waiting
from aryl.model.reason import ReasonCode, because
from tests.api.stage import Stage
from tests.builders import base, flexible, make_cluster, make_spec
from tests.contract.worlds import Desk, resize, start

FACTOR_3 = make_cluster((8, 8), (8, 8), factor=3.0)


def get(stage: Stage, path: str) -> Any:
    """An answer that is there."""
    response = stage.ask("GET", path)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture
def desk(stage: Stage) -> Desk:
    """A scheduler at work: one job on training, one on a loan as well, one that waits."""
    stage.scheduler(FACTOR_3)
    desk = Desk(stage.database)
    desk.submit(
        make_spec("rigid", workers=1, gpus_per_worker=4, duration_s=1_000.0),
        make_spec("mixed", num_gpus=2, min_workers=2, max_workers=6, heterogeneous=True),
        make_spec("waits", workers=4, gpus_per_worker=8),
    )
    desk.store.lent({"infer-0001": Loan("infer-0001", 0.0)}, 0.0)
    desk.carry_out(
        start("rigid", base(1)),
        start("mixed", base(1, 2)),
        resize("mixed", add=[flexible(1, 6, loaned=True)]),
        now=100.0,
    )
    stage.clock.time_s = 600.0
    return desk


@pytest.mark.usefixtures("desk")
def test_a_running_job_tells_what_it_holds_and_how_far_it_is(stage: Stage) -> None:
    job = get(stage, "/jobs/rigid")

    assert (job["state"], job["gpus"], job["progress"]) == ("running", 4, 0.5)
    assert (job["first_start_s"], job["waited_s"]) == (100.0, 100.0)
    assert job["placements"] == [
        {"server_id": "train-0001", "pool": "training", "kind": "base", "workers": 1}
    ]


@pytest.mark.usefixtures("desk")
def test_workers_are_counted_in_training_workers(stage: Stage) -> None:
    job = get(stage, "/jobs/mixed")

    assert job["workers"] == {"base": 2, "flexible": 2}
    assert job["gpus"] == 8


def test_a_waiting_job_says_why_and_since_when(stage: Stage, desk: Desk) -> None:
    reason = because(ReasonCode.NOT_ENOUGH_GPUS, needed_gpus=32, free_gpus=10, flexible_gpus=6)
    desk.record(now=120.0, waiting=(Waiting(reason, ("waits",)),))
    stage.store.estimates.put({"waits": 900.0}, 500.0)

    job = get(stage, "/jobs/waits")

    numbers = {"needed_gpus": 32, "free_gpus": 10, "flexible_gpus": 6}
    assert job["wait"] == {
        "code": "NOT_ENOUGH_GPUS",
        "text": reason.text,
        "numbers": numbers,
        "since_s": 120.0,
    }
    assert (job["waited_s"], job["estimated_start_s"]) == (600.0, 900.0)


def test_a_finished_job_has_done_all_its_work(stage: Stage, desk: Desk) -> None:
    desk.end("rigid", JobEvent.FINISH, 500.0)

    job = get(stage, "/jobs/rigid")

    assert (job["state"], job["progress"], job["finish_s"]) == ("finished", 1.0, 500.0)
    kinds = [event["kind"] for event in get(stage, "/jobs/rigid/events")["items"]]
    assert kinds == ["submitted", "started", "finished"]


def test_servers_tell_who_is_on_them(stage: Stage, desk: Desk) -> None:
    desk.store.lent(
        {"infer-0001": Loan("infer-0001", 0.0), "infer-0002": Loan("infer-0002", 0.0, 200.0)}, 200.0
    )

    servers = {server["id"]: server for server in get(stage, "/servers")["items"]}

    states = {name: (server["state"], server["free_gpus"]) for name, server in servers.items()}
    assert states == {
        "train-0001": ("busy", 2),
        "train-0002": ("free", 8),
        "infer-0001": ("on-loan", 2),
        "infer-0002": ("reclaiming", 0),
    }
    assert servers["train-0001"]["jobs"] == [
        {"job_id": "rigid", "kind": "base", "workers": 1, "gpus": 4},
        {"job_id": "mixed", "kind": "base", "workers": 2, "gpus": 2},
    ]
    assert servers["infer-0002"]["loan"] == {"start_s": 0.0, "reclaim_s": 200.0}
    assert get(stage, "/servers/infer-0001") == servers["infer-0001"]


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("pool=training", ["train-0001", "train-0002"]),
        ("state=busy", ["train-0001"]),
        ("state=on-loan", ["infer-0001"]),
        ("pool=inference&state=inference", ["infer-0002"]),
        ("pool=training&state=inference", []),
    ],
)
def test_servers_are_found_by_pool_and_state(stage: Stage, query: str, names: list[str]) -> None:
    found = get(stage, f"/servers?{query}")["items"]

    assert [server["id"] for server in found] == names


@pytest.mark.usefixtures("desk")
def test_pools_add_up_their_servers(stage: Stage) -> None:
    training, inference = get(stage, "/pools")["items"]

    assert training == {
        "name": "training",
        "gpu_type": "V100",
        "servers": 2,
        "gpus": 16,
        "used_gpus": 6,
        "free_gpus": 10,
        "on_loan_servers": 0,
        "reclaiming_servers": 0,
        "usage": 6 / 16,
    }
    assert (inference["used_gpus"], inference["free_gpus"]) == (6, 2)
    assert (inference["on_loan_servers"], inference["usage"]) == (1, 6 / 8)


@pytest.mark.usefixtures("desk")
def test_the_status_sums_it_all_up(stage: Stage) -> None:
    status = get(stage, "/status")

    assert (status["now_s"], status["speed"], status["mode"]) == (600.0, 1.0, "live")
    counts = {"queued": 1, "running": 2, "finished": 0, "failed": 0, "cancelled": 0}
    assert status["jobs"] == counts
    assert status["servers"] == {
        "free": 1,
        "busy": 1,
        "on-loan": 1,
        "reclaiming": 0,
        "inference": 1,
    }
    assert status["policy"]["scheme"] == "aryl"
    assert status["leader"] is None


def test_loans_are_told_open_or_ended(stage: Stage, desk: Desk) -> None:
    desk.store.lent({"infer-0002": Loan("infer-0002", 300.0)}, 300.0)

    goes_on = {"server_id": "infer-0002", "start_s": 300.0, "reclaim_s": None, "end_s": None}
    over = {"server_id": "infer-0001", "start_s": 0.0, "reclaim_s": 300.0, "end_s": 300.0}
    assert get(stage, "/loans")["items"] == [goes_on, over]
    assert get(stage, "/loans?open=true")["items"] == [goes_on]
    assert get(stage, "/loans?open=false")["items"] == [over]


def test_a_plan_tells_its_actions_with_reasons_and_fates(stage: Stage, desk: Desk) -> None:
    desk.record(now=300.0, outlook=Outlook(1.5, 0))

    newest, first = get(stage, "/plans")["items"]
    plan = get(stage, f"/plans/{first['id']}")

    assert newest["outlook"] == {"forecast_servers": 1.5, "loanable": 0}
    assert sorted(newest["due"]) == ["orchestrate", "schedule"]
    kinds = [(action["action"], action["job_id"], action["status"]) for action in plan["actions"]]
    assert kinds == [
        ("StartJob", "rigid", "done"),
        ("StartJob", "mixed", "done"),
        ("ResizeJob", "mixed", "done"),
    ]
    assert plan["actions"][0]["placements"][0]["server_id"] == "train-0001"
    assert plan["actions"][2]["add"][0]["workers"] == 6
    assert plan["actions"][2]["reason"]["code"] == "GROWS"


@pytest.mark.usefixtures("desk")
def test_a_plans_snapshot_is_json_as_it_was_captured(stage: Stage) -> None:
    plan = get(stage, "/plans")["items"][-1]

    snapshot = get(stage, f"/plans/{plan['id']}/snapshot")

    assert (snapshot["now"], len(snapshot["queued"])) == (100.0, 3)


def test_demand_is_told_within_a_time(stage: Stage, desk: Desk) -> None:
    desk.store.demanded([(0.0, 1.0), (300.0, 2.0), (600.0, 3.0)])
    stage.ask("POST", "/demand", json={"servers": 1.5, "t_s": 901.0})

    told = get(stage, "/demand?from_s=300&to_s=901")["items"]

    assert told == [
        {"t_s": 300.0, "servers": 2.0, "source": "cluster"},
        {"t_s": 600.0, "servers": 3.0, "source": "cluster"},
        {"t_s": 900.0, "servers": 1.5, "source": "pushed"},
    ]


def test_the_forecast_is_the_policys_on_what_is_known(stage: Stage, desk: Desk) -> None:
    stage.clock.time_s = 1_000.0
    nothing = get(stage, "/forecast")
    desk.store.demanded([(0.0, 1.0), (300.0, 1.0), (600.0, 1.0), (900.0, 2.0)])

    told = get(stage, "/forecast")

    assert (nothing["forecast_servers"], nothing["loanable_servers"]) == (None, None)
    assert (told["known_bins"], told["known_until_s"]) == (3, 900.0)
    assert (told["forecast_servers"], told["loanable_servers"]) == (1.0, 0)
    assert (told["inference_servers"], told["on_loan_servers"]) == (2, 1)


def test_the_timeline_is_what_was_sampled(stage: Stage, desk: Desk) -> None:
    sight: dict[str, float | int | None] = {
        "t_s": 300.0,
        "queued_jobs": 1,
        "running_jobs": 2,
        "training_gpus_used": 6,
        "on_loan_servers": 1,
        "on_loan_gpus_used": 6,
        "inference_demand_servers": 1,
        "forecast_servers": None,
    }
    desk.store.sampled(sight)

    assert get(stage, "/timeline")["items"] == [sight]
    assert get(stage, "/timeline?from_s=301")["items"] == []


@pytest.mark.usefixtures("desk")
def test_a_checkpoint_of_a_running_job_is_kept(stage: Stage) -> None:
    told = stage.ask("POST", "/jobs/rigid/checkpoints", json={"progress_s": 300})
    part = stage.store.jobs.get("rigid")
    everything = stage.ask("POST", "/jobs/rigid/checkpoints", json={})
    whole = stage.store.jobs.get("rigid")

    assert (told.status_code, everything.status_code) == (200, 200)
    assert part is not None
    assert whole is not None
    assert (part.job.saved, whole.job.saved) == (300.0, 500.0)


@pytest.mark.usefixtures("desk")
def test_a_running_jobs_base_workers_can_not_change(stage: Stage) -> None:
    lower = stage.ask("PATCH", "/jobs/mixed", json={"min_workers": 1})
    upper = stage.ask("PATCH", "/jobs/mixed", json={"max_workers": 4})

    assert (lower.status_code, lower.json()["type"]) == (409, "urn:aryl:problem:runs")
    assert (upper.status_code, upper.json()["max_workers"]) == (200, 4)


def test_a_job_in_a_plan_can_not_be_changed_meanwhile(stage: Stage, desk: Desk) -> None:
    desk.record(resize("mixed", remove=[flexible(1, 3, loaned=True)]), now=300.0)

    response = stage.ask("PATCH", "/jobs/mixed", json={"max_workers": 4})

    assert (response.status_code, response.json()["type"]) == (409, "urn:aryl:problem:in-flight")


def test_a_job_that_has_ended_can_not_be_changed(stage: Stage, desk: Desk) -> None:
    desk.end("rigid", JobEvent.FAIL, 500.0)

    response = stage.ask("DELETE", "/jobs/rigid")

    assert (response.status_code, response.json()["type"]) == (409, "urn:aryl:problem:ended")


def test_readiness_says_what_is_wrong(stage: Stage) -> None:
    fine = stage.client.get("/readyz")
    stage.ready["scheduler"] = "no scheduler has led yet"

    broken = stage.client.get("/readyz")

    assert (fine.status_code, fine.json()["ready"]) == (200, True)
    assert (broken.status_code, broken.json()["ready"]) == (503, False)
    assert stage.client.get("/healthz").json() == {"status": "ok"}
