"""What will become of a live cluster: its policy runs on from a snapshot in virtual time.

The answer is as good as what is known: run times are the jobs' own estimates, inference demand is
what its pattern leads one to expect, and nobody submits anything. Nothing is chance: the same
question has the same answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from aryl.model.errors import BadInput
from aryl.model.job import JobSpec
from aryl.model.plan import Plan
from aryl.model.reason import Reason, ReasonCode, because
from aryl.model.snapshot import Snapshot
from aryl.policy.config import PolicyConfig
from aryl.policy.decide import untimed
from aryl.policy.draft import Draft
from aryl.policy.reclaiming import take_back
from simulator.expectation import ExpectedLoad
from simulator.journal import Journal
from simulator.replay import Replay
from simulator.restoring import as_estimated, foreseeable
from simulator.witness import Change, Witness
from simulator.world import Load, World

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is supposed to happen now: jobs submitted, servers lent or returned, another policy."""

    submits: tuple[JobSpec, ...] = ()
    lend: int = 0
    give_back: int = 0
    config: PolicyConfig | None = None


NOTHING = Hypothesis()


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a projection looks: seconds of cluster time, and decisions."""

    horizon_s: float = 7 * DAY_S
    cycles: int = 5_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Course:
    """How one job fares from now on; what does not happen within the projection is None.

    `sizes` are its training workers from each moment on, the first from now; while it has none, it
    waits. `start_s` is the first start of a job that waits now.
    """

    submit_s: float
    start_s: float | None
    finish_s: float | None
    sizes: tuple[tuple[float, int], ...]

    def waited_by(self, time_s: float) -> float:
        """The seconds that it waits from now until then."""
        end_s = time_s if self.finish_s is None else min(time_s, self.finish_s)
        steps = pairwise([*self.sizes, (end_s, 0)])
        return sum(max(0.0, min(b, end_s) - a) for (a, workers), (b, _) in steps if not workers)


@dataclass(frozen=True, slots=True)
class Projection:
    """What happens between `now_s` and `until_s`, to each job that is known or supposed.

    `loans` are the servers on loan from each moment on; `waiting` says why jobs wait at the end.
    """

    now_s: float
    until_s: float
    submitted: tuple[str, ...]
    courses: Mapping[str, Course]
    preempted: tuple[Change, ...]
    shrunk: tuple[Change, ...]
    loans: tuple[tuple[float, int], ...]
    waiting: Mapping[str, Reason]

    @property
    def starts(self) -> Mapping[str, float]:
        """When each job that waits now starts."""
        courses = self.courses.items()
        return {name: c.start_s for name, c in courses if c.start_s is not None}

    @property
    def finishes(self) -> Mapping[str, float]:
        """When each job finishes."""
        courses = self.courses.items()
        return {name: c.finish_s for name, c in courses if c.finish_s is not None}


def project(
    snapshot: Snapshot,
    config: PolicyConfig,
    hypothesis: Hypothesis = NOTHING,
    limits: Limits = LIMITS,
    load: Load | None = None,
) -> Projection:
    """Run the policy on from a snapshot, as if the hypothesis came true now.

    `load` is the inference demand, where it is known; else what is to be expected of it. Loans
    follow the forecast again after what is supposed of them. The snapshot stays as it is. Raises
    `BadInput` where the hypothesis supposes what can't be.
    """
    _check(snapshot, hypothesis)
    config = hypothesis.config or config
    until_s = snapshot.now + limits.horizon_s
    if load is None:
        servers = len(snapshot.cluster.inference_servers)
        load = ExpectedLoad.after(snapshot.demand, servers=servers, until_s=until_s)
    submits = [as_estimated(replace(spec, submit_s=snapshot.now)) for spec in hypothesis.submits]
    known = foreseeable(snapshot, config)
    witness = Witness(known)
    # What jobs are believed to take stands in them already.
    world = World(snapshot.cluster, load, replace(config, estimates="given"))
    replay = Replay(world, submits, witness, untimed)
    replay.resume(known, _imposed(known, config, hypothesis))
    while replay.next_s <= until_s and len(witness.tally.cycle_s) < limits.cycles:
        replay.step()
    return Projection(
        now_s=snapshot.now,
        until_s=min(until_s, replay.next_s),
        submitted=tuple(spec.job_id for spec in submits),
        courses=_courses(known, replay.journal, witness),
        preempted=tuple(witness.preempted),
        shrunk=tuple(witness.shrunk),
        loans=tuple(witness.loans),
        waiting={job_id: w.reason for w in witness.waiting for job_id in w.job_ids},
    )


def _check(snapshot: Snapshot, hypothesis: Hypothesis) -> None:
    """Refuse what can't be supposed."""
    at_home = len(snapshot.cluster.inference_servers) - len(snapshot.loans)
    bounds = {
        "lend": (hypothesis.lend, at_home),
        "return": (hypothesis.give_back, snapshot.on_loan),
    }
    for name, (servers, most) in bounds.items():
        if not 0 <= servers <= most:
            expected = f"at most {most} servers"
            raise BadInput("what-if", "is too many", column=name, value=servers, expected=expected)
    names = [spec.job_id for spec in hypothesis.submits]
    for name in names:
        if names.count(name) > 1 or name in snapshot.running or name in snapshot.queue.jobs:
            raise BadInput("what-if", "is taken", column="submit", value=name)


def _imposed(snapshot: Snapshot, config: PolicyConfig, hypothesis: Hypothesis) -> Plan | None:
    """What the hypothesis does to loans at once; jobs that it costs are the policy's choice."""
    if not hypothesis.lend and not hypothesis.give_back:
        return None
    draft = Draft(snapshot, untimed)
    at_home = [s for s in snapshot.cluster.inference_servers if s.id not in snapshot.loans]
    on_loan, known = len(snapshot.loans), [*snapshot.demand.values[-1:], 0.0]
    reason = because(
        ReasonCode.LENT,
        loanable=on_loan + hypothesis.lend,
        forecast=float(known[0]),
        on_loan=on_loan,
    )
    for server in at_home[: hypothesis.lend]:
        draft.lend(server.index, reason)
    take_back(draft, snapshot, config, hypothesis.give_back)
    return Plan(snapshot.version, tuple(draft.actions))


def _courses(snapshot: Snapshot, journal: Journal, witness: Witness) -> dict[str, Course]:
    """How each job fared."""
    now, courses = snapshot.now, {}
    for name, record in journal.jobs.items():
        runs = name in snapshot.running
        steps = witness.sizes.get(name, [])
        waits_at_first = not steps or steps[0][0] > now
        courses[name] = Course(
            submit_s=record.spec.submit_s,
            start_s=None if runs else record.first_start_s,
            finish_s=record.finish_s,
            sizes=((now, 0), *steps) if waits_at_first else tuple(steps),
        )
    return courses
