"""Servers, pools, loans, demand, plans and what happened, by the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.processes import Process, until
from tests.simulation.command import aryl


def told(*words: str) -> Any:
    """The JSON that a verb prints."""
    answer = aryl(*words, "--json")
    assert answer.exit_code == 0, answer.err
    return json.loads(answer.out)


def started(service: Process, name: str, **job: Any) -> None:
    """A job of its own that runs."""
    service.submit(**({"id": name, "name": name, "num_gpus": 8, "duration_s": 36_000} | job))
    until(lambda: service.get(f"/api/v1/jobs/{name}")["state"] == "running")


def test_servers_are_listed_with_what_runs_on_them(service: Process) -> None:
    started(service, "hosted")

    (busy,) = told("servers", "--state", "busy")["items"]
    inference = told("servers", "--pool", "inference")["items"]

    assert [share["job_id"] for share in busy["jobs"]] == ["hosted"]
    assert len(inference) == 4
    assert "hosted" in aryl("servers", "--state", "busy").out


def test_pools_and_the_forecast_are_shown(service: Process) -> None:
    started(service, "used")

    assert told("pools") == service.get("/api/v1/pools")
    assert "█████░░░░░░░░░░░░░░░ 25 %" in aryl("pools").out
    assert "servers of headroom" in aryl("forecast").out


def test_loans_are_listed_with_how_long_they_last(service: Process) -> None:
    until(lambda: service.get("/api/v1/loans", params={"open": True})["items"])

    (loan, *_) = told("loans", "--open")["items"]

    assert loan["server_id"].startswith("infer-")
    assert loan["server_id"] in aryl("loans", "--open").out


def test_demand_is_told_and_shown(service: Process) -> None:
    at_s = service.get("/api/v1/status")["now_s"]

    answer = aryl("demand", "push", "3.5", "--at", str(at_s))

    assert (answer.exit_code, answer.out) == (0, "inference needs 3.5 servers\n")
    assert {sample["source"] for sample in told("demand", "show")["items"]} >= {"pushed"}
    assert "3.5" in aryl("demand", "show", "--last", "1h").out


def test_a_plan_is_shown_with_its_actions_and_reasons(service: Process) -> None:
    started(service, "planned")
    (plan_id,) = {
        event["plan_id"]
        for event in service.get("/api/v1/jobs/planned/events")["items"]
        if event["kind"] == "started"
    }

    out = aryl("plan", str(plan_id)).out

    assert "start" in out
    assert "its 8 GPUs fit" in " ".join(out.split())
    assert str(plan_id) in aryl("plan").out


def test_a_plan_is_saved_and_decided_again_without_a_service(
    service: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(service, "saved")
    snapshot = tmp_path / "plan.json"
    kept = [
        plan["id"]
        for plan in service.get("/api/v1/plans")["items"]
        if aryl("plan", str(plan["id"]), "--save", str(snapshot)).exit_code == 0
    ]
    monkeypatch.setenv("ARYL_SERVER", "http://127.0.0.1:9")

    answer = aryl("plan", "--snapshot", str(snapshot))

    assert kept
    assert answer.exit_code == 0, answer.err
    assert "the plan obeys every rule" in answer.out
    assert told("plan", "--snapshot", str(snapshot))["decided"]["violations"] == []


def test_a_policy_can_be_tried_on_a_saved_plan(service: Process, tmp_path: Path) -> None:
    started(service, "tried")
    snapshot, policy = tmp_path / "plan.json", tmp_path / "policy.toml"
    policy.write_text('[policy]\nscheme = "fifo"\n')
    for plan in service.get("/api/v1/plans")["items"]:
        aryl("plan", str(plan["id"]), "--save", str(snapshot))

    answer = aryl("plan", "--snapshot", str(snapshot), "--policy", str(policy))

    assert "decided by aryl" in answer.out
    assert "instead by fifo" in answer.out


@pytest.mark.parametrize(
    "words",
    [["--save", "x"], ["--policy", "x"], ["3", "--snapshot", "x"], ["--snapshot", "none.json"]],
)
@pytest.mark.usefixtures("service")
def test_a_plan_that_can_not_be_meant_is_refused(words: list[str]) -> None:
    assert aryl("plan", *words).exit_code == 2


def test_the_newest_events_are_shown_in_order(service: Process) -> None:
    started(service, "seen")

    answer = aryl("events", "--limit", "5", "--json")
    ids = [json.loads(line)["id"] for line in answer.out.splitlines()]

    assert len(ids) == 5
    assert ids == sorted(ids)
    assert "seen" in aryl("events", "--limit", "5").out


def test_events_of_one_job_are_all_of_it(service: Process) -> None:
    started(service, "followed")

    lines = aryl("events", "--job", "followed", "--json").out.splitlines()

    assert [json.loads(line)["kind"] for line in lines][:2] == ["submitted", "started"]


def test_the_audit_tells_who_did_what(service: Process) -> None:
    service.submit(id="audited", name="audited", num_gpus=1, duration_s=1)

    out = aryl("audit", "--limit", "5").out

    assert "audited" in out
    assert "anonymous" in out


def test_the_overview_shows_everything_at_once(service: Process) -> None:
    started(service, "whole", num_gpus=32)
    service.submit(id="queue", name="queue", num_gpus=32, duration_s=36_000)
    until(lambda: service.get("/api/v1/jobs/queue")["wait"])

    out = aryl("top").out
    sight = told("top")

    assert [job["id"] for job in sight["running"]] == ["whole"]
    assert [job["id"] for job in sight["queued"]] == ["queue"]
    assert "whole" in out
    assert "needs 32 GPUs" in out
    assert "training" in out


@pytest.mark.parametrize("words", [["servers", "--pool", "x"], ["servers", "--state", "x"]])
@pytest.mark.usefixtures("service")
def test_names_that_are_not_known_are_refused(words: list[str]) -> None:
    answer = aryl(*words)

    assert answer.exit_code == 2
    assert "'x' is not known; expected" in answer.err
