"""Why a job stands as it does: what it waits for, who comes first, when it may start, its past."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.ahead import Foresight
from api.errors import Overloaded
from api.line import Line
from api.lookahead import Foreseen
from api.schemas.explain import (
    AheadOut,
    ErrorOut,
    ExplainOut,
    PlaceOut,
    StartOut,
    StoryOut,
)
from api.schemas.jobs import WaitOut
from api.shaping import wait_out
from api.stories import stories_of
from api.views import Views
from aryl.engine.lifecycle import JobState
from aryl.engine.records import JobRecord
from aryl.store.plans import ActionRecord, PlanRecord


@dataclass(frozen=True, slots=True)
class Explanations:
    """Explains jobs; every call looks at the store anew."""

    views: Views
    foresight: Foresight
    line: Line

    def of(self, job_id: str) -> ExplainOut:
        """Why a job stands as it does. Raises `Missing`."""
        record, now = self.views.record(job_id), self.views.clock.now()
        wait = place = estimate = None
        if record.state is JobState.QUEUED:
            waits = self.views.store.waits.of([record]).get(job_id)
            wait = wait_out(*waits) if waits else None
            place, estimate = self._place(record), self._estimate(job_id)
        history = self._history(job_id)
        return ExplainOut(
            id=job_id,
            name=record.name,
            state=record.state.value,
            now_s=now,
            text=_text(record, now, (wait, place, estimate), history),
            wait=wait,
            place=place,
            estimate=estimate,
            history=history,
        )

    def _place(self, record: JobRecord) -> PlaceOut | None:
        """Where a job stands in the order; None while no scheduler has told its policy."""
        known = self.views.knowledge.look()
        if known is None:
            return None
        place = self.line.place_of(record.job, known.policy)
        return PlaceOut(
            ordering=known.policy.ordering,
            place=place.ahead + 1,
            queued=place.queued,
            jobs_ahead=place.ahead,
            gpus_ahead=place.gpus_ahead,
            first=[self._ahead(job.id) for job in place.first],
        )

    def _ahead(self, job_id: str) -> AheadOut:
        record = self.views.record(job_id)
        return AheadOut(
            id=job_id, name=record.name, owner=record.owner, num_gpus=record.job.spec.num_gpus
        )

    def _estimate(self, job_id: str) -> StartOut | None:
        """When a job is expected to start: as foreseen just now, or else as it was before."""
        kept = self.views.store.estimates.of([job_id]).get(job_id)
        foreseen = self._foreseen()
        error = self.foresight.error()
        if foreseen and job_id in foreseen.starts_s:
            start_s, made_s, until_s = foreseen.starts_s[job_id], foreseen.now_s, foreseen.until_s
        elif kept:
            start_s, made_s, until_s = kept.latest_start_s, kept.latest_made_s, None
        else:
            return None
        return StartOut(
            start_s=start_s,
            made_s=made_s,
            until_s=until_s,
            first_start_s=kept.start_s if kept else start_s,
            error=ErrorOut.model_validate(error) if error else None,
        )

    def _foreseen(self) -> Foreseen | None:
        try:
            return self.foresight.estimates()
        except Overloaded:
            return None  # all else can be explained without it

    def _history(self, job_id: str) -> list[StoryOut]:
        store = self.views.store

        def plan_of(plan_id: int) -> tuple[PlanRecord | None, Sequence[ActionRecord]]:
            return store.plans.get(plan_id), store.plans.actions_of(plan_id)

        events = store.events.of_job(job_id)
        return [StoryOut.model_validate(story) for story in stories_of(events, plan_of)]


def _text(
    record: JobRecord,
    now: float,
    parts: tuple[WaitOut | None, PlaceOut | None, StartOut | None],
    history: Sequence[StoryOut],
) -> str:
    """All of an explanation in sentences."""
    if record.state is not JobState.QUEUED:
        newest = [_story_text(story, now) for story in history[-1:]]
        return " ".join([f"It is {record.state.value}.", *newest])
    wait, place, estimate = parts
    sentences = [_wait_text(record, wait, now)]
    sentences += [_place_text(place)] if place else []
    sentences += [_estimate_text(estimate, now)] if estimate else []
    preempted = [story for story in history if story.kind == "preempted"]
    sentences += [_story_text(story, now) for story in preempted[-1:]]
    return " ".join(sentences)


def _wait_text(record: JobRecord, wait: WaitOut | None, now: float) -> str:
    """For how long a job has waited, and what for."""
    waited = f"It has waited for {_span(now - record.queued_since_s)}"
    return f"{waited}: it {wait.text}." if wait else f"{waited}; no decision holds it back."


def _place_text(place: PlaceOut) -> str:
    """What comes before a job."""
    first = f"It is number {place.place} of {place.queued} in line ({place.ordering} order)"
    if not place.jobs_ahead:
        return f"{first}."
    return f"{first}: {place.jobs_ahead} before it need {place.gpus_ahead} GPUs."


def _estimate_text(estimate: StartOut, now: float) -> str:
    """When a job may start, and how good such estimates have been."""
    if estimate.start_s is not None:
        text = f"It is expected to start in {_span(max(0.0, estimate.start_s - now))}."
    elif estimate.until_s is not None:
        text = f"It is not expected to start within {_span(estimate.until_s - now)}."
    else:
        return "When it may start is not foreseen."
    error = estimate.error
    if error is None:
        return f"{text} How good such estimates are is not known yet."
    return (
        f"{text} First estimates of {error.jobs} jobs that have started were off by "
        f"{_span(error.median_s)} in the middle, by {_span(error.p90_s)} or more for one in ten."
    )


def _story_text(story: StoryOut, now: float) -> str:
    """What happened to a job, and who gained by it."""
    gains = "".join(f"; {gain.text}" for gain in story.gains)
    return f"{_span(now - story.t_s)} ago it {story.text}{gains}."


def _span(seconds: float) -> str:
    """A time in the two largest units that count: `2 h 5 min`."""
    whole = round(max(0.0, seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
