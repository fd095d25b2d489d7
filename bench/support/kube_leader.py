"""A leader on Kubernetes whose steps are called for, and the user who submits jobs to it."""

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aryl.clock import SystemClock, elapsed
from aryl.daemon.scheduler import Instant, Scheduler, Stage
from aryl.engine.cycle import CycleReport, Step
from aryl.engine.live import Correction, Inbox
from aryl.engine.ports import Observation
from aryl.engine.records import JobRecord
from aryl.kube.access import from_kubeconfig
from aryl.kube.client import Asked, KubeApi
from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.discovery import discover
from aryl.kube.opening import Opening, opened
from aryl.kube.options import KubeOptions, Placing
from aryl.kube.reflector import Means
from aryl.kube.throttle import Throttle
from aryl.kube.transport import JSON, Json
from aryl.metrics import Metrics, process_registry
from aryl.model.job import JobSpec
from aryl.model.queue import JobQueue
from aryl.policy.registry import load_policy
from aryl.store import Database, Lease, Principal, Role, SchedulerStore, ServiceStore, Submission

STEP_S = 10.0  # cluster time
START_S = 300_000.0  # cluster time, the start of a demand bin
WORKERS = (1, 1, 2, 3, 4)  # base workers of jobs
GPUS_PER_WORKER = 2
PAUSE_S = 0.1  # between steps that follow one another only for what was written
USER = Principal("bench", Role.SUBMITTER)
CONFIG = load_policy({})
WORKER = {"containers": [{"name": "main", "image": "none"}], "terminationGracePeriodSeconds": 1}


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of a step: all, those of waiting for the server, and those of its thread's CPU."""

    whole_s: float
    waited_s: float
    cpu_s: float


class TimedApi(KubeApi):
    """Knows how long the thread that schedules has waited for answers."""

    waited_s = 0.0
    requests = 0
    writes = 0

    def get(self, path: str, **query: Asked) -> Json:
        """As it is."""
        with self._timed():
            return super().get(path, **query)

    def _write(self, method: str, path: str, body: Json, content_type: str = JSON) -> Json:
        self.writes += 1
        with self._timed():
            return super()._write(method, path, body, content_type)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        since = time.perf_counter()
        yield
        if threading.current_thread() is threading.main_thread():
            self.waited_s += time.perf_counter() - since
            self.requests += 1


class Notes:
    """What a scheduler tells goes into metrics, as in the service; nothing may fail."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._metrics = Metrics(process_registry())

    def reached(self, step: Step) -> None:
        """A step of a cycle is done."""

    def took_in(self, inbox: Inbox) -> None:
        """Submissions were read."""
        self._metrics.fed(inbox.arrived + len(inbox.edited))

    def corrected(self, found: Sequence[Correction], known: Mapping[str, JobRecord]) -> None:
        """Jobs have ended."""
        self._metrics.corrected(found, known)

    def cycled(self, report: CycleReport, now: float) -> None:
        """A cycle has taken effect."""
        self._metrics.cycled(report, now)

    def failed(self, error: Exception, now: float) -> None:
        """Nothing may fail here."""
        raise AssertionError(f"at {now}") from error

    def looked(self, seen: Observation, queue: JobQueue, now: float) -> None:
        """A step has ended."""
        self._metrics.seen(seen, queue, now, None)


class Leader:
    """What leads, and the user who feeds it."""

    def __init__(self, database: Database, kubeconfig: str, jobs: int) -> None:
        """Lead nothing yet; `jobs` are to be alive."""
        database.migrate()
        self._database, self._kubeconfig, self._jobs = database, Path(kubeconfig), jobs
        self._users = ServiceStore.on(database, time.time)
        self._rng, self._submitted, self._terms = random.Random(7), 0, 0
        self._open = ExitStack()
        self.now, self.notes = START_S, Notes()

    def begin(self, *, throttled: bool = False) -> float:
        """Lead, after whoever led before; the seconds until everything has been seen."""
        self.end()
        since, self._terms = time.perf_counter(), self._terms + 1
        lease_s = self._terms * 60.0
        term = Lease(self._database, f"{self._terms}", lambda: lease_s).acquire()
        assert term is not None, "the lease of the leader before has run out"
        options, instant = KubeOptions(placing=Placing.BINDING), Instant()
        throttle = Throttle(options.writes_per_s, options.burst_writes, elapsed, time.sleep)
        instant.move_to(self.now)
        self.store = SchedulerStore(self._database, CONFIG, term=term)
        access = from_kubeconfig(self._kubeconfig)
        self.api = self._open.enter_context(TimedApi(access, throttle if throttled else None))
        past = [(START_S - n * 300.0, 0.0) for n in range(1, 13)]
        opening = Opening(
            Means(self.api, elapsed, random.Random(1)),
            discover(self.api),
            options,
            CONFIG,
            Demand(DemandSource.PODS, past=past),
            instant,
            SystemClock().now,
            self.store.template,
        )
        self.cluster = self._open.enter_context(opened(opening, term, is_shadow=False)).cluster
        stage = Stage(instant, self.cluster, self.store, self.notes, time.perf_counter)
        self.scheduler = Scheduler(CONFIG, stage)
        return time.perf_counter() - since

    def end(self) -> None:
        """Lead no longer."""
        self._open.close()

    def step(self) -> Took:
        """A step, a while after the last."""
        self.now += STEP_S
        since, cpu_s, waited_s = time.perf_counter(), time.thread_time(), self.api.waited_s
        self.scheduler.step(self.now)
        return Took(
            time.perf_counter() - since,
            self.api.waited_s - waited_s,
            time.thread_time() - cpu_s,
        )

    def rest(self) -> None:
        """Step until nothing is left to write; binding comes a step after creating."""
        idle = 0
        while idle < 2:
            writes = self.api.writes
            self.step()
            idle = 0 if self.api.writes > writes else idle + 1
            time.sleep(PAUSE_S)

    def arrive(self) -> None:
        """As many jobs arrive as are missing."""
        missing = range(self._jobs - len(self.store.live()))
        self.submit(*(self._rng.choice(WORKERS) for _ in missing))

    def submit(self, *workers: int) -> None:
        """Jobs of so many workers arrive."""
        batch = []
        for least in workers:
            self._submitted += 1
            spec = self._spec(f"job-{self._submitted:05d}", least)
            pod = {"spec": WORKER}
            name = spec.job_id
            batch.append(Submission(spec=spec, name=name, owner=USER.name, who=USER, template=pod))
        for answer in self._users.jobs.submit(batch):
            assert not isinstance(answer, Exception), answer

    def _spec(self, job_id: str, least: int) -> JobSpec:
        duration_s = self._rng.lognormvariate(8.0, 1.5)
        return JobSpec(
            job_id=job_id,
            submit_s=self.now,
            num_gpus=least * GPUS_PER_WORKER,
            duration_s=duration_s,
            gpus_per_worker=GPUS_PER_WORKER,
            min_workers=least,
            max_workers=least * self._rng.choice((1, 1, 2)),
            fungible=self._rng.random() < 0.3,
            estimated_duration_s=duration_s,
        )
