"""What goes on until Ctrl-C: --watch and top."""

import json
from pathlib import Path

import pytest

from tests.client.live import going_on
from tests.service.processes import LIMIT_S, Process, until


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["top"], "running  1"),
        (["jobs", "--watch"], "watched"),
        (["job", "watched-job", "--watch"], "8 GPUs: 1 base workers"),
        (["pools", "--watch"], "training"),
    ],
)
def test_a_screen_is_redrawn_until_ctrl_c(service: Process, words: list[str], shown: str) -> None:
    name = f"watched-{words[0]}"
    service.submit(id=name, name=name, num_gpus=8, duration_s=360_000)
    until(lambda: service.get(f"/api/v1/jobs/{name}")["state"] == "running")

    with going_on(*words, on_terminal=True) as screen:
        assert screen.shows(shown)
        screen.seen = ""
        assert screen.shows(shown)
        assert screen.interrupt() == 0

    assert "Traceback" not in screen.seen


def test_in_a_pipe_one_answer_follows_the_other(service: Process) -> None:
    with going_on("pools", "--watch", "--json") as screen:
        assert until(lambda: screen.shows("inference") and screen.seen.count('"items"') > 1)
        assert screen.interrupt() == 0

    first, _ = json.JSONDecoder().raw_decode(screen.seen)
    assert first["items"] == service.get("/api/v1/pools")["items"]


def test_a_watch_that_never_saw_the_service_fails(home: Path) -> None:
    assert home.is_dir()

    words = ("jobs", "--watch", "--server", "http://127.0.0.1:9")
    with going_on(*words, on_terminal=True) as screen:
        assert screen.popen.wait(LIMIT_S) == 1
        assert screen.shows("no answer from http://127.0.0.1:9")
