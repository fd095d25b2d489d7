"""What may be changed, and who may change it; a change that is rehearsed writes nothing."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from api.errors import Forbidden
from api.intake import rebounded, spec_of
from api.known import Knowledge
from api.parts import Parts
from api.schemas.cluster import DemandOut, DemandSample
from api.schemas.jobs import BoundsChange, Checkpoint, NewJob
from api.schemas.service import MadeToken, NewToken, TokenOut
from api.security import needs
from api.submitting import Batcher
from aryl.engine.records import JobRecord
from aryl.model.errors import ArylError, Missing
from aryl.store import Principal, Role, Submission, Wish
from aryl.store.series import PUSHED, bin_of
from aryl.store.submitting import Receipt

NEVER = -1  # a version that no job has


@dataclass(frozen=True, slots=True)
class Order:
    """Who orders a change, for which version of its subject, and whether it is only rehearsed."""

    who: Principal
    if_match: str | None = None
    is_rehearsal: bool = False


class Commands:
    """Changes what the store holds, and tells the scheduler; each answers what it changed."""

    def __init__(self, parts: Parts, knowledge: Knowledge, changed: Callable[[], None]) -> None:
        """Start the thread that commits submissions; `changed` is called after each change."""
        self._store, self._clock, self._wall = parts.store, parts.clock, parts.wall
        self._metrics, self._check_template = parts.metrics, parts.check_template
        self._knowledge, self._changed = knowledge, changed
        self._submits = Batcher(self._receive, waiting=parts.settings.waiting_submits)

    def close(self) -> None:
        """Commit what is on its way, and accept no more submissions."""
        self._submits.close()

    def submit(self, asked: NewJob, order: Order, key: str | None) -> Receipt:
        """Let a job wait; with a key, a second time is answered with the job of the first.

        Raises `BadInput`, `Refused`, `Conflict` and `Overloaded`, and `Forbidden` where it would
        come before all others and no operator says so.
        """
        if asked.carry_in:
            needs(order.who, Role.OPERATOR)
        spec = spec_of(asked, self._knowledge.need(), self._clock.now())
        self._check_template(asked.template, spec)
        submission = Submission(
            spec=spec,
            name=asked.name,
            owner=order.who.name,
            who=order.who,
            idempotency_key=key,
            fingerprint=_fingerprint(asked) if key else "",
            template=asked.template,
        )
        if order.is_rehearsal:
            answer = self._store.jobs.rehearse(submission)
            if isinstance(answer, ArylError):
                raise answer
            return answer
        return self._submits.ask(submission)

    def cancel(self, job_id: str, order: Order) -> JobRecord:
        """Ask for a job's end. Raises `Missing`, `Forbidden` and `Conflict`."""
        wish = self._wish(self._owned(job_id, order), order)
        return self._done(self._store.jobs.request_cancel(job_id, wish), order)

    def change_bounds(self, job_id: str, change: BoundsChange, order: Order) -> JobRecord:
        """Give a job other bounds. Raises as `cancel`, and as `rebounded` does."""
        record = self._owned(job_id, order)
        spec = rebounded(record.job.spec, change, self._knowledge.need())
        after = self._store.jobs.change_bounds(
            job_id,
            self._wish(record, order),
            min_workers=change.min_workers,
            max_workers=change.max_workers,
        )
        if order.is_rehearsal:
            return replace(after, job=replace(after.job, spec=spec))
        return self._done(after, order)

    def report_checkpoint(self, job_id: str, told: Checkpoint, order: Order) -> JobRecord:
        """Note that a job has saved its progress: all of it, or a run time at its requested size.

        Raises as `cancel` does.
        """
        record = self._owned(job_id, order)
        saved = record.job.done_by(self._clock.now())
        if told.progress_s is not None:
            saved = min(saved, told.progress_s * record.job.spec.requested_workers)
        wish = self._wish(record, order)
        return self._done(self._store.jobs.report_checkpoint(job_id, saved, wish), order)

    def push_demand(self, sample: DemandSample, order: Order) -> DemandOut:
        """Note what inference needs."""
        t_s = self._clock.now() if sample.t_s is None else sample.t_s
        if order.is_rehearsal:
            return DemandOut(t_s=bin_of(t_s), servers=sample.servers, source=PUSHED)
        told = self._store.demand.push(t_s, sample.servers, order.who)
        self._changed()
        return DemandOut.model_validate(told)

    def create_token(self, asked: NewToken, order: Order) -> TokenOut:
        """Make a token; a rehearsal makes none, and answers without a secret."""
        role = Role(asked.role)
        if order.is_rehearsal:
            return TokenOut(
                id=0,
                name=asked.name,
                role=asked.role,
                created_wall_s=self._wall(),
                revoked_wall_s=None,
            )
        issued = self._store.tokens.create(asked.name, role, order.who)
        told = TokenOut.model_validate(issued.token)
        return MadeToken(**dict(told), secret=issued.secret)

    def revoke_token(self, token_id: int, order: Order) -> None:
        """Let a token hold no longer. Raises `Missing`."""
        if not order.is_rehearsal:
            self._store.tokens.revoke(token_id, order.who)
        elif all(token.id != token_id for token in self._store.tokens.list()):
            raise Missing("token", str(token_id))

    def _receive(self, batch: Sequence[Submission]) -> Sequence[Receipt | ArylError]:
        answers = self._store.jobs.receive(batch)
        fresh = sum(isinstance(answer, Receipt) and not answer.is_repeat for answer in answers)
        self._metrics.submitted(fresh)
        self._changed()
        return answers

    def _owned(self, job_id: str, order: Order) -> JobRecord:
        """A job that somebody may change: their own, or any where they are an operator."""
        record = self._store.jobs.get(job_id)
        if record is None:
            raise Missing("job", job_id)
        who = order.who
        if not who.role.covers(Role.OPERATOR) and record.owner != who.name:
            mine = f"{job_id} belongs to {record.owner}, and {who.name} is {who.role.value}"
            raise Forbidden(f"this needs the role operator: {mine}")
        return record

    def _wish(self, record: JobRecord, order: Order) -> Wish:
        return Wish(
            who=order.who,
            at_s=self._clock.now(),
            if_version=_version_asked(order.if_match, record.version),
            is_rehearsal=order.is_rehearsal,
        )

    def _done(self, record: JobRecord, order: Order) -> JobRecord:
        if not order.is_rehearsal:
            self._changed()
        return record


def _version_asked(if_match: str | None, current: int) -> int | None:
    """The version that an If-Match header asks for (RFC 9110): of several, the current one."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [tag.strip() for tag in if_match.split(",")]
    versions = [int(tag[1:-1]) for tag in tags if re.fullmatch(r'"[0-9]{1,15}"', tag)]
    return current if current in versions else next(iter(versions), NEVER)


def _fingerprint(asked: NewJob) -> str:
    """The same for requests that ask for the same; what came later than keys counts if it is there.

    So a request that is repeated after an update is still known.
    """
    later = {"template"} if asked.template is None else set[str]()
    return sha256(asked.model_dump_json(exclude=later).encode()).hexdigest()
