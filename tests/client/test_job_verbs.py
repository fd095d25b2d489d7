"""Jobs by the command line against a real service: submit, list, look, change, cancel."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.processes import Process, until
from tests.simulation.command import aryl

SMALL = ("--gpus", "1", "--duration", "10h")


def job_of(job_id: str) -> Any:
    return json.loads(aryl("job", job_id, "--json").out)


def submitted(*words: str) -> Any:
    answer = aryl("submit", *words, "--json")
    assert answer.exit_code == 0, answer.err
    return json.loads(answer.out)


def in_state(job_id: str, state: str) -> Any:
    return until(lambda: job if (job := job_of(job_id))["state"] == state else None)


def test_every_field_of_a_job_reaches_the_service(service: Process) -> None:
    made = submitted(
        *("bert", "--gpus", "8", "--duration", "1h30m", "--id", "bert-7", "--user", "ada"),
        *("--queue", "prod", "--model", "bert-base", "--gpus-per-worker", "2"),
        *("--min-workers", "2", "--max-workers", "8", "--allowed-workers", "2,4,8"),
        *("--fungible", "--heterogeneous", "--checkpoint", "10m", "--estimate", "2h"),
        *("--priority", "3"),
    )

    told = service.get("/api/v1/jobs/bert-7")
    assert made["id"] == told["id"] == "bert-7"
    wanted = {
        "name": "bert",
        "num_gpus": 8,
        "duration_s": 5400.0,
        "user": "ada",
        "queue": "prod",
        "model": "bert-base",
        "gpus_per_worker": 2,
        "min_workers": 2,
        "max_workers": 8,
        "allowed_workers": [2, 4, 8],
        "fungible": True,
        "heterogeneous": True,
        "checkpoint_s": 600.0,
        "estimated_duration_s": 7200.0,
        "priority": 3,
    }
    assert {name: told[name] for name in wanted} == wanted


@pytest.mark.usefixtures("service")
def test_a_template_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    file.write_text('{"spec": {"containers": [{"name": "main", "image": "train:1"}]}}')
    made = submitted("templated", *SMALL, "--template", str(file))
    assert made["name"] == "templated"

    file.write_text('{"spec": "' + "x" * 70_000 + '"}')
    too_large = aryl("submit", "templated", *SMALL, "--template", str(file))
    file.write_text("[1, 2")
    broken = aryl("submit", "templated", *SMALL, "--template", str(file))
    file.write_text("[1, 2]")
    a_list = aryl("submit", "templated", *SMALL, "--template", str(file))

    assert "65536 is the most" in too_large.err
    assert "can't be read" in broken.err
    assert "is no JSON object" in a_list.err
    assert [ran.exit_code for ran in (too_large, broken, a_list)] == [2, 2, 2]


@pytest.mark.usefixtures("service")
def test_a_submission_says_what_it_made() -> None:
    answer = aryl("submit", "resnet", *SMALL, "--id", "said-1")

    assert answer.exit_code == 0
    assert answer.out == "said-1 is queued; `aryl job said-1` tells more\n"


def test_a_dry_run_leaves_nothing_behind(service: Process) -> None:
    before = service.get("/api/v1/status")["jobs"]

    answer = aryl("submit", "bert", "--gpus", "16", "--duration", "2h", "--dry-run")

    assert answer.exit_code == 0
    assert "16 GPUs for 2h 00m" in answer.out
    assert sum(service.get("/api/v1/status")["jobs"].values()) == sum(before.values())


@pytest.mark.usefixtures("service")
def test_the_same_key_submits_once() -> None:
    words = ("submit", "once", *SMALL, "--idempotency-key", "my-key", "--json")

    first, second = (json.loads(aryl(*words).out) for _ in range(2))

    assert first["id"] == second["id"]


@pytest.mark.usefixtures("service")
def test_waiting_for_a_job_ends_with_it() -> None:
    answer = aryl("submit", "short", "--gpus", "1", "--duration", "1m", "--id", "short-1", "--wait")

    assert answer.exit_code == 0
    assert "short-1 is finished" in answer.err
    assert "100 %" in answer.out


def test_waiting_for_a_job_that_is_cancelled_fails(service: Process) -> None:
    service.submit(id="blocker", name="blocker", num_gpus=32, duration_s=36_000)
    service.cancel("blocker")
    key = ("--idempotency-key", "cancelled-key")
    aryl("submit", "victim", *SMALL, "--id", "victim", *key)
    aryl("cancel", "victim")

    answer = aryl("submit", "victim", *SMALL, "--id", "victim", *key, "--wait")

    assert answer.exit_code == 1
    assert "victim is cancelled" in answer.err


@pytest.mark.usefixtures("service")
def test_a_list_shows_what_lives_unless_more_is_asked_for() -> None:
    aryl("submit", "done", "--gpus", "1", "--duration", "1s", "--id", "done-1", "--user", "eve")
    aryl("submit", "live", *SMALL, "--id", "live-1", "--user", "eve")
    in_state("done-1", "finished")
    in_state("live-1", "running")

    def listed(*words: str) -> set[str]:
        page = json.loads(aryl("jobs", "--user", "eve", *words, "--json").out)
        return {job["id"] for job in page["items"]}

    assert listed() == {"live-1"}
    assert listed("--all") >= {"live-1", "done-1"}
    assert listed("--state", "finished") == {"done-1"}
    assert listed("--state", "finished", "--state", "running") == {"live-1", "done-1"}
    assert listed("--queue", "nobody's") == set()


def test_pages_are_followed_to_the_limit(service: Process) -> None:
    for number in range(7):
        service.submit(id=f"many-{number}", name="many", num_gpus=1, duration_s=1, user="many")
    until(lambda: service.get("/api/v1/jobs/many-6")["state"] == "finished")

    page = json.loads(aryl("jobs", "--user", "many", "--all", "--limit", "2", "--json").out)
    some = json.loads(
        aryl("jobs", "--user", "many", "--state", "finished", "--limit", "3", "--json").out
    )

    assert [job["id"] for job in page["items"]] == [f"many-{number}" for number in range(7)]
    assert len(some["items"]) == 3
    assert some["next"] is not None


def test_json_is_what_the_service_says(service: Process) -> None:
    aryl("submit", "exact", "--gpus", "1", "--duration", "1s", "--id", "exact-1")
    in_state("exact-1", "finished")

    assert job_of("exact-1") == service.get("/api/v1/jobs/exact-1")


@pytest.mark.usefixtures("service")
def test_a_job_that_waits_says_why() -> None:
    aryl("submit", "long", *SMALL, "--id", "long-1")
    in_state("long-1", "running")
    aryl("submit", "wide", "--gpus", "32", "--duration", "1h", "--id", "wide-1")
    until(lambda: job_of("wide-1")["wait"])

    for words in (["job", "wide-1"], ["jobs"]):
        out = " ".join(aryl(*words).out.split())
        assert "needs 32 GPUs; 31 are free" in out


@pytest.mark.usefixtures("service")
def test_a_job_can_be_cancelled() -> None:
    aryl("submit", "gone", *SMALL, "--id", "gone-1")

    answer = aryl("cancel", "gone-1")

    assert (answer.exit_code, answer.out) == (0, "gone-1 will be cancelled\n")
    assert in_state("gone-1", "cancelled")["cancel_requested_s"] is not None


@pytest.mark.usefixtures("service")
def test_a_job_grows_when_its_bounds_do() -> None:
    aryl("submit", "elastic", *SMALL, "--id", "elastic-1")
    in_state("elastic-1", "running")

    answer = aryl("resize", "elastic-1", "--max", "4")

    assert answer.exit_code == 0, answer.err
    assert answer.out == "elastic-1 may hold 1 to 4 workers from now on\n"
    until(lambda: job_of("elastic-1")["gpus"] == 4)


@pytest.mark.usefixtures("service")
def test_a_checkpoint_can_be_reported() -> None:
    aryl("submit", "saved", *SMALL, "--id", "saved-1")
    in_state("saved-1", "running")

    answer = aryl("checkpoint", "saved-1", "--progress", "30s")

    assert answer.exit_code == 0, answer.err
    assert "saved-1 has a checkpoint" in answer.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["job", "nobody"], 1, "no job named nobody"),
        (["cancel", "nobody"], 1, "no job named nobody"),
        (["submit", "x", "--gpus", "9", "--gpus-per-worker", "2", "--duration", "1h"], 2, "9"),
        (["submit", "x", "--gpus", "9000", "--duration", "1h"], 2, "never start"),
        (["submit", "x", "--gpus", "1", "--duration", "soon"], 2, "such as 90s, 15m, 2h"),
        (["submit", "x", "--gpus", "0", "--duration", "1h"], 2, "--gpus"),
        (["submit", "x", *SMALL, "--allowed-workers", "1,b"], 2, "whole numbers"),
        (["jobs", "--state", "lost"], 2, "one of running, queued"),
        (["resize", "x"], 2, "--min"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
@pytest.mark.usefixtures("service")
def test_what_is_wrong_is_said_with_its_exit_code(
    words: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = aryl(*words)

    assert answer.exit_code == code
    assert said in " ".join((answer.err + answer.out + capfd.readouterr().err).split())
