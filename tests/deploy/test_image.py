"""The image: what goes in, who it runs as, and that what it installs serves from a locked root."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import httpx2
import pytest

from tests.deploy.kustomize import ROOT, read
from tests.deploy.prometheus import wait_until
from tests.ports import free_port

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
LINES = [
    re.sub(r"\s+", " ", line)
    for line in DOCKERFILE.read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
STAGES = [place for place, line in enumerate(LINES) if line.startswith("FROM ")]
RUNTIME = LINES[STAGES[-1] :]
LOCKED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")


def only(word: str, lines: list[str]) -> str:
    """What the one line with an instruction says."""
    found = [line.partition(" ")[2] for line in lines if line.startswith(f"{word} ")]
    assert len(found) == 1, found
    return found[0]


def copied() -> list[tuple[list[str], str]]:
    """Sources in the repository and where they go, as the first stage has them."""
    words = [line.split()[1:] for line in LINES[: STAGES[1]] if line.startswith("COPY ")]
    return [(sources, goal) for *sources, goal in words]


def test_it_comes_from_pinned_bases_and_fetches_nothing_by_itself() -> None:
    bases = [LINES[place].split()[1] for place in STAGES]

    assert all(re.fullmatch(r"python:3\.\d+-slim", base) for base in bases)
    assert not [line for line in LINES if line.startswith("ADD ") or "curl" in line]


def test_it_runs_as_the_user_that_pods_are_given() -> None:
    pod = read("base", "deployment.yaml")[0]["spec"]["template"]["spec"]["securityContext"]

    assert only("USER", RUNTIME) == f"{pod['runAsUser']}:{pod['runAsGroup']}"


def test_its_health_is_where_the_service_answers() -> None:
    container = read("base", "deployment.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
    port, path = (
        container["ports"][0]["containerPort"],
        container["livenessProbe"]["httpGet"]["path"],
    )

    assert only("EXPOSE", RUNTIME) == str(port)
    assert f"http://127.0.0.1:{port}{path}" in only("HEALTHCHECK", RUNTIME)


def test_what_is_not_part_of_it_stays_out_of_the_build() -> None:
    lines = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert "*" in lines
    assert kept == {source for sources, _ in copied() for source in sources}


@pytest.mark.slow
def test_what_it_installs_serves_from_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    source, site, root, data = (tmp_path / name for name in ("src", "site", "root", "data"))
    for folder in (source, root, data):
        folder.mkdir()
    _copy(source)
    _pip("wheel", "--no-deps", "--quiet", f"--wheel-dir={tmp_path}", str(source))
    (wheel,) = tmp_path.glob("aryl-*.whl")
    _pip("install", "--no-deps", "--quiet", f"--target={site}", str(wheel))
    root.chmod(0o555)
    (program,) = json.loads(only("ENTRYPOINT", RUNTIME))
    as_user = LOCKED if os.getuid() == 0 else ()
    aryl = [*as_user, sys.executable, str(site / "bin" / program)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "PYTHONPATH": str(site),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ARYL_DATABASE_URL": f"sqlite:///{data / 'aryl.db'}",
    }
    port = free_port()
    words = [*json.loads(only("CMD", RUNTIME)), f"--port={port}", f"--cluster-file={data / 'c.db'}"]

    with (tmp_path / "log").open("w") as log:
        service = subprocess.Popen(  # noqa: S603 - our own words
            [*aryl, *words], cwd=root, env=environment, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: service.poll() is not None or _status(port, "/readyz") == 200)
        assert service.poll() is None, (tmp_path / "log").read_text()
        assert _status(port, "/") == 200
    finally:
        service.terminate()
        service.wait(30)
    told = subprocess.run(  # noqa: S603 - our own words
        [*aryl, "kube", "crd"], cwd=root, env=environment, capture_output=True, check=True
    )

    assert told.stdout == (ROOT / "deploy/kubernetes/base/trainingjob-crd.yaml").read_bytes()
    assert list(root.iterdir()) == []
    assert wheel.name.startswith(f"aryl-{version('aryl')}-")


def _copy(source: Path) -> None:
    """What the image's first stage copies, and how."""
    for names, goal in copied():
        for name in names:
            found = ROOT / name
            if found.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(found, source / goal, symlinks=True, ignore=ignored)
            else:
                (source / goal).mkdir(parents=True, exist_ok=True)
                shutil.copy(found, source / goal / found.name)


def _pip(*words: str) -> None:
    told = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


def _status(port: int, path: str) -> int:
    """The status of an answer; 0 where nobody answers."""
    try:
        return httpx2.get(f"http://127.0.0.1:{port}{path}", follow_redirects=True).status_code
    except httpx2.TransportError:
        return 0
