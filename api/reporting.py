"""Where the scheduler's facts leave: as metrics and as log lines. Nothing in here decides."""

from collections.abc import Mapping, Sequence

import structlog

from aryl.engine.cycle import CycleReport, Step, Timer
from aryl.engine.live import Correction, Inbox
from aryl.engine.ports import Observation, Status
from aryl.engine.records import JobRecord
from aryl.kube.errors import KubeError
from aryl.metrics import Cause, Metrics
from aryl.metrics.metrics import cause_of
from aryl.model.errors import InvariantBroken, StalePlan
from aryl.model.queue import JobQueue

log = structlog.get_logger(__name__)


class Reporter:
    """Watches a scheduler, and is told who leads."""

    def __init__(self, metrics: Metrics, elapsed: Timer) -> None:
        """Report to the metrics of a process."""
        self._metrics, self._steps = metrics, metrics.timer(elapsed)
        self._is_leader: bool | None = None
        self._is_down = False

    @property
    def is_leader(self) -> bool:
        """Whether this process leads."""
        return bool(self._is_leader)

    def reached(self, step: Step) -> None:
        """A step of a cycle is done."""
        self._steps.reached(step)

    def took_in(self, inbox: Inbox) -> None:
        """What users have done was read."""
        self._metrics.fed(inbox.arrived + len(inbox.edited))

    def corrected(self, found: Sequence[Correction], known: Mapping[str, JobRecord]) -> None:
        """The cluster did something by itself."""
        self._metrics.corrected(found, known)
        for correction in found:
            if correction.reason is not None:
                log.warning("job_lost", job_id=correction.job.id, why=correction.reason.text)

    def cycled(self, report: CycleReport, now: float) -> None:
        """A cycle has taken effect."""
        self._metrics.cycled(report, now)
        for outcome in report.outcomes:
            if outcome.status in {Status.REFUSED, Status.FAILED}:
                action = type(outcome.action).__name__
                log.warning("action_not_done", action=action, t_s=now, detail=outcome.detail)

    def failed(self, error: InvariantBroken | StalePlan, now: float) -> None:
        """A plan was not carried out: a stale one is decided anew, a broken one is our bug."""
        self._metrics.failed(cause_of(error))
        tell = log.error if isinstance(error, InvariantBroken) else log.info
        tell("plan_dropped", t_s=now, why=str(error))

    def looked(self, seen: Observation, queue: JobQueue, now: float) -> None:
        """A step has ended with both pools and the queue like this."""
        newest = seen.demand.values[-1:]
        self._metrics.seen(seen, queue, now, float(newest[0]) if len(newest) else None)

    def leads(self, term: int) -> None:
        """This process leads from now on."""
        self._is_leader, self._is_down = True, False
        self._metrics.led(term)
        log.info("leads", term=term)

    def follows(self) -> None:
        """Another process leads."""
        if self._is_leader is not False:
            log.info("follows")
        self._is_leader = False
        self._metrics.led(None)

    def stumbled(self, error: Exception) -> None:
        """Something outside failed; it is tried again."""
        self._is_leader = False
        self._metrics.led(None)
        is_cluster = isinstance(error, KubeError)
        self._metrics.failed(Cause.CLUSTER if is_cluster else Cause.DATABASE)
        if not self._is_down:  # once for an outage, however long it lasts
            log.error("stumbled", error=type(error).__name__, why=str(error).partition("\n")[0])
        self._is_down = True
