"""Phase 1 starts what fits, in order, and says of every other job why it waits."""

import re
from collections import Counter
from fractions import Fraction
from math import ceil

from hypothesis import given

from aryl.model.cluster import Pool
from aryl.model.job import Job, JobSpec, WorkerKind
from aryl.model.plan import Plan
from aryl.model.reason import ReasonCode
from aryl.model.snapshot import Due, Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import decide
from tests.builders import starts, waits
from tests.ledger import Ledger
from tests.strategies import configs, often, snapshots


def in_order(snapshot: Snapshot, config: PolicyConfig) -> list[Job]:
    """The queue in the order that docs/policy.md describes, by one plain sort."""

    def key(job: Job) -> tuple[float | str, ...]:
        spec = job.spec
        if spec.carry_in and not job.preemptions:
            return (0, -spec.gpus_per_worker, -spec.num_gpus, spec.submit_s, spec.job_id)
        last = spec.heterogeneous and config.ordering != "fifo"
        shortest: tuple[float, ...] = ()
        if config.ordering == "sjf":
            most = spec.requested_workers if config.scaling == "none" else spec.max_workers
            work = spec.estimated_duration_s * spec.requested_workers
            shortest = ((work - job.done) / most,)
        if config.ordering == "las":
            had_gpu_s = job.done * spec.gpus_per_worker
            limits = [config.las_limit_gpu_s * config.las_growth**n for n in range(3)]
            shortest = (sum(had_gpu_s >= limit for limit in limits),)
        return (1, last, -spec.priority, *shortest, spec.submit_s, spec.job_id)

    return sorted(snapshot.queue.jobs.values(), key=key)


def base_workers(spec: JobSpec, config: PolicyConfig) -> int:
    return spec.requested_workers if config.scaling == "none" else spec.min_workers


def fits(ledger: Ledger, spec: JobSpec, workers: int) -> bool:
    """Whether base workers fit beside all base workers there are, flexible ones gone."""
    slots = {Pool.TRAINING: 0, Pool.INFERENCE: 0}
    for server in ledger.snapshot.cluster.servers:
        base = Counter(
            {
                job: n
                for (job, s, kind), n in ledger.held.items()
                if s == server.id and kind is WorkerKind.BASE
            }
        )
        used = sum(n * ledger.specs[job].gpus_per_worker for job, n in base.items())
        slots[server.pool] += max(0, ledger.room(server.id) - used) // spec.gpus_per_worker
    factor, on_training = Fraction(ledger.snapshot.cluster.factor), slots[Pool.TRAINING]
    on_loan = slots[Pool.INFERENCE] if spec.can_borrow else 0
    if workers <= on_training or ceil(workers * factor) <= on_loan:
        return True
    rest = ceil((workers - on_training) * factor)
    return spec.heterogeneous and on_training > 0 and rest <= on_loan


def after_starts(snapshot: Snapshot, plan: Plan, names: set[str]) -> Ledger:
    """The books once the named jobs have started, and nothing else has happened."""
    ledger = Ledger(snapshot)
    for job_id, action in starts(plan).items():
        if job_id in names:
            ledger.follow(action)
    return ledger


@often(1.5)
@given(snapshots(due=Due.SCHEDULE, worker_gpus=1), configs(loaning="none", preemption="none"))
def test_a_job_waits_only_if_it_does_not_fit_beside_those_before_it(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    # with workers of one size nothing is fragmented, and the order alone decides
    plan = decide(snapshot, config)
    started = starts(plan)
    before: set[str] = set()

    for job in in_order(snapshot, config):
        can_start = fits(
            after_starts(snapshot, plan, before), job.spec, base_workers(job.spec, config)
        )
        assert (job.id in started) == can_start
        if job.id in started:
            before.add(job.id)
        elif config.ordering == "fifo":
            break
    assert started.keys() == before


@often(1.5)
@given(snapshots(due=Due.SCHEDULE), configs(ordering="fifo", loaning="none"))
def test_strict_fifo_starts_nothing_behind_a_job_that_does_not_fit(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    order = [job.id for job in in_order(snapshot, config)]

    assert set(starts(plan)) == set(order[: len(starts(plan))])
    behind = order[len(starts(plan)) + 1 :]
    head = order[len(starts(plan)) : len(starts(plan)) + 1]
    assert all(f"behind {head[0]}," in waits(plan)[name] for name in behind)


@often(2)
@given(snapshots(due=Due.SCHEDULE), configs(loaning="none"))
def test_no_job_that_would_still_fit_beside_the_starts_is_left_waiting(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    ledger = after_starts(snapshot, plan, set(starts(plan)))
    waiting = [job for job in in_order(snapshot, config) if job.id not in starts(plan)]

    for job in waiting[:1] if config.ordering == "fifo" else waiting:
        assert not fits(ledger, job.spec, base_workers(job.spec, config)), job.id


@given(snapshots(), configs())
def test_every_queued_job_that_does_not_start_has_one_reason_with_numbers(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    plan = decide(snapshot, config)
    left = snapshot.queue.jobs.keys() - starts(plan).keys()
    explained = Counter(name for entry in plan.waiting for name in entry.job_ids)

    if Due.SCHEDULE in snapshot.due:
        assert explained == Counter(left)
    for text in waits(plan).values():
        assert re.search(r"\d", text)


@often(1.5)
@given(snapshots(), configs())
def test_the_numbers_of_a_reason_say_why_the_job_does_not_fit(
    snapshot: Snapshot, config: PolicyConfig
) -> None:
    for entry in decide(snapshot, config).waiting:
        numbers = dict(entry.reason.numbers)
        match entry.reason.code:
            case ReasonCode.NOT_ENOUGH_GPUS:
                available = int(numbers["free_gpus"]) + int(numbers["flexible_gpus"])
                assert int(numbers["needed_gpus"]) > available
            case ReasonCode.FRAGMENTED:
                needed = int(numbers["workers"]) * int(numbers["gpus_per_worker"])
                assert int(numbers["fitting"]) < int(numbers["workers"])
                assert int(numbers["free_gpus"]) >= needed
            case _:
                assert numbers["head"] in snapshot.queue.jobs


@given(snapshots(), configs())
def test_every_reason_reads_as_a_sentence(snapshot: Snapshot, config: PolicyConfig) -> None:
    plan = decide(snapshot, config)
    reasons = [action.reason for action in plan.actions]
    reasons += [entry.reason for entry in plan.waiting] + list(plan.notes)

    for reason in reasons:
        assert reason.numbers
        assert "{" not in reason.text
        assert all(n >= 0 for _, n in reason.numbers if not isinstance(n, str)), reason.text
