"""A form on the page of suppositions becomes a question, and its answer sentences."""

from typing import Any

import pytest

from api.dashboard.whatif_page import question, verdict
from api.schemas.whatif import FareOut, LoansOut, SupposedJobOut, WhatIfOut

NOW = 1_000.0


def answer(**changed: Any) -> WhatIfOut:
    fare = FareOut(mean_queuing_s=0.0, mean_jct_s=None, finished=0)
    known: dict[str, Any] = {
        "now_s": NOW,
        "horizon_s": 86_400.0,
        "until_s": NOW + 86_400.0,
        "submitted": [],
        "loans": LoansOut(base=[], changed=[]),
        "preempted": [],
        "shrunk": [],
        "delayed": [],
        "sooner": [],
        "counts": dict.fromkeys(("preempted", "shrunk", "delayed", "sooner"), 0),
        "base": fare,
        "changed": fare,
    }
    return WhatIfOut(**known | changed)


def supposed(start_s: float | None, finish_s: float | None) -> SupposedJobOut:
    return SupposedJobOut(
        id="what-if",
        start_s=start_s,
        finish_s=finish_s,
        waits_s=0.0,
        preemptions=0,
        sizes=[],
        reason=None,
    )


def test_a_form_asks_what_its_fields_say() -> None:
    fields = {"num_gpus": "8", "hours": "1.5", "fungible": "1", "lend": "", "return": "2"}

    asked = question(fields | {"scheme": "fifo"})

    assert asked.submit is not None
    assert (asked.submit.num_gpus, asked.submit.duration_s) == (8, 5_400.0)
    assert asked.submit.fungible
    assert (asked.lend, asked.give_back, asked.policy) == (0, 2, {"scheme": "fifo"})


@pytest.mark.parametrize("fields", [{}, {"num_gpus": "many"}, {"lend": "-1"}])
def test_a_form_that_asks_nothing_sensible_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        question(fields)


@pytest.mark.parametrize(
    ("start_s", "finish_s", "text"),
    [
        (NOW, NOW + 3_600.0, "It would start at once and finish day 0 01:16."),
        (NOW + 7_500.0, None, "It would start in 2 h 05 m, day 0 02:21, and not finish by day 1"),
        (None, None, "It would not start within 1 d 00 h."),
    ],
)
def test_a_verdict_says_when_the_job_would_start(
    start_s: float | None, finish_s: float | None, text: str
) -> None:
    first, second = verdict(answer(submitted=[supposed(start_s, finish_s)]))

    assert first.replace("\N{NO-BREAK SPACE}", " ").startswith(text)
    assert second == "No other job would notice."


def test_a_verdict_counts_whom_it_would_hurt() -> None:
    counts = {"preempted": 1, "shrunk": 0, "delayed": 2, "sooner": 0}

    (said,) = verdict(answer(counts=counts))

    assert said.replace("\N{NO-BREAK SPACE}", " ") == (
        "1 job would be preempted; 2 jobs would come later."
    )
