"""docs/formats.md names every column that is read or written."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from aryl.config import BUILT_IN
from simulator.inputs import read_inputs
from simulator.observer import Sight
from simulator.output import ALLOCATION_COLUMNS, JOB_COLUMNS, LOAN_COLUMNS
from simulator.request import RunRequest
from simulator.run import replayed
from simulator.summary import summary_of
from traces.formats import FORMATS
from traces.job import NAMES
from traces.samples import MEASURES

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def names_under(heading: str) -> list[str]:
    """What the first cells of the table below a heading name, in order."""
    below = PAGE.split(f"\n{heading}\n", 1)[1]
    section = re.split(r"^#+ ", below, maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| (`[^|]*) \|", section, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        ("## Inference demand", [measure.name for measure in MEASURES]),
        ("### Public formats", list(FORMATS)),
        ("### jobs.csv", JOB_COLUMNS),
        ("### allocations.csv", ALLOCATION_COLUMNS),
        ("### loans.csv", LOAN_COLUMNS),
        ("### timeline.csv", Sight._fields),
    ],
)
def test_each_column_is_described_in_its_order(heading: str, columns: Sequence[str]) -> None:
    assert names_under(heading) == list(columns)


def test_each_column_of_a_trace_is_described() -> None:
    assert sorted(names_under("## Jobs")) == sorted(NAMES)


def test_each_figure_of_a_summary_is_described(tmp_path: Path) -> None:
    trace = tmp_path / "jobs.csv"
    trace.write_text("job_id,submit_s,num_gpus,duration_s\na,0,8,60\n", encoding="utf-8")

    summary = summary_of(replayed(read_inputs(RunRequest(trace, cluster="testbed"))))

    assert names_under("### summary.json") == list(summary)


def test_each_built_in_cluster_is_described_with_its_servers() -> None:
    for name, (training, inference) in BUILT_IN.items():
        assert re.search(rf"`{name}`\s\({training} . 8[^)]* {inference} . 8", PAGE)
