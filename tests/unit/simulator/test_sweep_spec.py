"""A sweep's spec: what it asks for, and how it is refused."""

from pathlib import Path

import pytest

from aryl.model.errors import BadInput
from simulator.scenarios.named import SHAPING_COLUMNS
from simulator.sweep.cells import cells_of, studies_of
from simulator.sweep.spec import Synth, read_spec
from traces.synthetic import generate

PAGE = Path(__file__).parents[3] / "docs" / "sweeps.md"
TRACE = '[[trace]]\nname = "made-up"\nsynth = { jobs = 60, days = 0.25 }\ncluster = "testbed"\n'
CLUSTER = """
[pools.training]
servers = 5
gpus_per_server = 8
gpu_type = "V100"

[pools.inference]
servers = 4
gpus_per_server = 8
gpu_type = "T4"

[gpu_types.T4]
workers_per_training_worker = 3
"""
GRID = '[[grid]]\nscheme = ["fifo", "aryl"]\n'


def spec_of(folder: Path, text: str) -> Path:
    (folder / "testbed.toml").write_text(CLUSTER, encoding="utf-8")
    file = folder / "spec.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_lists_make_axes_and_single_values_fix(tmp_path: Path) -> None:
    text = f"{GRID}seed = [0, 1]\npolicy.headroom = 0.1\nworkload.elastic_jobs = [0.2, 0.4]\n"

    (study,) = studies_of(read_spec(spec_of(tmp_path, TRACE + text)))

    assert study.axes == ("scheme", "workload.elastic_jobs", "seed")
    assert len(study.points) == 8
    assert all(p.cell.coordinates["policy.headroom"] == 0.1 for p in study.points)
    drawn = [p.cell.coordinates["workload.elastic_jobs"] for p in study.points]
    assert drawn == [0.2, 0.2, 0.4, 0.4] * 2


def test_what_two_grids_ask_for_is_one_cell(tmp_path: Path) -> None:
    other = '[[grid]]\nname = "other"\npolicy.headroom = [0.02, 0.05]\n'  # 0.02 is the default

    first, second = studies_of(read_spec(spec_of(tmp_path, TRACE + GRID + other)))

    assert first.points[1].cell.key == second.points[0].cell.key
    assert len(cells_of([first, second])) == 3


def test_a_grid_runs_on_all_traces_and_each_on_its_own_cluster(tmp_path: Path) -> None:
    more = '[[trace]]\nname = "other"\nsynth = { seed = 1, jobs = 60, days = 0.25 }\n'

    (study,) = studies_of(read_spec(spec_of(tmp_path, TRACE + more + GRID)))

    where = [(p.cell.coordinates["trace"], p.cell.coordinates["cluster"]) for p in study.points]
    assert where == [("made-up", "testbed")] * 2 + [("other", "paper")] * 2


def test_a_scenario_and_a_scheme_bring_their_knobs(tmp_path: Path) -> None:
    text = '[[grid]]\nscheme = "pollux"\nscenario = "ideal"\n'

    (study,) = studies_of(read_spec(spec_of(tmp_path, TRACE + text)))

    where = study.points[0].cell.coordinates
    assert (where["policy.scaling"], where["policy.heterogeneous_efficiency"]) == ("pollux", 1.0)


def test_a_generated_trace_is_as_large_as_aryl_trace_synth_makes_it(tmp_path: Path) -> None:
    spec = read_spec(spec_of(tmp_path, TRACE + GRID))

    assert spec.traces["made-up"].origin == Synth(seed=0, jobs=60, days=0.25, gpus=253)


def test_a_generated_trace_says_nothing_of_what_scenarios_draw() -> None:
    assert not generate(seed=0, jobs=60, days=0.25).columns & SHAPING_COLUMNS


def test_files_are_looked_for_beside_the_spec(tmp_path: Path) -> None:
    text = '[[trace]]\nname = "t"\nfile = "../t.csv"\ninference = "d.csv"\ncluster = "c.toml"\n'

    trace = read_spec(spec_of(tmp_path, text + GRID)).traces["t"]

    assert trace.origin == tmp_path / ".." / "t.csv"
    assert trace.inference == tmp_path / "d.csv"
    assert trace.cluster == str(tmp_path / "c.toml")


def test_the_spec_in_the_documentation_is_one(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]

    spec = read_spec(spec_of(tmp_path, text))

    assert (spec.baseline, list(spec.traces)) == ("fifo", ["generated", "philly"])
    assert spec.grids[0].axes["scheme"] == ("fifo", "sjf", "aryl")
    assert spec.grids[1].axes["policy.headroom"] == (0.0, 0.02, 0.05)


BAD = {
    "no trace": (GRID, "column trace", "[[trace]]"),
    "no grid": (TRACE, "column grid", "[[grid]]"),
    "unknown table": (f"{TRACE}{GRID}[grids]\n", "column grids", "is unknown", "grid, title"),
    "unknown entry": (f'{TRACE}{GRID}schemes = "sjf"\n', "column grid[1].schemes", "is unknown"),
    "unknown entry of a trace": (f"{TRACE}peak = 1\n{GRID}", "trace[1].peak", "inference_peak"),
    "unknown entry of synth": (
        TRACE.replace("days", "weeks") + GRID,
        "trace[1].synth.weeks",
        "days, gpus",
    ),
    "no name": ('[[trace]]\nfile = "a.csv"\n' + GRID, "trace[1].name", "is no name", "letters"),
    "a name that is no file's": (TRACE.replace("made-up", "../x") + GRID, "'../x'", "letters"),
    "a name twice": (f"{TRACE}{TRACE}{GRID}", "trace[2].name", "'made-up'", "a new name"),
    "neither file nor synth": ('[[trace]]\nname = "t"\n' + GRID, "trace[1].file", "file or synth"),
    "both file and synth": (f'{TRACE}file = "a.csv"\n{GRID}', "trace[1].file", "file or synth"),
    "a size of no jobs": (TRACE.replace("60", "0") + GRID, "synth.jobs", "0 is", "1 or more"),
    "endless days": (TRACE.replace("0.25", "inf") + GRID, "synth.days", "inf is", "above 0"),
    "a peak above the pool": (f"{TRACE}inference_peak = 1.5\n{GRID}", "inference_peak", "1.5"),
    "unknown trace": (f'{TRACE}{GRID}trace = "t"\n', "grid[1].trace", "'t'", "made-up"),
    "unknown scheme": (TRACE + GRID.replace("fifo", "fifi"), "grid[1].scheme", "'fifi'", "fifo"),
    "unknown scenario": (f'{TRACE}{GRID}scenario = "x"\n', "grid[1].scenario", "'x'", "ideal"),
    "unknown cluster": (f'{TRACE}{GRID}cluster = "x"\n', "grid[1].cluster", "'x'", "testbed"),
    "a cluster that is no file": (f'{TRACE}{GRID}cluster = "x.toml"\n', "x.toml", "can't be read"),
    "two clusters of one name": (
        f'{TRACE}{GRID}cluster = ["testbed", "testbed.toml"]\n',
        "column cluster",
        "'testbed'",
        "two clusters",
    ),
    "a seed below 0": (f"{TRACE}{GRID}seed = [0, -1]\n", "grid[1].seed", "-1", "0 or more"),
    "an empty axis": (f"{TRACE}{GRID}seed = []\n", "grid[1].seed", "is empty"),
    "a value twice": (f"{TRACE}{GRID}seed = [1, 1]\n", "grid[1].seed", "1 stands there twice"),
    "unknown knob": (f"{TRACE}{GRID}policy.x = 1\n", "grid[1].policy", "'x'", "headroom"),
    "a knob out of range": (
        f"{TRACE}{GRID}policy.headroom = [0, 2]\n",
        "grid[1].policy.headroom",
        "2.0 is out of range",
        "from 0 to 1",
    ),
    "a part that is not there": (
        f'{TRACE}{GRID}policy.reclaim = "x"\n',
        "grid[1].policy.reclaim",
        "'x'",
        "greedy",
    ),
    "a scheme among knobs": (f'{TRACE}{GRID}policy.scheme = "sjf"\n', "policy.scheme", "grid[1]"),
    "unknown workload": (f"{TRACE}{GRID}workload.x = 1\n", "grid[1].workload", "'x'", "elastic"),
    "a workload out of range": (
        f"{TRACE}{GRID}workload.elastic_jobs = 2\n",
        "grid[1].workload.elastic_jobs",
        "2 is out of range",
    ),
    "a workload that nothing draws": (
        f'{TRACE}{GRID}scenario = "as-is"\nworkload.elastic_jobs = 0.2\n',
        "grid[1].workload",
        "has no effect",
    ),
    "two grids of one name": (
        f"{TRACE}{GRID}name = 'a'\n{GRID}name = 'a'\n",
        "grid[2].name",
        "'a'",
    ),
    "a baseline that is not run": (f'baseline = "sjf"\n{TRACE}{GRID}', "column baseline", "'sjf'"),
    "a trace that is not there": (
        '[[trace]]\nname = "t"\nfile = "t.csv"\n' + GRID,
        "t.csv",
        "no such file",
    ),
    "no TOML": ("[[trace", "spec.toml", "is not TOML"),
}


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.replace(" ", "-"))
def test_a_bad_spec_is_refused_by_table_entry_and_value(case: str, tmp_path: Path) -> None:
    text, *fragments = BAD[case]

    with pytest.raises(BadInput) as refused:
        studies_of(read_spec(spec_of(tmp_path, text)))

    message = str(refused.value)
    assert [part for part in fragments if part not in message] == [], message
    assert str(tmp_path) in message
