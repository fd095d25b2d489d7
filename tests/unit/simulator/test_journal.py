"""What a replay writes down: queuing, usage within the window, loans and shortfall."""

import pytest

from aryl.model.cluster import Pool
from aryl.model.job import WorkerKind
from simulator.journal import Allocation, Journal, Meter
from tests.builders import make_spec

PLACE = ("job", "train-0001", WorkerKind.BASE)


@pytest.mark.parametrize(
    ("window", "total"),
    [
        pytest.param((0, 100), 5 * 20 + 2 * 40 + 3 * 40, id="all of it"),
        pytest.param((30, 100), 2 * 30 + 3 * 40, id="from within a step"),
        pytest.param((0, 50), 5 * 20 + 2 * 30, id="to within a step"),
        pytest.param((25, 35), 2 * 10, id="inside one step"),
        pytest.param((200, 300), 0, id="after it all"),
        pytest.param((50, 50), 0, id="no time at all"),
    ],
)
def test_a_meter_adds_up_what_lies_in_its_window(window: tuple[float, float], total: float) -> None:
    meter = Meter(*window)
    meter.set_to(5, 0)
    meter.add(-3, 20)
    meter.set_to(3, 60)
    meter.add(0, 100)

    assert meter.total == total


def test_queuing_adds_up_over_preemptions_and_the_first_start_stays() -> None:
    journal = Journal((0.0, 100.0), 0)
    journal.submitted(make_spec("job"), 10.0)
    journal.started("job", 15.0)
    journal.preempted("job", 40.0, 7.0)
    journal.started("job", 60.0)
    journal.preempted("job", 70.0, 0.5)
    journal.started("job", 71.0)
    journal.finished("job", 90.0)

    record = journal.jobs["job"]
    assert (record.first_start_s, record.finish_s) == (15.0, 90.0)
    assert (record.queuing_s, record.preemptions, record.lost_gpu_s) == (26.0, 2, 7.5)


def test_an_allocation_ends_where_its_workers_change() -> None:
    journal = Journal((0.0, 100.0), 0)
    spec = make_spec("job", gpus_per_worker=4)
    for workers, now in [(2, 0.0), (1, 10.0), (0, 30.0)]:
        journal.holds(PLACE, workers, spec, now)

    assert journal.allocations == [(*PLACE, 2, 8, 0.0, 10.0), (*PLACE, 1, 4, 10.0, 30.0)]


def test_usage_is_kept_apart_by_pool() -> None:
    journal = Journal((0.0, 10.0), 4)
    journal.used(Pool.TRAINING, 3, 0.0)
    journal.used(Pool.INFERENCE, 2, 5.0)
    journal.close(10.0)

    assert journal.meters.training_gpus.total == 30
    assert journal.meters.on_loan_gpus.total == 10


def test_loans_are_listed_as_they_return_and_open_ones_at_the_end_by_name() -> None:
    journal = Journal((0.0, 100.0), 4)
    for server, now in [("infer-0003", 0.0), ("infer-0002", 1.0), ("infer-0001", 2.0)]:
        journal.lent(server, now)
    journal.asked_back("infer-0002", 50.0)
    journal.returned("infer-0002", 60.0)
    journal.asked_back("infer-0003", 90.0)
    journal.close(100.0)

    assert journal.loans == [
        ("infer-0002", 1.0, 50.0, 60.0),
        ("infer-0001", 2.0, None, None),
        ("infer-0003", 0.0, 90.0, None),
    ]
    assert journal.meters.on_loan_servers.total == 100 + 59 + 98


def test_shortfall_is_what_inference_lacks_whatever_is_on_loan() -> None:
    journal = Journal((0.0, 10.0), 4)
    journal.demanded(2, 0.0)
    journal.lent("infer-0001", 0.0)
    journal.lent("infer-0002", 0.0)
    journal.demanded(4, 10.0)  # two of four are at home: two are short
    journal.asked_back("infer-0001", 20.0)
    journal.returned("infer-0001", 25.0)  # one is short
    journal.demanded(3, 40.0)  # none is
    journal.demanded(6, 50.0)  # three are, which counts after the window too
    journal.close(60.0)

    assert journal.meters.shortfall_servers.total == 2 * 15 + 1 * 15 + 3 * 10
    assert journal.meters.demand_servers.total == 2 * 10


def test_allocations_that_are_handed_on_are_not_kept() -> None:
    told: list[Allocation] = []
    journal = Journal((0.0, 100.0), 0)
    journal.hand_on(told.append)

    journal.holds(PLACE, 2, make_spec("job", gpus_per_worker=4), 0.0)
    journal.holds(PLACE, 0, make_spec("job"), 10.0)

    assert told == [(*PLACE, 2, 8, 0.0, 10.0)]
    assert journal.allocations == []
