"""Numbers and times read the same on every page."""

import pytest

from api.dashboard.words import NOTHING, count, duration, moment, several, share

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, NOTHING),
        (float("inf"), NOTHING),
        (0.0, "0 s"),
        (0.04, "<0.1 s"),
        (0.4, "0.4 s"),
        (45.0, "45 s"),
        (59.7, "1 m 00 s"),
        (750.0, "12 m 30 s"),
        (7_500.0, "2 h 05 m"),
        (3 * DAY_S + 4 * 3_600.0, "3 d 04 h"),
        (2_000 * DAY_S, "2,000 d 00 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (None, NOTHING),
        (0.0, "day 0 00:00"),
        (3 * DAY_S + 8 * 3_600.0 + 640.0, "day 3 08:10"),
        (1_795_230_600.0, "2026-11-21 03:10"),
    ],
)
def test_a_moment_is_a_day_of_an_emulation_or_a_date(time_s: float | None, text: str) -> None:
    assert moment(time_s).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, NOTHING), (0.0, "0"), (12.34, "12.3"), (1234.5, "1,234"), (7, "7")]
)
def test_a_count_has_thousands_apart_and_few_decimals(value: float | None, text: str) -> None:
    assert count(value) == text


def test_a_share_of_nothing_is_a_dash() -> None:
    assert share(1, 0) == NOTHING
    assert share(1, 3).replace("\N{NO-BREAK SPACE}", " ") == "33 %"


def test_one_thing_is_no_plural() -> None:
    assert [several(n, "job").replace("\N{NO-BREAK SPACE}", " ") for n in (0, 1, 2)] == [
        "0 jobs",
        "1 job",
        "2 jobs",
    ]
