"""A job's life: what the table allows, and that it refuses all else."""

import re
from itertools import product

import pytest

from aryl.engine.lifecycle import TRANSITIONS, JobEvent, JobState, after
from aryl.model.errors import InvalidTransition

ALLOWED: dict[str, dict[str, str]] = {
    "queued": {"start": "running", "cancel": "cancelled"},
    "running": {
        "resize": "running",
        "preempt": "queued",
        "finish": "finished",
        "fail": "failed",
        "cancel": "cancelled",
    },
    "finished": {},
    "failed": {},
    "cancelled": {},
}


@pytest.mark.parametrize(
    ("state", "event"),
    list(product(JobState, JobEvent)),
    ids=lambda value: value.value,
)
def test_a_job_goes_where_the_table_says_or_nowhere(state: JobState, event: JobEvent) -> None:
    leads_to = ALLOWED[state.value].get(event.value)

    if leads_to:
        assert after("job-1", state, event).value == leads_to
    else:
        expected = f"job-1 is {state.value}: it can't {event.value}"
        with pytest.raises(InvalidTransition, match=re.escape(expected)):
            after("job-1", state, event)


def test_the_table_lists_nothing_else() -> None:
    assert len(TRANSITIONS) == sum(map(len, ALLOWED.values()))
