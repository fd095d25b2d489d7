"""The reclaim study beside the paper's (its Fig 10 and §7.3): `python bench/reclaims.py`.

Replays the generated trace with scaling off (`aryl-loaning`) and on (`aryl`) under every reclaim
policy, then lets all policies solve the very problems that greedy met: replays part ways at the
first choice that differs, so only the same problems compare policies fairly. About 5 minutes of CPU
time; `--days 3` and `--scenario` vary it.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from aryl.policy.victims import RECLAIMS, Reclaim
from simulator.inputs import read_inputs
from simulator.reclaim_study import asking, recording, tried, verdict
from simulator.request import RunRequest
from simulator.run import replayed
from simulator.summary import summary_of
from traces.synthetic import generate
from traces.synthetic_recipe import PAPER_DAYS, PAPER_JOBS
from traces.writing import write_trace

SCHEMES = {"off": "aryl-loaning", "on": "aryl"}  # by whether jobs scale
# Fig 10 by scaling and policy: preemption ratio in parts of running jobs, and collateral damage
PAPER = {
    ("off", "random"): (0.200, 0.220),
    ("off", "scf"): (0.176, 0.184),
    ("off", "greedy"): (0.120, 0.134),
    ("on", "random"): (0.186, 0.160),
    ("on", "scf"): (0.150, 0.182),
    ("on", "greedy"): (0.088, 0.060),
}
PAPER_NOTE = "Paper: greedy as good as exact below 60 servers, 19 % more beyond; 84 % shared."
FEW = 60  # servers, the paper's line between few and many
ASKED = (5, 10, 20, 40, 60, 80, 120)
STATES = 40  # those with the most servers to choose from


@dataclass(frozen=True, slots=True)
class Outcome:
    """One replay: its figures, and the problems that its reclaim policy was asked."""

    preemptions: int
    of_submissions: float
    of_jobs_at_risk: float
    collateral: float | None
    problems: list[Reclaim]


def main() -> None:
    """Print both tables."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(options.processes) as pool:
        trace = Path(folder) / "trace.csv.gz"
        jobs = round(PAPER_JOBS * options.days / PAPER_DAYS)
        write_trace(trace, generate(seed=options.seed, jobs=jobs, days=options.days))
        request = RunRequest(trace, scenario=options.scenario, seed=options.seed)
        cells = list(product(SCHEMES, RECLAIMS))
        scalings, policies = zip(*cells, strict=True)
        runs = pool.map(replay, scalings, policies, [request] * len(cells))
        outcomes = dict(zip(cells, runs, strict=True))
    console = Console(width=80)
    console.print(_runs_table(outcomes))
    for scaling in SCHEMES:
        problems = outcomes[scaling, "greedy"].problems
        console.print(_problems_table(scaling, problems))
        console.print(_sums(problems), highlight=False)
    console.print(f"\n{PAPER_NOTE}", highlight=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=PAPER_DAYS)
    parser.add_argument("--scenario", default="basic")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    return parser.parse_args()


def replay(scaling: str, policy: str, request: RunRequest) -> Outcome:
    """Replay one cell of the figure."""
    inputs = read_inputs(replace(request, scheme=SCHEMES[scaling], knobs={"reclaim": policy}))
    with recording(policy) as problems:
        summary = summary_of(replayed(inputs))
    at_risk = sum(len(problem.jobs) for problem in problems)
    return Outcome(
        summary["preemptions"],
        summary["preemption_ratio"],
        summary["preemptions"] / max(1, at_risk),
        summary["collateral"],
        problems if policy == "greedy" else [],
    )


def _runs_table(outcomes: Mapping[tuple[str, str], Outcome]) -> Table:
    """Figure 10: every policy's preemption ratio and collateral damage, the paper's beside ours."""
    table = _table("Whole replays; the paper's ratio is of running jobs")
    table.add_column("scaling")
    table.add_column("reclaim")
    heads = ("jobs pre-\nempted", "of submis-\nsions %", "of jobs\nat risk %", "paper's\nratio %")
    for head in (*heads, "collat-\neral %", "paper's\n%"):
        table.add_column(head, justify="right")
    for (scaling, policy), run in outcomes.items():
        ratio, collateral = PAPER.get((scaling, policy), (None, None))
        shares = run.of_submissions, run.of_jobs_at_risk, ratio, run.collateral, collateral
        table.add_row(scaling, policy, f"{run.preemptions:,}", *map(_percent, shares))
    return table


def _problems_table(scaling: str, problems: Sequence[Reclaim]) -> Table:
    """Greedy beside exact on the same problems: as met, then with other numbers asked back."""
    table = _table(f"The same problems, scaling {scaling}: greedy beside exact")
    table.add_column("servers\nasked back")
    heads = ("problems", "un-\nproven", "greedy as\ngood %", "preempts\nmore %")
    for head in (*heads, "servers\nshared %", "exact is\nslower x"):
        table.add_column(head, justify="right")
    widest = sorted(problems, key=lambda problem: -len(problem.jobs_on))[:STATES]
    groups = {
        f"as met, < {FEW}": [p for p in problems if p.count < FEW],
        f"as met, \u2265 {FEW}": [p for p in problems if p.count >= FEW],
    }
    groups |= {f"{asked}": asking(widest, asked) for asked in ASKED}
    for name, group in groups.items():
        found = verdict([tried(problem, time.process_time) for problem in group])
        if found:
            shares = found.same, found.more, found.shared
            counts = str(found.trials), str(found.unproven)
            table.add_row(name, *counts, *map(_percent, shares), f"{found.slower:,.0f}")
    return table


def _sums(problems: Sequence[Reclaim]) -> str:
    """What every policy preempts on the problems as met, in sum."""
    trials = [tried(problem, time.process_time) for problem in problems]
    sums = [f"{name} {sum(t.preempted[name] for t in trials):,}" for name in RECLAIMS]
    return f"As met, jobs preempted: {', '.join(sums)}; at risk {sum(t.jobs for t in trials):,}."


def _table(title: str) -> Table:
    return Table(title=f"\n{title}", title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.{1 if abs(share) >= 0.01 else 2}f}"


if __name__ == "__main__":
    main()
