"""Durations as people write and read them."""

import pytest

from aryl.client.durations import duration_text, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("15m", 900.0),
        ("2h", 7200.0),
        ("1d", 86_400.0),
        ("1w", 604_800.0),
        ("1h30m", 5400.0),
        (" 1H 30M ", 5400.0),
        ("1.5h", 5400.0),
        ("90", 90.0),
        ("0", 0.0),
    ],
)
def test_a_duration_reads_as_its_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-5m", "5 minutes", "1e3", "nan", "inf", "2h!", "h2"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 15m, 2h, 1d"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (45.4, "45s"),
        (59.6, "1m 00s"),
        (725, "12m 05s"),
        (12_000, "3h 20m"),
        (187_200, "2d 04h"),
        (-90, "-1m 30s"),
    ],
)
def test_seconds_are_shown_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
