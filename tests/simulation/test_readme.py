"""The README's own files and commands work as they stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FILES = ("jobs.csv", "demand.csv", "cluster.toml", "policy.toml")  # in the order of its blocks


def commands_after(sentence: str) -> list[list[str]]:
    """The indented commands that follow a sentence, as words."""
    block = README.split(f"\n{sentence}\n\n", 1)[1].split("\n\n", 1)[0]
    return [shlex.split(line) for line in block.splitlines() if line.startswith("    ")]


def test_the_example_of_own_input_runs_as_written(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(?:csv|toml)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    for name, block in zip(FILES, blocks, strict=True):
        (tmp_path / name).write_text(block, encoding="utf-8")

    commands = commands_after("All four together:")
    for program, *words in commands:
        assert program == "aryl"
        subprocess.run([sys.executable, "-m", "aryl", *words], cwd=tmp_path, check=True)  # noqa: S603 - our own README's words

    out = tmp_path / commands[-1][-1]
    described = set(re.findall(r"^\| `(\w+\.\w+)` \|", README, flags=re.MULTILINE))
    assert {path.name for path in out.iterdir()} == described - {"events.jsonl"}


def test_each_page_that_the_readme_links_to_is_there() -> None:
    linked = re.findall(r"\]\((?!https:)([^)]+)\)", README)

    assert linked
    assert [page for page in linked if not (Path(__file__).parents[2] / page).exists()] == []
