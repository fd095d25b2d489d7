"""Writes the README's tables from the runs that they show: `make figures`.

Each table stands between two comments that name it and is rewritten whole, as is the sentence that
weighs the second one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DEMO = ("fifo", "sjf", "aryl")
PHILLY = ("fifo", "fifo-backfill", "sjf", "aryl-loaning", "aryl-scaling", "aryl", "aryl+")
SPREAD = ("mean", "p50", "p95")
HEAD = (
    "| scheme | queuing s: mean | p50 | p95 | JCT s: mean | p50 | p95 "
    "| training use | all use | preempted | short, server-h |"
)
RULE = "|---" + "|---:" * 10 + "|"
NONE = "\N{EN DASH}"

Summary = Mapping[str, Any]


def main() -> None:
    """Rewrite both tables and the sentence."""
    demo, philly = summaries("demo", DEMO), summaries("philly", PHILLY)
    text = README.read_text(encoding="utf-8")
    text = rewritten(text, "make demo", table(demo))
    text = rewritten(text, "the Philly window", table(philly))
    text = rewritten(text, "the gain", gain(philly))
    README.write_text(text, encoding="utf-8")
    print(f"{README}: written")


def summaries(folder: str, schemes: Sequence[str]) -> list[Summary]:
    """The summaries of the runs in a folder of `runs`."""
    files = [ROOT / "runs" / folder / scheme / "summary.json" for scheme in schemes]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def rewritten(text: str, name: str, body: str) -> str:
    """The text with another body between the comments that name it."""
    first, last = (f"<!-- figures of {name}: {end} -->" for end in ("begin", "end"))
    pattern = re.escape(first) + ".*?" + re.escape(last)
    found, count = re.subn(pattern, lambda _: f"{first}\n{body}\n{last}", text, flags=re.DOTALL)
    assert count == 1, f"the README has one place for the figures of {name}"
    return found


def table(shown: Sequence[Summary]) -> str:
    """A row per scheme."""
    return "\n".join([HEAD, RULE, *map(row, shown)])


def row(summary: Summary) -> str:
    """One scheme's figures."""
    spreads = [summary[key][part] for key in ("queuing_s", "jct_s") for part in SPREAD]
    shares = [f"{100 * summary[key]:.1f} %" for key in ("training_usage", "overall_usage")]
    lends = summary["forecaster"] is not None
    preempted = f"{100 * summary['preemption_ratio']:.2f} %" if lends else NONE
    short = f"{summary['inference_shortfall_server_s'] / 3600:.1f}" if lends else NONE
    cells = [summary["scheme"], *(f"{value:,.0f}" for value in spreads), *shares, preempted, short]
    return "| " + " | ".join(cells) + " |"


def gain(shown: Sequence[Summary]) -> str:
    """What the order of the queue brings by itself, and what lending and scaling add."""
    by_scheme = {summary["scheme"]: summary for summary in shown}
    fifo, sjf, aryl = (by_scheme[name] for name in DEMO)
    wait, jct = ([one[key]["mean"] for one in (fifo, sjf, aryl)] for key in ("queuing_s", "jct_s"))
    by_order = [100 * (v[0] - v[1]) / (v[0] - v[2]) for v in (wait, jct)]
    return fill(
        "**Most of the gain over `fifo` is that of `sjf`.** Of the fall from `fifo` to `aryl`, "
        f"shortest-first order alone brings {by_order[0]:.0f} % in mean queuing and "
        f"{by_order[1]:.0f} % in mean JCT. From `sjf` to `aryl`, lending and scaling make mean "
        f"queuing {wait[1] / wait[2]:.1f} times as short, and mean JCT "
        f"{100 * (1 - jct[2] / jct[1]):.0f} % shorter.",
        width=100,
    )


if __name__ == "__main__":
    main()
