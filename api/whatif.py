"""What would be if: from a question on the wire to a hypothesis, and back with what it changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice, pairwise

from api.intake import spec_of
from api.known import Known
from api.lookahead import Foreseen, Supposed
from api.schemas.whatif import (
    FareOut,
    LoansOut,
    LossOut,
    ShiftOut,
    StepOut,
    SupposedJobOut,
    WhatIf,
    WhatIfOut,
)
from api.shaping import reason_out
from aryl.model.job import JobSpec
from aryl.policy.config import PARTS, PolicyConfig
from aryl.policy.registry import load_policy
from simulator.difference import Shift
from simulator.projection import Course, Hypothesis
from simulator.witness import Change

NAMELESS = "what-if"  # a supposed job that was given no name
LISTED = 100  # jobs in one list of an answer
STEPS = 500  # of loans in an answer: a chart shows no more


def hypothesis_of(asked: WhatIf, known: Known, now: float) -> Hypothesis:
    """What is supposed. Raises `BadInput`, and `Refused` for a job that could never start."""
    return Hypothesis(
        submits=(_spec_of(asked, known, now),) if asked.submit else (),
        lend=asked.lend,
        give_back=asked.give_back,
        config=_policy_of(asked.policy, known.policy) if asked.policy else None,
    )


def what_if_out(foreseen: Foreseen, horizon_s: float) -> WhatIfOut:
    """What the hypothesis changes."""
    supposed = foreseen.supposed
    assert supposed is not None, "something was supposed"
    difference = supposed.difference
    until_s = min(foreseen.until_s, supposed.until_s)
    base, changed = (_thinned(steps) for steps in supposed.loans)
    return WhatIfOut(
        now_s=foreseen.now_s,
        horizon_s=horizon_s,
        until_s=until_s,
        submitted=[
            _supposed_job(name, course, supposed) for name, course in difference.submitted.items()
        ],
        loans=LoansOut(base=base, changed=changed),
        preempted=_losses(difference.preempted, supposed.names),
        shrunk=_losses(difference.shrunk, supposed.names),
        delayed=_shifts(difference.delayed, supposed.names),
        sooner=_shifts(difference.sooner, supposed.names),
        counts={
            name: len(getattr(difference, name))
            for name in ("preempted", "shrunk", "delayed", "sooner")
        },
        base=FareOut.model_validate(difference.base),
        changed=FareOut.model_validate(difference.changed),
    )


def _spec_of(asked: WhatIf, known: Known, now: float) -> JobSpec:
    assert asked.submit is not None
    spec = spec_of(asked.submit, known, now)
    return spec if spec.job_id else replace(spec, job_id=NAMELESS)


def _policy_of(given: Mapping[str, object], current: PolicyConfig) -> PolicyConfig:
    """The policy in force with other entries; a scheme that is named brings its own parts."""
    kept = asdict(current)
    if "scheme" in given:
        kept = {name: value for name, value in kept.items() if name not in PARTS}
    return load_policy(kept | dict(given), source="policy")


def _supposed_job(name: str, course: Course, supposed: Supposed) -> SupposedJobOut:
    levels = [workers for _, workers in course.sizes]
    reason = supposed.waiting.get(name)
    return SupposedJobOut(
        id=name,
        start_s=course.start_s,
        finish_s=course.finish_s,
        waits_s=course.waited_by(supposed.until_s),
        preemptions=sum(a > 0 and not b for a, b in pairwise(levels)),
        sizes=_thinned(course.sizes),
        reason=reason_out(reason) if reason else None,
    )


def _losses(changes: Iterable[Change], names: Mapping[str, str]) -> list[LossOut]:
    return [
        LossOut(
            job_id=change.job_id,
            name=names[change.job_id],
            t_s=change.t_s,
            workers=change.workers,
            reason=reason_out(change.reason),
        )
        for change in islice(changes, LISTED)
    ]


def _shifts(shifts: Iterable[Shift], names: Mapping[str, str]) -> list[ShiftOut]:
    return [
        ShiftOut(
            job_id=shift.job_id,
            name=names[shift.job_id],
            delay_s=shift.delay_s,
            start_s=shift.start_s[0],
            changed_start_s=shift.start_s[1],
            finish_s=shift.finish_s[0],
            changed_finish_s=shift.finish_s[1],
        )
        for shift in islice(shifts, LISTED)
    ]


def _thinned(steps: Sequence[tuple[float, int]]) -> list[StepOut]:
    """Steps, evenly thinned out where there are more than anybody looks at."""
    every = -(-len(steps) // STEPS)
    return [StepOut(t_s=t_s, value=level) for t_s, level in steps[::every]]
