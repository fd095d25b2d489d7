"""docs/policy.md names what there is: every scheme with its parts, every entry, every knob."""

import re
import tomllib
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import pytest

from aryl.policy.config import PARTS, SCHEMES, PolicyConfig, policy_config
from aryl.policy.registry import REGISTRIES, load_policy
from aryl.policy.speedup import SPEEDUPS, speedup_named

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")


def rows_under(heading: str) -> dict[str, list[str]]:
    """The cells of the first table below a heading, without backticks, by the first cell."""
    below = PAGE.split(f"{heading}\n", 1)[1]
    section = re.split(r"^#+ ", below, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def test_each_scheme_is_described_with_the_parts_that_it_mixes() -> None:
    described = rows_under("## Schemes")

    mixes = {
        name: [getattr(policy_config({}, scheme=name), part) for part in PARTS] for name in SCHEMES
    }
    assert {name: cells[: len(PARTS)] for name, cells in described.items()} == mixes


@pytest.mark.parametrize("part", REGISTRIES)
def test_each_entry_of_a_part_is_described(part: str) -> None:
    heading = next(line for line in PAGE.splitlines() if line.startswith(f"### `{part}`"))

    assert list(rows_under(heading)) == list(REGISTRIES[part])


def test_each_knob_is_described_with_its_default() -> None:
    described = {name: cells[0] for name, cells in rows_under("## Knobs").items()}

    assert described == {knob.name: in_toml(knob.default) for knob in fields(PolicyConfig)}


def test_each_speedup_model_on_the_page_is_known() -> None:
    models = rows_under("## Speed-up models")

    assert [name.partition("=")[0] for name in models] == list(SPEEDUPS)
    for name in models:
        assert speedup_named(name)(2) > speedup_named(name)(1)


def test_the_file_on_the_page_is_a_policy() -> None:
    example = PAGE.split("```toml\n", 1)[1].split("```", 1)[0]

    config = load_policy(tomllib.loads(example)["policy"])

    assert (config.scheme, config.reclaim, config.quantile) == ("aryl", "exact", 0.99)


def in_toml(default: object) -> str:
    if is_dataclass(default) and not isinstance(default, type):
        inner = ", ".join(f"{key} = {value}" for key, value in asdict(default).items())
        return f"{{{inner}}}"
    return str(default)
