"""Output files that grow while a run goes on."""

from pathlib import Path

import pytest

from aryl.model.job import WorkerKind
from simulator.journal import Allocation
from simulator.output import ALLOCATIONS, allocations_in

HEAD = "job_id,server_id,kind,workers,gpus,start_s,end_s\n"
HELD = Allocation("job", "train-0001", WorkerKind.BASE, 2, 8, 0.0, 10.5)


def test_allocations_are_rows_of_a_table_that_appears_once_it_is_whole(tmp_path: Path) -> None:
    with allocations_in(tmp_path) as allocated:
        allocated(HELD)
        assert not (tmp_path / ALLOCATIONS).exists()

    assert (tmp_path / ALLOCATIONS).read_text() == HEAD + "job,train-0001,base,2,8,0.0,10.5\n"


def test_a_run_that_breaks_off_leaves_the_earlier_table_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ALLOCATIONS).write_text("earlier")

    def interrupted() -> None:
        with allocations_in(tmp_path) as allocated:
            allocated(HELD)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert [file.name for file in tmp_path.iterdir()] == [ALLOCATIONS]
    assert (tmp_path / ALLOCATIONS).read_text() == "earlier"
