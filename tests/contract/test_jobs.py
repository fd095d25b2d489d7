"""Jobs as users see and change them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from aryl.engine.lifecycle import JobEvent, JobState
from aryl.model.errors import BadInput, Clash, Conflict, Missing
from aryl.store import Database, JobFilter
from tests.builders import base, flexible, make_spec
from tests.contract.worlds import Desk, start, submission, wish


@pytest.fixture
def desk(database: Database) -> Desk:
    """Users and a leader."""
    return Desk(database)


def _many(desk: Desk) -> list[str]:
    """Forty jobs of four users in three queues; every fifth runs, and every tenth has ended."""
    specs = [
        make_spec(f"j{n:02}", submit_s=float(n), user=f"u{n % 4}", queue=f"q{n % 3}")
        for n in range(40)
    ]
    desk.users.jobs.submit(
        [submission(spec, name=f"name-{spec.user}", owner=spec.queue) for spec in specs]
    )
    desk.store.refresh()
    running = [spec.job_id for spec in specs[::5]]
    desk.carry_out(*(start(name, base(n + 1)) for n, name in enumerate(running)), now=50.0)
    for name in running[::2]:
        desk.end(name, JobEvent.FINISH, 60.0)
    return [spec.job_id for spec in specs]


FILTERS = [
    JobFilter(),
    JobFilter(newest_first=True),
    JobFilter(state=JobState.QUEUED),
    JobFilter(state=JobState.RUNNING, newest_first=True),
    JobFilter(user="u1"),
    JobFilter(queue="q2", newest_first=True),
    JobFilter(name="name-u3"),
    JobFilter(owner="q0", state=JobState.FINISHED),
    JobFilter(user="u0", queue="q0", state=JobState.QUEUED),
    JobFilter(user="nobody"),
]


def test_pages_of_any_length_show_each_wanted_job_once_in_order(desk: Desk) -> None:
    _many(desk)
    everything = desk.users.jobs.page(JobFilter(), limit=1_000)
    assert len(everything) == 40

    for wanted in FILTERS:
        expected = [
            record.id
            for record in everything
            if wanted.state in {None, record.state}
            and wanted.user in {None, record.job.spec.user}
            and wanted.queue in {None, record.job.spec.queue}
            and wanted.name in {None, record.name}
            and wanted.owner in {None, record.owner}
        ]
        for limit in (1, 3, 7, 40):
            shown: list[str] = []
            after = None
            while page := desk.users.jobs.page(wanted, after, limit):
                assert len(page) <= limit
                shown += [record.id for record in page]
                after = page[-1].sequence
            assert shown == (expected[::-1] if wanted.newest_first else expected)


def test_a_page_is_not_disturbed_by_jobs_that_come_meanwhile(desk: Desk) -> None:
    _many(desk)
    first = desk.users.jobs.page(JobFilter(newest_first=True), limit=5)

    desk.submit(make_spec("new"))
    second = desk.users.jobs.page(JobFilter(newest_first=True), first[-1].sequence, 5)

    assert [record.sequence for record in first + second] == list(range(40, 30, -1))


def test_jobs_are_counted_by_state(desk: Desk) -> None:
    _many(desk)

    assert desk.users.jobs.counts() == {
        JobState.QUEUED: 32,
        JobState.RUNNING: 4,
        JobState.FINISHED: 4,
        JobState.FAILED: 0,
        JobState.CANCELLED: 0,
    }
    queued, running = desk.users.jobs.live()
    assert (len(queued), len(running)) == (32, 4)
    assert [job.id for job in desk.users.jobs.queued_specs()] == [it.id for it in queued]


def test_an_unknown_job_is_nobody(desk: Desk) -> None:
    assert desk.users.jobs.get("j") is None
    with pytest.raises(Missing, match="no job named j"):
        desk.users.jobs.change_bounds("j", wish(), max_workers=2)


def test_a_cancelled_job_is_marked_once(desk: Desk) -> None:
    desk.submit(make_spec("j"))

    first = desk.users.jobs.request_cancel("j", wish(4.0))
    again = desk.users.jobs.request_cancel("j", wish(5.0))

    assert (first.cancel_requested_s, first.version) == (4.0, 2)
    assert replace(again, job=first.job) == first
    (edited,) = desk.store.refresh().edited
    assert edited.cancel_requested_s == 4.0
    assert desk.store.live()["j"].cancel_requested_s == 4.0


def test_bounds_that_change_reach_the_queue(desk: Desk) -> None:
    desk.submit(make_spec("j", workers=2), make_spec("i", workers=2))

    changed = desk.users.jobs.change_bounds("j", wish(1.0), min_workers=1, max_workers=4)
    desk.store.refresh()

    assert (changed.job.spec.min_workers, changed.job.spec.max_workers) == (1, 4)
    queue = desk.store.queue()
    assert queue.jobs["j"].spec == changed.job.spec
    assert sorted(group.job_ids for group in queue.groups.values()) == [("i",), ("j",)]


@pytest.mark.parametrize(
    ("bounds", "column"),
    [
        ({"min_workers": 3}, "min_workers"),
        ({"min_workers": 0}, "min_workers"),
        ({"max_workers": 1}, "max_workers"),
    ],
)
def test_bounds_must_suit_the_requested_size(
    desk: Desk, bounds: dict[str, int], column: str
) -> None:
    desk.submit(make_spec("j", workers=2))

    with pytest.raises(BadInput) as error:
        desk.users.jobs.change_bounds("j", wish(), **bounds)

    assert error.value.column == column
    assert desk.known("j").version == 1


def test_a_running_job_keeps_its_base_workers(desk: Desk) -> None:
    desk.submit(make_spec("j", workers=2, max_workers=4))
    desk.carry_out(start("j", base(1, 2), flexible(2)), now=1.0)

    with pytest.raises(Conflict) as error:
        desk.users.jobs.change_bounds("j", wish(), min_workers=1)
    assert error.value.clash is Clash.RUNS
    changed = desk.users.jobs.change_bounds("j", wish(), max_workers=2)

    (edited,) = desk.store.refresh().edited
    assert edited.job.spec.max_workers == changed.job.spec.max_workers == 2


def test_a_checkpoint_counts_where_it_is_more(desk: Desk) -> None:
    desk.submit(make_spec("j", duration_s=100.0))
    desk.carry_out(start("j", base(1)), now=0.0)

    jobs = desk.users.jobs
    assert jobs.report_checkpoint("j", 30.0, wish(40.0)).job.saved == 30.0
    assert jobs.report_checkpoint("j", 20.0, wish(41.0)).job.saved == 30.0
    assert jobs.report_checkpoint("j", 1e9, wish(42.0)).job.saved == 100.0
    assert desk.known("j").version == 4  # started, and two that counted
    desk.store.refresh()
    assert desk.store.live()["j"].job.saved == 100.0


def test_who_looked_at_an_older_version_is_refused(desk: Desk) -> None:
    desk.submit(make_spec("j", max_workers=4))
    desk.users.jobs.change_bounds("j", wish(if_version=1), max_workers=3)

    with pytest.raises(Conflict, match="version 2") as error:
        desk.users.jobs.change_bounds("j", wish(if_version=1), max_workers=2)

    assert (error.value.clash, error.value.version) == (Clash.VERSION, 2)
    assert desk.known("j").job.spec.max_workers == 3


@pytest.mark.parametrize("event", [JobEvent.FINISH, JobEvent.FAIL, JobEvent.CANCEL])
def test_a_job_that_has_ended_is_not_changed(desk: Desk, event: JobEvent) -> None:
    desk.submit(make_spec("j", max_workers=4))
    desk.carry_out(start("j", base(1)), now=1.0)
    desk.end("j", event, 2.0)

    changes: list[Callable[[], object]] = [
        lambda: desk.users.jobs.request_cancel("j", wish()),
        lambda: desk.users.jobs.change_bounds("j", wish(), max_workers=2),
        lambda: desk.users.jobs.report_checkpoint("j", 1.0, wish()),
    ]
    for change in changes:
        with pytest.raises(Conflict, match="j has ended"):
            change()


def test_a_job_in_flight_keeps_its_bounds_but_may_be_cancelled(desk: Desk) -> None:
    desk.submit(make_spec("j", max_workers=4))
    desk.record(start("j", base(1)), now=1.0)

    with pytest.raises(Conflict) as error:
        desk.users.jobs.change_bounds("j", wish(), max_workers=2)
    assert error.value.clash is Clash.IN_FLIGHT
    desk.users.jobs.request_cancel("j", wish(1.5))
    desk.settle(start("j", base(1)), now=1.0)

    record = desk.known("j")
    assert (record.state, record.cancel_requested_s) == (JobState.RUNNING, 1.5)
    desk.store.refresh()
    assert desk.store.live()["j"].cancel_requested_s == 1.5
    assert desk.store.live()["j"].version == record.version
    desk.users.jobs.change_bounds("j", wish(), max_workers=2)
