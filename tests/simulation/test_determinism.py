"""The same inputs give the same bytes, however Python orders its sets in that process."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.checker.replays import Stage

COMMAND = (sys.executable, "-c", "from aryl.cli import main; main()", "sim", "run")
POLICY = '[policy]\nreclaim = "random"\nvacate_s = 100\n'


def _replay(stage: Stage, policy: Path, out: Path, hash_seed: str) -> Mapping[str, bytes]:
    flags = {
        "--inference": stage.inference,
        "--cluster": stage.cluster,
        "--policy": policy,
        "--scheme": "aryl",
        "--seed": 7,
        "--out": out,
    }
    words = [str(word) for flag in flags.items() for word in flag]
    subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, str(stage.trace), *words, "--events"],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )
    return {file.name: file.read_bytes() for file in sorted(out.iterdir())}


@pytest.fixture(scope="module")
def replays(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Mapping[str, bytes], Mapping[str, bytes]]:
    folder = tmp_path_factory.mktemp("replays")
    policy = folder / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    first, second = (_replay(stage, policy, folder / seed, seed) for seed in ("1", "2"))
    return first, second


def test_a_replay_writes_every_file(replays: tuple[Mapping[str, bytes], ...]) -> None:
    assert set(replays[0]) == {
        *("summary.json", "timing.json", "jobs.csv", "allocations.csv"),
        *("loans.csv", "timeline.csv", "events.jsonl", "report.html"),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("summary.json", "jobs.csv", "allocations.csv", "loans.csv"),
        *("timeline.csv", "events.jsonl", "report.html"),
    ],
)
def test_two_replays_write_the_same_bytes(
    name: str, replays: tuple[Mapping[str, bytes], ...]
) -> None:
    first, second = replays

    assert first[name] == second[name]
    assert first[name]


def test_another_seed_writes_other_bytes(stage: Stage, tmp_path: Path) -> None:
    lines = 'reclaim = "random"'
    runs = [stage.run(tmp_path / str(n), scheme="aryl", policy=lines, seed=n) for n in (1, 2)]

    first, second = ((run / "jobs.csv").read_bytes() for run in runs)

    assert first != second
