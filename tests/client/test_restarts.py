"""A service is killed and started again; what goes on meanwhile goes on afterwards."""

import json
from pathlib import Path

import pytest

from tests.client.live import going_on
from tests.client.stage import serve
from tests.service.processes import until

JOBS = 8


def test_what_goes_on_outlives_the_service(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = serve(home)
    monkeypatch.setenv("ARYL_SERVER", process.address)
    trace = home / "trace.csv"
    rows = [f"patient-{number},{number * 400},1,60" for number in range(JOBS)]
    trace.write_text("\n".join(["job_id,submit_s,num_gpus,duration_s", *rows, ""]))

    with (
        going_on("events", "--follow", "--json") as events,
        going_on("jobs", "--all", "--watch", on_terminal=True) as screen,
        going_on("replay", str(trace), "--json") as replay,
    ):
        assert events.shows('"job_id": "patient-0"')
        assert screen.shows("patient-0")
        process.kill()
        assert all(going.shows("trying again") for going in (events, screen, replay))
        process = serve(home, process.port)
        assert replay.shows('"refused": []')
        assert replay.popen.wait(60.0) == 0
        last = f"patient-{JOBS - 1}"
        assert events.shows(f'"job_id": "{last}"')
        assert screen.shows(last)
        assert (events.interrupt(), screen.interrupt()) == (0, 0)
    jobs = until(lambda: process.get("/api/v1/jobs")["items"])
    process.stop()

    assert [job["id"] for job in jobs] == [f"patient-{number}" for number in range(JOBS)]
    lines = [line for line in events.seen.splitlines() if line.startswith("{")]
    ids = [json.loads(line)["id"] for line in lines]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
