"""`aryl serve` and `aryl token` as their users meet them: what they print, refuse and leave."""

import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trustme

from tests.service.processes import Process, started, until

ROOT = Path(__file__).parents[2]


def aryl(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "aryl", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def serve(folder: Path, *words: str, trusted: ssl.SSLContext | bool = True) -> Process:
    files = ["--database", f"sqlite:///{folder}/aryl.db", "--cluster-file", f"{folder}/cluster.db"]
    command = ["-m", "aryl", "serve", "--port", "0", *files, *words]
    return started(command, folder / "serve.log", trusted)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["--role", "boss"], ("--role", "'boss'", "scheduler"), id="role"),
        pytest.param(["--host", "0.0.0.0"], ("no token exists", "aryl token create"), id="host"),  # noqa: S104 - it is refused
        pytest.param(["--database", "mysql://x:geheim@y"], ("database", "sqlite:///"), id="url"),
        pytest.param(["--config", "nowhere.toml"], ("nowhere.toml", "can't be read"), id="file"),
        pytest.param(["--cluster", "moon"], ("'moon'", "testbed"), id="cluster"),
    ],
)
def test_what_can_not_be_served_is_refused_with_a_remedy(
    tmp_path: Path, words: list[str], told: tuple[str, ...]
) -> None:
    ran = aryl(tmp_path, "serve", "--port", "0", *words)
    assert ran.returncode == 2
    for word in told:
        assert word in ran.stderr
    assert "geheim" not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = aryl(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert ran.returncode == 1
    assert "can't listen" in ran.stderr
    assert "--port" in ran.stderr


def test_another_speed_on_the_same_database_is_refused(tmp_path: Path) -> None:
    assert serve(tmp_path, "--speed", "60").stop() == 0
    database = f"sqlite:///{tmp_path}/aryl.db"
    ran = aryl(tmp_path, "serve", "--port", "0", "--speed", "7", "--database", database)
    assert ran.returncode == 2
    assert "cluster.speed: 7.0" in ran.stderr
    assert "expected 60" in ran.stderr


def test_in_shadow_plans_are_told_and_nothing_is_touched(tmp_path: Path) -> None:
    process = serve(tmp_path, "--shadow", "--speed", "600")
    job_id = process.submit(name="x", num_gpus=8, duration_s=10)

    plan = until(lambda: _acting(process, job_id))

    assert plan["mode"] == "shadow"
    assert {action["status"] for action in plan["actions"]} == {"withheld"}
    assert process.get(f"/api/v1/jobs/{job_id}")["state"] == "queued"
    assert process.get("/api/v1/status")["mode"] == "shadow"
    assert "SHADOW" in (tmp_path / "serve.log").read_text()
    assert process.stop() == 0


def _acting(process: Process, job_id: str) -> dict[str, Any] | None:
    """The first plan that would do something with a job."""
    for plan in process.get("/api/v1/plans")["items"]:
        whole: dict[str, Any] = process.get(f"/api/v1/plans/{plan['id']}")
        if any(action["job_id"] == job_id for action in whole["actions"]):
            return whole
    return None


def test_from_the_first_token_on_the_service_asks_for_one(tmp_path: Path) -> None:
    process = serve(tmp_path)
    jobs = f"{process.address}/api/v1/jobs"
    assert httpx2.get(jobs).status_code == 200
    database = f"sqlite:///{tmp_path}/aryl.db"

    made = aryl(tmp_path, "token", "create", "ann", "--role", "viewer", "--database", database)

    secret = made.stdout.strip()
    assert secret.startswith("aryl_")
    until(lambda: httpx2.get(jobs).status_code == 401)
    bearer = {"Authorization": f"Bearer {secret}"}
    assert httpx2.get(jobs, headers=bearer).status_code == 200
    job = {"name": "x", "num_gpus": 1, "duration_s": 1}
    assert httpx2.post(jobs, json=job, headers=bearer).status_code == 403

    listed = aryl(tmp_path, "token", "list", "--json", "--database", database)
    (token,) = json.loads(listed.stdout)
    assert (token["name"], token["role"], token["revoked_wall_s"]) == ("ann", "viewer", None)
    assert secret not in listed.stdout
    assert aryl(tmp_path, "token", "revoke", "1", "--database", database).returncode == 0
    until(lambda: httpx2.get(jobs, headers=bearer).status_code == 401)
    assert process.stop() == 0
    assert secret not in (tmp_path / "serve.log").read_text()
    assert secret.encode() not in (tmp_path / "aryl.db").read_bytes()


def test_the_cluster_and_its_jobs_outlive_the_service(tmp_path: Path) -> None:
    process = serve(tmp_path, "--speed", "600")
    job_id = process.submit(name="x", num_gpus=8, duration_s=1_200)
    until(lambda: process.get(f"/api/v1/jobs/{job_id}")["state"] == "running")
    process.kill()

    again = serve(tmp_path, "--speed", "600")
    job = until(lambda: _finished(again, job_id))

    assert job["finish_s"] == job["first_start_s"] + 1_200.0
    assert again.stop() == 0


def _finished(process: Process, job_id: str) -> dict[str, Any] | None:
    job: dict[str, Any] = process.get(f"/api/v1/jobs/{job_id}")
    return job if job.get("finish_s") else None


def test_what_the_readme_says_of_the_service_works_as_written(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("In another terminal:\n\n", 1)[1].split("\n\n", 1)[0]
    process = serve(tmp_path)

    for line in block.splitlines():
        words = shlex.split(line.replace("http://127.0.0.1:8080", process.address))
        if words[0] == "curl":
            asked = json.loads(words[words.index("-d") + 1])
            assert process.submit(**asked)
            continue
        ran = aryl(tmp_path, *words[1:], ARYL_SERVER=process.address)
        assert ran.returncode == 0, f"{line}: {ran.stderr}"
        assert ran.stdout.strip()

    assert process.stop() == 0


def test_with_a_certificate_the_service_speaks_tls_alone(tmp_path: Path) -> None:
    authority = trustme.CA()
    pair = authority.issue_cert("127.0.0.1")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    pair.private_key_pem.write_to_path(key)
    pair.cert_chain_pems[0].write_to_path(certificate)
    trusted = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    config = tmp_path / "aryl.toml"
    config.write_text(f'[server]\ntls_cert = "{certificate}"\ntls_key = "{key}"\n')

    process = serve(tmp_path, "--config", str(config), trusted=trusted)

    assert process.address.startswith("https://")
    assert process.get("/api/v1/status")["mode"] == "live"
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{process.address}/healthz")
    assert process.stop() == 0
