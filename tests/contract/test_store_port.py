"""The Store port, whoever implements it: in memory, in SQLite, in PostgreSQL."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import pytest

from aryl.engine.lifecycle import JobEvent
from aryl.engine.ports import Outcome, Status, Store
from aryl.model.errors import InvalidTransition
from aryl.model.job import Job, JobSpec
from aryl.model.plan import Action, Plan
from aryl.policy.config import PolicyConfig, policy_config
from aryl.policy.rules import rules_of
from aryl.store import Database
from simulator.store import MemoryStore
from tests.builders import base, flexible, make_snapshot, make_spec
from tests.contract.worlds import CLUSTER, Desk, effect, preempt, resize, start


class Subject(Protocol):
    """A store, and the ways in which jobs come and end around it."""

    store: Store

    def submit(self, spec: JobSpec) -> None:
        """A job arrives."""
        ...

    def finish(self, job_id: str) -> None:
        """A running job has done its work."""
        ...


class InMemory:
    """The simulator's store."""

    def __init__(self, config: PolicyConfig) -> None:
        self._jobs = MemoryStore(rules_of(config))
        self.store: Store = self._jobs

    def submit(self, spec: JobSpec) -> None:
        self._jobs.submit(Job(spec))

    def finish(self, job_id: str) -> None:
        self._jobs.finish(job_id)


class InDatabase:
    """The scheduler's store, with users at the other side."""

    def __init__(self, database: Database, config: PolicyConfig) -> None:
        self._desk = Desk(database, config)
        self.store: Store = self._desk.store

    def submit(self, spec: JobSpec) -> None:
        self._desk.submit(spec)

    def finish(self, job_id: str) -> None:
        self._desk.end(job_id, JobEvent.FINISH, 1_000.0)


Make = Callable[[PolicyConfig], Subject]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a store that ranks by a policy."""
    if request.param == "memory":
        yield InMemory
        return
    database = Database(request.getfixturevalue(f"{request.param}_url"))
    yield lambda config: InDatabase(database, config)
    database.close()


@pytest.fixture
def subject(make: Make) -> Subject:
    """A store that ranks by the default policy."""
    return make(PolicyConfig())


def carry_out(
    store: Store, jobs: Sequence[Job], *actions: Action, now: float, status: Status = Status.DONE
) -> list[Job]:
    """Record and settle a plan about these jobs, one by one; the jobs that it leaves."""
    queued = store.queue()
    running = [job for job in jobs if job.placements]
    snapshot = replace(make_snapshot(CLUSTER, running=running, now=now), queue=queued)
    store.record(snapshot, Plan(snapshot.version, actions))
    left = [effect(job, action, now) for job, action in zip(jobs, actions, strict=True)]
    done = status is Status.DONE
    store.settle(
        [Outcome(a, status, job if done else None) for a, job in zip(actions, left, strict=True)]
    )
    return left


def test_nothing_waits_at_first(subject: Subject) -> None:
    assert len(subject.store.queue()) == 0


def test_a_submitted_job_waits_as_it_was_submitted(subject: Subject) -> None:
    spec = make_spec("j", submit_s=5.5, workers=2, max_workers=4, priority=3, user="ada")
    subject.submit(replace(spec, allowed_workers=(2, 4)))

    job = subject.store.queue().jobs["j"]

    assert job.spec == replace(spec, allowed_workers=(2, 4))
    assert job.placements == ()


@pytest.mark.parametrize("ordering", ["fifo", "sjf"])
def test_the_queue_has_the_order_of_the_policy(make: Make, ordering: str) -> None:
    config = policy_config({"ordering": ordering})
    subject = make(config)
    specs = [make_spec(f"j{n}", submit_s=float(n), duration_s=100.0 - n % 3) for n in range(6)]
    for spec in specs:
        subject.submit(spec)

    queue = subject.store.queue()

    rules = rules_of(config)
    (group,) = queue.groups.values()
    assert queue.ranking == rules.ranking
    assert list(group.ranks) == sorted(rules.rank(Job(spec)) for spec in specs)
    assert group.job_ids == tuple(job.id for job in group.jobs)


def test_jobs_of_one_shape_stand_together(subject: Subject) -> None:
    for number, workers in enumerate([1, 2, 1]):
        subject.submit(make_spec(f"j{number}", workers=workers))

    groups = subject.store.queue().groups.values()

    assert sorted(group.job_ids for group in groups) == [("j0", "j2"), ("j1",)]


def test_a_queue_once_taken_stays_as_it_was(subject: Subject) -> None:
    subject.submit(make_spec("j0"))
    taken = subject.store.queue()

    subject.submit(make_spec("j1"))
    carry_out(subject.store, [taken.jobs["j0"]], start("j0", base(1)), now=1.0)

    assert list(taken.jobs) == ["j0"]
    assert list(subject.store.queue().jobs) == ["j1"]


def test_a_started_job_leaves_the_queue(subject: Subject) -> None:
    subject.submit(make_spec("j"))

    carry_out(subject.store, [subject.store.queue().jobs["j"]], start("j", base(1)), now=1.0)

    assert len(subject.store.queue()) == 0


@pytest.mark.parametrize("status", [Status.REFUSED, Status.FAILED, Status.WITHHELD])
def test_a_job_whose_start_is_not_done_goes_on_waiting(subject: Subject, status: Status) -> None:
    subject.submit(make_spec("j"))
    job = subject.store.queue().jobs["j"]

    carry_out(subject.store, [job], start("j", base(1)), now=1.0, status=status)

    assert list(subject.store.queue().jobs) == ["j"]
    carry_out(subject.store, [job], start("j", base(1)), now=2.0)
    assert len(subject.store.queue()) == 0


def test_a_preempted_job_waits_again_with_what_it_saved(subject: Subject) -> None:
    subject.submit(make_spec("j", checkpoint_s=10.0))
    jobs = [subject.store.queue().jobs["j"]]
    jobs = carry_out(subject.store, jobs, start("j", base(1)), now=1.0)

    carry_out(subject.store, jobs, preempt("j"), now=28.0)

    waiting = subject.store.queue().jobs["j"]
    assert (waiting.done, waiting.preemptions, waiting.placements) == (20.0, 1, ())


def test_a_preempted_job_is_ranked_by_what_it_has_left(make: Make) -> None:
    subject = make(policy_config({"ordering": "sjf"}))
    subject.submit(make_spec("long", duration_s=100.0, checkpoint_s=10.0))
    subject.submit(make_spec("short", duration_s=50.0))
    jobs = [subject.store.queue().jobs["long"]]
    jobs = carry_out(subject.store, jobs, start("long", base(1)), now=0.0)

    carry_out(subject.store, jobs, preempt("long"), now=60.0)

    (group,) = subject.store.queue().groups.values()
    assert group.job_ids == ("long", "short")


def test_a_resized_job_does_not_wait(subject: Subject) -> None:
    subject.submit(make_spec("j", max_workers=3))
    jobs = [subject.store.queue().jobs["j"]]
    jobs = carry_out(subject.store, jobs, start("j", base(1)), now=1.0)

    carry_out(subject.store, jobs, resize("j", add=[flexible(2)]), now=2.0)

    assert len(subject.store.queue()) == 0


def test_one_plan_may_start_and_preempt(subject: Subject) -> None:
    subject.submit(make_spec("a"))
    jobs = [subject.store.queue().jobs["a"]]
    jobs = carry_out(subject.store, jobs, start("a", base(1)), now=1.0)
    subject.submit(make_spec("b"))

    both = [jobs[0], subject.store.queue().jobs["b"]]
    carry_out(subject.store, both, preempt("a"), start("b", base(1)), now=2.0)

    assert list(subject.store.queue().jobs) == ["a"]


def test_a_running_job_can_not_start(subject: Subject) -> None:
    subject.submit(make_spec("j"))
    jobs = [subject.store.queue().jobs["j"]]
    carry_out(subject.store, jobs, start("j", base(1)), now=1.0)

    with pytest.raises(InvalidTransition, match="j is running: it can't start"):
        carry_out(subject.store, jobs, start("j", base(1)), now=2.0)


def test_a_finished_job_is_gone(subject: Subject) -> None:
    subject.submit(make_spec("j"))
    jobs = [subject.store.queue().jobs["j"]]
    carry_out(subject.store, jobs, start("j", base(1)), now=1.0)

    subject.finish("j")

    assert len(subject.store.queue()) == 0


def test_a_plan_without_actions_changes_nothing(subject: Subject) -> None:
    subject.submit(make_spec("j"))

    carry_out(subject.store, [], now=1.0)

    assert list(subject.store.queue().jobs) == ["j"]
