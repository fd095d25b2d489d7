"""From what users wrote on an object to a job's spec, by the rules that hold for every job."""

from dataclasses import dataclass
from typing import Final

from aryl.kube.kinds.fields import MAX_PRIORITY, Fields, bad
from aryl.model.job import JobSpec

DURATION_S: Final = 3600.0  # what is assumed of a job that gives no estimate


@dataclass(frozen=True, slots=True)
class Words:
    """What an object calls the parts of a job's spec."""

    least: str
    requested: str
    most: str
    allowed: str
    heterogeneous: str
    duration_s: str
    checkpoint_s: str
    priority: str
    user: str
    queue: str
    model: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """Worker counts that hold where an object does not give them; None: by the other counts."""

    least: int = 1
    requested: int | None = None
    most: int | None = None


def job_spec(
    fields: Fields, words: Words, job_id: str, gpus_per_worker: int, defaults: Defaults
) -> JobSpec:
    """The job that is asked for, on the training pool's GPU type alone. Raises `BadInput`."""
    least, requested, most = _sizes(fields, words, defaults)
    allowed = fields.wholes(words.allowed)
    if allowed and not {least, requested} <= {*allowed}:
        expected = f"a list that holds the least ({least}) and the requested ({requested}) workers"
        raise bad(f"{fields.where}{words.allowed}", [*allowed], expected)
    duration_s = fields.seconds(words.duration_s, DURATION_S)
    return JobSpec(
        job_id=job_id,
        submit_s=0.0,
        num_gpus=requested * gpus_per_worker,
        duration_s=duration_s,
        gpus_per_worker=gpus_per_worker,
        min_workers=least,
        max_workers=most,
        allowed_workers=allowed,
        heterogeneous=fields.flag(words.heterogeneous),
        checkpoint_s=fields.seconds(words.checkpoint_s, 0.0),
        estimated_duration_s=duration_s,
        priority=fields.whole(words.priority, 0, least=0, most=MAX_PRIORITY),
        user=fields.text(words.user),
        queue=fields.text(words.queue),
        model=fields.text(words.model),
    )


def _sizes(fields: Fields, words: Words, defaults: Defaults) -> tuple[int, int, int]:
    """The least, the requested and the largest number of workers."""
    least = fields.whole(words.least, defaults.least)
    requested = fields.whole(words.requested, defaults.requested or least)
    most = fields.whole(words.most, defaults.most or max(least, requested))
    if most < least:
        raise bad(f"{fields.where}{words.least}", least, f"at most {words.most}, {most}")
    if not least <= requested <= most:
        expected = f"from {words.least}, {least}, to {words.most}, {most}"
        raise bad(f"{fields.where}{words.requested}", requested, expected)
    return least, requested, most
